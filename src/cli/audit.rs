//! `audit`: whether the trail holds, its key, a page of it, and evidence of one job, which is
//! checked without a server. It repairs nothing.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::Global;
use super::backup::store_in;
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::serve::runtime;
use super::table::Table;
use super::{connection, store_advice};
use crate::api::audit::AuditVerification;
use crate::app::audit::{
    BundleReport, Verification, VerifyOrder, check_bundle, public_key, verify_stopped,
};
use crate::store::durable_file::create_private;

/// Findings that are printed one by one.
const SHOWN: usize = 20;

/// What to do with the trail.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Follow the whole trail and name the first entry that is not what was written
    Verify(VerifyArguments),
    /// Show the public key that signs the trail: note it somewhere else
    Key(KeyArguments),
    /// Show entries, newest first
    List(ListArguments),
    /// Write the evidence of a job: what its decisions were made from
    Export(ExportArguments),
    /// Check such evidence without a server and without a store
    CheckBundle(CheckArguments),
}

/// Which trail.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --data and --file the server at --url follows its own trail. Whoever does not trust that
machine takes a copy of the store and gives --anchor with signed heads that were kept elsewhere,
and --key with the public key that was noted. Exit codes: 0 it holds, 65 it does not, 74 a file
cannot be read.")]
pub(super) struct VerifyArguments {
    /// The data folder of a stopped server
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    data: Option<String>,
    /// The file of a store or of a backup
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A file of signed heads, as `[audit] heads_file` has them; may be given more than once
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
    /// The public key that must have signed
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

/// Whose key.
#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    /// The folder with the store's file
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

/// Which entries.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// By whom: a user id, agent:… or system:…
    #[arg(long, value_name = "ID")]
    by: Option<String>,
    /// What was done; `login` also finds `login.failed`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// The id of a job
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

/// Of which job, and where to.
#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// The id of the job
    #[arg(long, value_name = "ID")]
    job: String,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Which evidence.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The file
    file: PathBuf,
    /// The public key that must have signed; without it the bundle vouches for its own
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Verify(arguments) => verify(arguments, global, output),
        Command::Key(arguments) => key(&arguments, output),
        Command::List(arguments) => list(arguments, global, output),
        Command::Export(arguments) => export(&arguments, global, output),
        Command::CheckBundle(arguments) => check(&arguments, output),
    }
}

fn verify(arguments: VerifyArguments, global: &Global, output: &mut Output) -> Result<(), Failure> {
    let VerifyArguments { data, file, anchor, key } = arguments;
    let store = match (file, data) {
        (Some(file), _) => file,
        (None, Some(data)) => store_in(Some(&data))?,
        (None, None) if anchor.is_empty() && key.is_none() => {
            return connection::with_client(global, async |client| {
                let answer = client.verify_audit().await?;
                tell(answer.body.verification, "the server", output)
            });
        }
        (None, None) => store_in(None)?,
    };
    let place = store.display().to_string();
    let order = VerifyOrder { store, anchors: anchor, key };
    let verified = runtime()?.block_on(verify_stopped(&order));
    match verified.map_err(|error| store_advice::of_stopped(&error))? {
        Some(found) => tell(shown(found), &place, output),
        None => {
            let text = "this store is of a format without an audit trail; the first start of this \
                        version makes one of its journals";
            Err(Failure::new(Code::Refused, text))
        }
    }
}

fn shown(found: Verification) -> AuditVerification {
    let holds = found.holds();
    let finding = |finding: crate::app::audit::Finding| crate::api::audit::AuditFinding {
        entry: finding.entry,
        kind: finding.kind.to_owned(),
        what: finding.what,
    };
    AuditVerification {
        holds,
        store_id: found.store_id,
        generation: found.generation,
        entries: found.entries,
        commits: found.commits,
        removed: found.removed,
        heads: found.heads,
        key: found.key,
        findings: found.findings.into_iter().map(finding).collect(),
        notes: found.notes,
    }
}

fn tell(found: AuditVerification, place: &str, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        output.value(&json!(found))?;
    } else {
        print(&found, place, output)?;
    }
    if found.holds { Ok(()) } else { Err(Failure::silent(Code::Damaged)) }
}

fn print(found: &AuditVerification, place: &str, output: &mut Output) -> Result<(), Failure> {
    match found.findings.first() {
        None => output.painted(Paint::Good, format!("✅ The audit trail holds: {place}"))?,
        Some(first) => {
            let entry = first.entry.map(|entry| format!(" from entry {entry} on"));
            let entry = entry.unwrap_or_default();
            let text = format!("❌ The audit trail does not hold{entry}: {place}");
            output.painted(Paint::Bad, text)?;
        }
    }
    for finding in found.findings.iter().take(SHOWN) {
        output.line(format!("   {}: {}", finding.kind, finding.what))?;
    }
    if found.findings.len() > SHOWN {
        output.line(format!("   … and {} more; --json has them", found.findings.len() - SHOWN))?;
    }
    let entries = match found.entries {
        1 => "1 entry".to_owned(),
        more => format!("{more} entries"),
    };
    let (commits, heads) = (count(found.commits, "commit"), count(found.heads, "signed head"));
    output.line(format!("   {entries}, {commits} as in the journals, {heads}"))?;
    if found.removed > 0 {
        let removed = count(found.removed, "commit");
        output.line(format!("   {removed} of jobs that were removed when their time was over"))?;
    }
    if let Some(key) = &found.key {
        output.line(format!("   signed by {key}"))?;
    }
    for note in &found.notes {
        output.painted(Paint::Attention, format!("   note: {note}"))?;
    }
    Ok(())
}

fn key(arguments: &KeyArguments, output: &mut Output) -> Result<(), Failure> {
    let key = public_key(&store_in(arguments.data.as_deref())?)?;
    match output.is_json() {
        true => Ok(output.value(&json!({ "key": key }))?),
        false => Ok(output.line(key)?),
    }
}

fn list(arguments: ListArguments, global: &Global, output: &mut Output) -> Result<(), Failure> {
    let ListArguments { by, action, job, limit } = arguments;
    let mut query = vec![("limit", limit.to_string())];
    query.extend(by.map(|by| ("by", by)));
    query.extend(action.map(|action| ("action", action)));
    query.extend(job.map(|job| ("job", job)));
    connection::with_client(global, async |client| {
        let answer = client.audit(&query).await?;
        if output.is_json() {
            return Ok(output.value(&answer.raw)?);
        }
        let mut table = Table::new(&["SEQ", "AT", "BY", "ACTION", "TARGET", "VIA"]);
        for entry in &answer.body.entries {
            let via = entry.origin.as_ref().map(|origin| origin.via.clone());
            table.row(vec![
                entry.seq.to_string().into(),
                (&entry.at).into(),
                (&entry.by).into(),
                (&entry.action).into(),
                (&entry.target).into(),
                via.unwrap_or_default().into(),
            ]);
        }
        Ok(output.table(&table)?)
    })
}

fn export(
    arguments: &ExportArguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    let ExportArguments { job, out } = arguments;
    let failed = |error: std::io::Error| {
        Failure::new(Code::Io, format!("cannot write {}: {error}", out.display()))
    };
    if out.exists() {
        let text = format!("{} exists already: nothing is overwritten", out.display());
        return Err(Failure::new(Code::Io, text));
    }
    connection::with_client(global, async |client| {
        let answer = client.evidence(job).await?;
        let file = create_private(out).map_err(failed)?;
        serde_json::to_writer_pretty(&file, &answer.raw)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        file.sync_all().map_err(failed)?;
        told(&check_bundle(&answer.raw, None), out, output)
    })
}

fn check(arguments: &CheckArguments, output: &mut Output) -> Result<(), Failure> {
    let file = &arguments.file;
    let unreadable = |error: std::io::Error| {
        Failure::new(Code::Io, format!("cannot read {}: {error}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let bundle: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::new(Code::Damaged, format!("{} is no JSON: {error}", file.display()))
    })?;
    told(&check_bundle(&bundle, arguments.key.as_deref()), file, output)
}

fn told(report: &BundleReport, file: &Path, output: &mut Output) -> Result<(), Failure> {
    let holds = report.problems.is_empty();
    if output.is_json() {
        output.value(&json!({ "file": file, "holds": holds, "report": report }))?;
    } else if holds {
        let (events, decisions) =
            (count(report.events, "event"), count(report.decisions, "decision"));
        let file = file.display();
        output.painted(Paint::Good, format!("✅ The evidence holds: {file}"))?;
        output.line(format!("   job {}: {events}, {decisions} proven", report.job))?;
        output.line(format!("   signed by {}", report.key))?;
    } else {
        output.painted(Paint::Bad, format!("❌ The evidence does not hold: {}", file.display()))?;
        for problem in &report.problems {
            output.line(format!("   {problem}"))?;
        }
    }
    if holds { Ok(()) } else { Err(Failure::silent(Code::Damaged)) }
}
