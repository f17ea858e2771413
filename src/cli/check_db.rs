//! `check-db`: whether the store's file can be used, and what to do when it cannot. It repairs
//! nothing; while a server has the file open, that server is asked.

use std::io;
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::arguments::{ConfigFlags, Global};
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::store_advice;
use super::{configuration, connection};
use crate::api::status::Store;
use crate::app::{AppError, StoreFault};
use crate::client::{Client, ClientError};
use crate::config::store::StoreUrl;
use crate::store::{Report, verify};

/// Defects that are printed: the first ones tell the kind of damage.
const DEFECTS_SHOWN: usize = 20;

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
    let StoreUrl::Redb(path) = config.store.url;
    if path.try_exists().is_ok_and(|exists| !exists) {
        return missing(&path, output);
    }
    match verify(&path) {
        Ok(report) => judge(&path, &report, output),
        Err(error) => match AppError::from(error) {
            AppError::Store { fault: StoreFault::InUse, reason, .. } => {
                connection::with_client(global, async |client| {
                    ask_the_server(client, &path, output).await
                })
                .or_else(|failure| match failure.code {
                    // Whoever has the file, it is no server at --url.
                    Code::Unreachable => refuse(&path, StoreFault::InUse, &reason, output),
                    _ => Err(failure),
                })
            }
            AppError::Store { fault, reason, .. } => refuse(&path, fault, &reason, output),
            other => Err(other.into()),
        },
    }
}

fn missing(path: &Path, output: &mut Output) -> Result<(), Failure> {
    let steps = [
        "the first start makes it: holdpoint serve".to_owned(),
        "check the path: [store] url in config.toml, or --data".to_owned(),
        "check the working directory: a relative path counts from there".to_owned(),
    ];
    say_no(path, &format!("there is no file {}", path.display()), &steps, output)
}

fn refuse(
    path: &Path,
    fault: StoreFault,
    reason: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    say_no(path, reason, &store_advice::steps(fault, path), output)
}

fn say_no(path: &Path, reason: &str, steps: &[String], output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        output.value(&json!({
            "path": path, "ok": false, "reason": reason, "steps": steps
        }))?;
    } else {
        output.painted(Paint::Bad, format!("❌ Store cannot be used: {reason}"))?;
        output.line("")?;
        for (number, step) in (1..).zip(steps) {
            output.line(format!("{number}. {step}"))?;
        }
    }
    Err(Failure::silent(Code::Io))
}

fn judge(path: &Path, report: &Report, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        output.value(&as_json(path, report))?;
    } else {
        print(path, report, output)?;
    }
    if report.problems.is_empty() { Ok(()) } else { Err(Failure::silent(Code::Io)) }
}

fn print(path: &Path, report: &Report, output: &mut Output) -> io::Result<()> {
    let (file, bytes) = (path.display(), report.bytes);
    let (format, program) = (report.format, &report.created_by);
    output.painted(Paint::Good, format!("✅ Store file opened: {file}"))?;
    output.line(format!("   {bytes} bytes, format {format}, made by {program}"))?;
    if report.problems.is_empty() {
        let rows = |table, word| count(rows_of(report, table), word);
        let lines = [
            format!("✅ journal: {}, every record and chain checked", rows("journal", "event")),
            format!("✅ jobs table exists: {}", rows("jobs", "job")),
            format!("✅ checkpoints table exists: {}", rows("checkpoints", "checkpoint")),
            format!("✅ audit trail: {} entries, every link followed", rows_of(report, "audit")),
            "✅ Store is ready for the worker!".to_owned(),
        ];
        return lines.iter().try_for_each(|line| output.painted(Paint::Good, line));
    }
    let found = report.problems.len();
    let said = count(found as u64, "defect");
    match report.lacks_only_places() {
        true => output.painted(Paint::Attention, format!("⚠ Rows of jobs are missing: {said}"))?,
        false => output.painted(Paint::Bad, format!("❌ Store is damaged: {said}"))?,
    }
    for defect in report.problems.iter().take(DEFECTS_SHOWN) {
        output.line(format!("   {defect}"))?;
    }
    if found > DEFECTS_SHOWN {
        output.line(format!("   … and {} more; --json has them all", found - DEFECTS_SHOWN))?;
    }
    output.line("")?;
    for (number, step) in (1..).zip(store_advice::steps_after(report, path)) {
        output.line(format!("{number}. {step}"))?;
    }
    Ok(())
}

fn rows_of(report: &Report, table: &str) -> u64 {
    report.tables.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
}

fn as_json(path: &Path, report: &Report) -> Value {
    let tables: serde_json::Map<String, Value> =
        report.tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
    let defects: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    json!({
        "path": path,
        "ok": defects.is_empty(),
        "format": report.format,
        "createdBy": report.created_by,
        "storeId": report.store_id,
        "bytes": report.bytes,
        "tables": tables,
        "defects": defects,
    })
}

/// The file belongs to a running process, most likely to the server at `--url`.
async fn ask_the_server(client: &Client, path: &Path, output: &mut Output) -> Result<(), Failure> {
    client.is_ready().await?;
    let url = client.base();
    let store = match client.server_status().await {
        Ok(answer) => Some(answer.body.status.store),
        Err(ClientError::Refused(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if output.is_json() {
        let answer = json!({ "path": path, "ok": true, "server": url, "store": store });
        return Ok(output.value(&answer)?);
    }
    output.line(format!(
        "{} is open in another process, so that process was asked",
        path.display()
    ))?;
    output.painted(Paint::Good, format!("✅ The server at {url} is ready"))?;
    match store {
        Some(store) => print_store(&store, output),
        None => {
            let hint =
                "Set HOLDPOINT_EMAIL and HOLDPOINT_PASSWORD of an operator to see its store.";
            Ok(output.line(hint)?)
        }
    }
}

fn print_store(store: &Store, output: &mut Output) -> Result<(), Failure> {
    output.painted(Paint::Good, format!("✅ Store file opened: {}", store.location))?;
    output.line(format!(
        "   {} bytes, {} commits since the start, {} µs for a transaction",
        store.bytes, store.commits, store.group_micros_mean
    ))?;
    match &store.read_only {
        None => Ok(output.painted(Paint::Good, "✅ Store is ready for the worker!")?),
        Some(reason) => {
            output.painted(Paint::Bad, format!("❌ Store takes no writes: {reason}"))?;
            Err(Failure::silent(Code::Io))
        }
    }
}
