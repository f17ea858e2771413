//! `config show`: the effective configuration, each key with the layer that set it. There are no
//! secrets in it: they stand in files that it only names.

use clap::Subcommand;
use serde_json::json;

use super::arguments::ConfigFlags;
use super::configuration;
use super::exit::Failure;
use super::output::Output;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print every key with its value and where it was set
    Show(ConfigFlags),
}

pub(super) fn run(command: Command, output: &mut Output) -> Result<(), Failure> {
    let Command::Show(flags) = command;
    let shown = configuration::of(&flags)?.show();
    if !output.is_json() {
        return Ok(output.verbatim(&shown)?);
    }
    // The text is TOML by construction; read back it is the same tree without the comments.
    let tree: toml::Table = shown.parse().map_err(|error| {
        Failure::new(super::exit::Code::Internal, format!("the configuration is no TOML: {error}"))
    })?;
    Ok(output.value(&json!(tree))?)
}
