//! `check`: workflow documents, without a server. Every defect with its line and what to do.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Code, Failure};
use super::output::Output;

/// Which documents.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files, or folders with documents
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let _ = (&arguments.paths, output);
    Err(Failure::new(Code::Internal, "no document can be checked yet"))
}
