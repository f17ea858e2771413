//! `compact`: gives the room of removed rows back to the disk.

use clap::Args;
use serde_json::json;

use super::backup::store_in;
use super::exit::Failure;
use super::output::{Output, Paint};
use super::serve::runtime;
use super::store_advice;
use crate::app::stopped;

/// Which store.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder with the store's file and the artifacts
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let store = store_in(arguments.data.as_deref())?;
    let compacted = runtime()?.block_on(stopped::make_compact(&store));
    let (before, after) = compacted.map_err(|error| store_advice::of_stopped(&error))?;
    if output.is_json() {
        let answer = json!({ "store": store, "bytesBefore": before, "bytesAfter": after });
        return Ok(output.value(&answer)?);
    }
    let file = store.display();
    let text = format!("✅ Compacted {file}: {before} bytes before, {after} bytes after");
    Ok(output.painted(Paint::Good, text)?)
}
