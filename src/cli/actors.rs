//! `actors`: the live actor tree of a running server.

use clap::{Args, ValueEnum};

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::Output;

/// How to show the tree.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A tree of text, a graph for Graphviz, or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
    Json,
}

pub(super) fn run(
    arguments: &Arguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    let format = if output.is_json() { Format::Json } else { arguments.format };
    connection::with_client(global, async |client| match format {
        Format::Json => Ok(output.value(&client.actors().await?.raw)?),
        Format::Text => Ok(output.verbatim(&client.actors_as("text").await?)?),
        Format::Dot => Ok(output.verbatim(&client.actors_as("dot").await?)?),
    })
}
