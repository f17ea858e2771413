//! `check-db`: whether the store's file can be used, and what to do when it cannot. It changes
//! nothing in the file.

use clap::Args;

use super::arguments::{ConfigFlags, Global};
use super::configuration;
use super::exit::{Code, Failure};
use super::output::Output;

/// Which store.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) fn run(
    arguments: &Arguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    let config = configuration::of(&arguments.config)?.config;
    let _ = (config, global, output);
    Err(Failure::new(Code::Internal, "no store can be checked yet"))
}
