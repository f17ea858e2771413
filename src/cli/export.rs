//! `export` and `import`: a store as a stream of lines, apart from any engine.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::backup::store_in;
use super::exit::Failure;
use super::output::{Output, Paint};
use super::serve::runtime;
use super::store_advice;
use crate::app::stopped;
use crate::store::stream::Trailer;

/// What to export, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
The stream is JSON lines: a header, a line for each piece of the store, a trailer with counts and a
digest. Each line carries the hash of the lines before it. It is the way to another engine; for
every day there is `holdpoint backup`.")]
pub(super) struct ExportArguments {
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The data folder of a stopped server
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

/// What to import, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
The imported store is held until `holdpoint release`, as a restored one is.")]
pub(super) struct ImportArguments {
    /// The stream
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The folder with the store's file and the artifacts
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Set a store that is there aside, under another name
    #[arg(long)]
    replace: bool,
}

pub(super) fn export(arguments: &ExportArguments, output: &mut Output) -> Result<(), Failure> {
    let store = store_in(arguments.data.as_deref())?;
    let exported = runtime()?.block_on(stopped::export(&store, &arguments.out));
    let trailer = exported.map_err(|error| store_advice::of_stopped(&error))?;
    if output.is_json() {
        return Ok(output.value(&json!({ "out": arguments.out, "trailer": trailer }))?);
    }
    let text = format!("✅ Exported to {}", arguments.out.display());
    output.painted(Paint::Good, text)?;
    tell(&trailer, output)
}

pub(super) fn import(arguments: &ImportArguments, output: &mut Output) -> Result<(), Failure> {
    let to = store_in(arguments.data.as_deref())?;
    let imported = runtime()?.block_on(stopped::import(&arguments.from, &to, arguments.replace));
    let (trailer, restored) = imported.map_err(|error| store_advice::of_stopped(&error))?;
    if output.is_json() {
        return Ok(output.value(&json!({
            "store": to, "from": arguments.from, "trailer": trailer, "held": true,
            "generation": restored.standing.generation, "kept": restored.kept,
        }))?);
    }
    output.painted(Paint::Good, format!("✅ Imported and verified: {}", to.display()))?;
    tell(&trailer, output)?;
    if let Some(kept) = restored.kept {
        output.line(format!("   the store that was there is now {}", kept.display()))?;
    }
    let hint = "It is held: nothing starts until `holdpoint release --reason …`.";
    Ok(output.painted(Paint::Attention, hint)?)
}

fn tell(trailer: &Trailer, output: &mut Output) -> Result<(), Failure> {
    let counts: Vec<String> =
        trailer.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    output.line(format!("   {}", counts.join(", ")))?;
    Ok(output.line(format!("   digest {}", trailer.digest))?)
}
