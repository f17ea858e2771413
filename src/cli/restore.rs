//! `restore`: a backup in the place of a store, verified, and held until somebody releases it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::backup::store_in;
use super::exit::Failure;
use super::output::{Output, Paint, count};
use super::serve::runtime;
use super::store_advice;
use crate::app::stopped::{self, RestoreOrder};

/// What to restore, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
The restored store is held: a server on it serves reads and takes decisions, but starts no run,
fires no timer and calls nobody until `holdpoint release`. So two copies of one store never work
side by side by accident.")]
pub(super) struct Arguments {
    /// The backup; its manifest lies beside it
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The folder with the store's file and the artifacts
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Set a store that is there aside, under another name
    #[arg(long)]
    replace: bool,
    /// Restore a backup whose manifest is lost: only the store itself vouches for it
    #[arg(long)]
    without_manifest: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let to = store_in(arguments.data.as_deref())?;
    let order = RestoreOrder {
        from: arguments.from.clone(),
        to: to.clone(),
        replace: arguments.replace,
        without_manifest: arguments.without_manifest,
    };
    let restored = runtime()?.block_on(stopped::restore(&order));
    let restored = restored.map_err(|error| store_advice::of_stopped(&error))?;
    let (jobs, events) = (restored.report.rows("jobs"), restored.report.events);
    let generation = restored.standing.generation;
    if output.is_json() {
        return Ok(output.value(&json!({
            "store": to, "from": arguments.from, "storeId": restored.report.store_id,
            "takenAt": restored.taken_at, "jobs": jobs, "events": events,
            "generation": generation, "held": true, "kept": restored.kept,
        }))?);
    }
    let (jobs, events) = (count(jobs, "job"), count(events, "event"));
    output.painted(Paint::Good, format!("✅ Restored and verified: {}", to.display()))?;
    let taken = restored.taken_at.unwrap_or_else(|| "an unknown time".to_owned());
    output.line(format!("   {jobs}, {events}, as of {taken}; generation {generation}"))?;
    if let Some(kept) = restored.kept {
        output.line(format!("   the store that was there is now {}", kept.display()))?;
    }
    output.painted(Paint::Attention, "It is held: nothing starts until you release it.")?;
    output.line("1. make sure that the original does not run any more")?;
    output.line("2. holdpoint serve, and look around: jobs, checkpoints, doctor")?;
    Ok(output.line("3. holdpoint release --reason \"the original is gone\"")?)
}
