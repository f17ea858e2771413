//! `drill`: does crash recovery hold for the jobs of this store? It reads a copy, calls nobody, and
//! says what it could not try.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::arguments::ConfigFlags;
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::serve::runtime;
use super::table::{Cell, Table};
use super::{configuration, store_advice};
use crate::app::drill::{Order, Remark, Report, WorkflowReport, of_file};
use crate::app::stopped::StoppedError;
use crate::app::{AppError, StoreFault};
use crate::config::store::StoreUrl;

/// Lines of each kind that are printed; JSON has them all.
const SHOWN: usize = 20;

/// Which store, and which of its jobs.
#[derive(Debug, Args)]
#[command(after_help = "\
The last jobs that have ended run again on scratch stores in memory: the agents' answers, the
decisions and the events come from the journals, at the times of the journals, and nobody is
called. Each job runs once in peace, then once for each side of each commit with the engine killed
there and started again.
  recovered  it ended as recorded, and nothing happened twice
  lost       it did not end, or ended otherwise
  doubled    a call, a decision, an event or a job happened twice
  asked      calls that a person was asked about, because they must not simply be repeated
  differs    it ended otherwise in peace: it was not drilled
  skipped    it cannot be rehearsed; the reason is given
The store itself is only copied, which needs its size once more in the folder for temporary files
(TMPDIR). While a server runs: holdpoint backup --out FILE, then holdpoint drill --from FILE.")]
pub(super) struct Arguments {
    /// The data folder of a stopped server
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// A backup, instead of the store of a stopped server
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    from: Option<PathBuf>,
    /// How many jobs, the last ones first
    #[arg(long, value_name = "N", default_value_t = 20)]
    jobs: usize,
    /// Only jobs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let flags = ConfigFlags { data: arguments.data.clone(), ..ConfigFlags::default() };
    let config = configuration::of(&flags)?.config;
    let StoreUrl::Redb(store) = config.store.url;
    let file = arguments.from.clone().unwrap_or(store);
    let order = Order { jobs: arguments.jobs, workflow: arguments.workflow.clone() };
    let drilled = runtime()?.block_on(of_file(&file, order, config.secrets.dir.as_deref()));
    let report = drilled.map_err(|error| refused(&file, &error))?;
    let total = report.total();
    if output.is_json() {
        output.value(&json!({ "store": file, "total": total, "drill": report }))?;
    } else {
        print(&report, &total, output)?;
    }
    // A drill that could not kill anything has shown nothing.
    match total.kill_points > 0 && total.lost + total.doubled == 0 {
        true => Ok(()),
        false => Err(Failure::silent(Code::Refused)),
    }
}

fn refused(file: &Path, error: &StoppedError) -> Failure {
    if let StoppedError::Open(AppError::Store { fault: StoreFault::InUse, .. }) = error {
        let text = format!(
            "store {} belongs to a running server, and a drill needs a copy of it\n\n  \
             1. take one: holdpoint backup --out FILE\n  \
             2. drill that: holdpoint drill --from FILE",
            file.display()
        );
        return Failure::new(Code::Io, text);
    }
    store_advice::of_stopped(error)
}

fn print(report: &Report, total: &WorkflowReport, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "WORKFLOW",
        "JOBS",
        "KILL POINTS",
        "RECOVERED",
        "LOST",
        "DOUBLED",
        "ASKED",
        "DIFFERS",
        "SKIPPED",
    ]);
    for (name, line) in &report.workflows {
        table.row(cells(name, line));
    }
    output.table(&table)?;
    output.line("")?;
    let killed = 2 * total.boundaries;
    if total.kill_points < killed {
        let text = format!(
            "{} of {killed} kill points were tried: those of long jobs are spread evenly",
            total.kill_points
        );
        output.line(text)?;
    }
    verdict(report, total, output)?;
    let failures = report.failures.iter().map(|failure| {
        let (job, killed, reason) = (failure.job, &failure.killed, &failure.reason);
        format!("{:?}: job {job} ({}) killed {killed}: {reason}", failure.kind, failure.workflow)
    });
    list(Paint::Bad, failures, output)?;
    list(Paint::Attention, report.differs.iter().map(|it| said("differs", it)), output)?;
    list(Paint::Dim, report.skipped.iter().map(|it| said("skipped", it)), output)
}

fn verdict(report: &Report, total: &WorkflowReport, output: &mut Output) -> Result<(), Failure> {
    let (jobs, points) = (count(total.jobs, "job"), count(total.kill_points, "kill point"));
    let (lost, doubled) = (total.lost, total.doubled);
    let took = report.took.as_secs_f64();
    let each = took * 1_000.0 / total.kill_points.max(1) as f64;
    let (paint, mark) = match (total.kill_points, lost + doubled) {
        (0, _) => {
            let text = "⚠️  Nothing was drilled: no job of these can be rehearsed";
            return Ok(output.painted(Paint::Attention, text)?);
        }
        (_, 0) => (Paint::Good, "✅"),
        _ => (Paint::Bad, "❌"),
    };
    output.painted(paint, format!("{mark} {jobs} × {points}: {lost} lost, {doubled} doubled"))?;
    Ok(output.painted(Paint::Dim, format!("   in {took:.1} s, {each:.1} ms a kill point"))?)
}

fn cells(name: &str, line: &WorkflowReport) -> Vec<Cell> {
    let number = |number: u64| Cell::from(number.to_string());
    let bad = |number: u64| {
        let paint = if number == 0 { Paint::Plain } else { Paint::Bad };
        Cell::painted(number.to_string(), paint)
    };
    vec![
        name.into(),
        number(line.jobs),
        number(line.kill_points),
        number(line.recovered),
        bad(line.lost),
        bad(line.doubled),
        number(line.asked),
        number(line.differs),
        number(line.skipped),
    ]
}

fn said(what: &str, remark: &Remark) -> String {
    format!("{what}: job {} ({}): {}", remark.job, remark.workflow, remark.reason)
}

fn list(
    paint: Paint,
    lines: impl ExactSizeIterator<Item = String>,
    output: &mut Output,
) -> Result<(), Failure> {
    let all = lines.len();
    for line in lines.take(SHOWN) {
        output.painted(paint, format!("   {line}"))?;
    }
    if all > SHOWN {
        output.line(format!("   … and {} more; --json has them all", all - SHOWN))?;
    }
    Ok(())
}
