//! W0: jobs of three calls that a function in this process answers, each call a persisted
//! transition of its own: the engine and its store alone, against a bare redb loop that commits the
//! same records in groups of the same size.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::agent::LAST;
use super::arguments::Arguments;
use super::fill::{CALLS_JOB, job_of};
use super::load::{self, Plan, Request};
use super::process;
use super::report::{Figure, Report, Unit};
use super::scratch::{Place, Scratch};
use super::targets;
use crate::app::rehearsal::Rehearsal;
use crate::cli::exit::{Code, Failure};
use crate::clock::Stopwatch;
use crate::model::status::Status;
use crate::store::replay_bare;

const JOBS: u64 = 20_000;
/// Engine and loop take turns, so that a disk that slows down slows down both.
const TURNS: u64 = 3;
/// Commits that the loop replays in a turn: enough for a steady rate, and they are held in memory.
const REPLAYED_MAX: usize = 40_000;
/// A commit of the last jobs takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

struct Submit {
    rehearsal: Arc<Rehearsal>,
}

#[async_trait]
impl Request for Submit {
    async fn send(&self, number: u64) -> Result<(), Failure> {
        Ok(self.rehearsal.submit(job_of(CALLS_JOB, number)).await?)
    }
}

/// What the turns came to.
#[derive(Default)]
struct Sum {
    jobs: u64,
    commits: u64,
    groups: u64,
    took: Duration,
    cpu: Duration,
    store_bytes: u64,
    bare_commits: u64,
    bare_bytes: u64,
    bare_took: Duration,
}

pub(super) async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let jobs = arguments.jobs.unwrap_or(JOBS).div_ceil(TURNS);
    let limit = arguments.seconds.map(|seconds| Duration::from_secs_f64(seconds / TURNS as f64));
    let mut sum = Sum::default();
    for turn in 1..=TURNS {
        eprintln!("W0: turn {turn} of {TURNS}, {jobs} jobs");
        let place = scratch.empty("w0")?;
        let gate = Arc::new(Semaphore::new(0));
        let plan = Plan { clients: arguments.clients, total: jobs, limit, gate: Some(gate) };
        run_engine(&place, &plan, &mut sum).await?;
        run_bare(&place, &mut sum)?;
        place.remove()?;
    }
    add_figures(&sum, report);
    Ok(())
}

async fn run_engine(place: &Place, plan: &Plan, sum: &mut Sum) -> Result<(), Failure> {
    let last = plan.gate.clone();
    let answer = move |arguments: &Value| {
        let endpoint = arguments["endpoint"].as_str().unwrap_or_default();
        if let (true, Some(gate)) = (endpoint.ends_with(LAST), &last) {
            gate.add_permits(1);
        }
        arguments["body"].clone()
    };
    let rehearsal = Arc::new(Rehearsal::start(&place.config()?, Arc::new(answer)).await?);
    let engine = rehearsal.engine.clone();
    let failed = |error: &dyn std::fmt::Display| Failure::new(Code::Internal, error.to_string());
    let before = engine.health().await.map_err(|error| failed(&error))?;
    let usage = process::usage(std::process::id()).unwrap_or_default();
    let watch = Stopwatch::start();
    let sent = load::send(plan, Arc::new(Submit { rehearsal: rehearsal.clone() })).await?;
    let mut feed = engine.feed();
    loop {
        feed.mark_unchanged();
        let counts = engine.counts().await.map_err(|error| failed(&error))?;
        let is_done = |status: &Status| *status == Status::Completed;
        let done: u64 = counts.jobs.iter().filter(|(s, _)| is_done(s)).map(|(_, n)| n).sum();
        if done >= sent {
            break;
        }
        if tokio::time::timeout(PATIENCE, feed.changed()).await.is_err() {
            return Err(failed(&format!("{done} of {sent} jobs completed, then nothing happened")));
        }
    }
    sum.took += watch.elapsed();
    let used = process::usage(std::process::id()).unwrap_or_default();
    let after = engine.health().await.map_err(|error| failed(&error))?;
    sum.jobs += sent;
    sum.cpu += used.cpu.saturating_sub(usage.cpu);
    sum.commits += after.commits - before.commits;
    sum.groups += after.groups - before.groups;
    sum.store_bytes += after.bytes;
    engine.stop().await;
    Ok(())
}

fn run_bare(place: &Place, sum: &mut Sum) -> Result<(), Failure> {
    let group = sum.commits as f64 / sum.groups.max(1) as f64;
    let bare = tokio::task::block_in_place(|| {
        replay_bare(&place.store(), &place.bare_store(), group, REPLAYED_MAX)
    });
    let bare = bare.map_err(|error| Failure::new(Code::Io, error.to_string()))?;
    sum.bare_commits += bare.commits;
    sum.bare_bytes += bare.record_bytes;
    sum.bare_took += bare.took;
    Ok(())
}

fn add_figures(sum: &Sum, report: &mut Report) {
    let figure = |name: &str, unit, value| Figure::new("W0", name, unit, value);
    let (jobs, seconds) = (sum.jobs.max(1) as f64, sum.took.as_secs_f64());
    let bare = sum.bare_commits as f64 / sum.bare_took.as_secs_f64();
    let transitions = figure("transitions", Unit::PerSecond, sum.commits as f64 / seconds);
    report.add(transitions.beside("bare redb loop", bare).target(targets::W0_TRANSITIONS));
    report.add(figure("jobs", Unit::PerSecond, jobs / seconds).target(targets::W0_JOBS));
    report.add(figure("jobs run", Unit::Count, sum.jobs as f64));
    report.add(figure("commits per job", Unit::Count, sum.commits as f64 / jobs));
    let group = sum.commits as f64 / sum.groups.max(1) as f64;
    report.add(figure("commits per transaction", Unit::Count, group));
    let record = sum.bare_bytes as f64 / sum.bare_commits.max(1) as f64;
    report.add(figure("record bytes per commit", Unit::Bytes, record));
    report.add(figure("bytes of the file per job", Unit::Bytes, sum.store_bytes as f64 / jobs));
    let cpu_ms = sum.cpu.as_secs_f64() * 1e3 / jobs;
    report.add(figure("processor time per job, with load", Unit::Milliseconds, cpu_ms));
}
