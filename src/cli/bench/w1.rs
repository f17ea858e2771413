//! W1: jobs of three calls over HTTP to an agent that does nothing. First many clients at once,
//! against the same calls without an engine; then one job at a time, against its own commits and
//! calls.

use std::time::Duration;

use super::arguments::Arguments;
use super::bare_calls;
use super::fill::CALLS_JOB;
use super::quantile::quantile;
use super::report::{Figure, Report, Unit};
use super::scratch::Scratch;
use super::stage::{Cost, Stage, completed, draw_password};
use super::targets;
use crate::cli::exit::{Code, Failure};
use crate::clock::Stopwatch;
use crate::store::replay_bare;

const JOBS: u64 = 10_000;
/// Server and bare loop take turns, so that a machine that slows down slows down both.
const TURNS: u64 = 3;
/// Jobs before anything is counted: connections open, the allocator grows.
const WARM_UP: u64 = 200;
/// Jobs that run alone.
const ALONE: u64 = 300;
/// Commits of them that the bare loop replays: all that there can be.
const REPLAYED_MAX: usize = 10_000;
const MS: f64 = 1e3;

pub(super) async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    measure_many(arguments, scratch, report).await?;
    measure_one(arguments, scratch, report).await
}

/// Runs jobs of W1 on this stage and says what they cost the server.
pub(super) async fn run(
    stage: &Stage,
    clients: u32,
    jobs: u64,
    limit: Option<Duration>,
) -> Result<Cost, Failure> {
    let before = stage.moment().await?;
    let sent = stage.submit(CALLS_JOB, clients, jobs, limit).await?;
    stage.wait_for(&before, completed, sent).await?;
    stage.since(&before, sent).await
}

async fn measure_many(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let stage = Stage::open(scratch.empty("w1")?, &draw_password()?).await?;
    let jobs = arguments.jobs.unwrap_or(JOBS).div_ceil(TURNS);
    let limit = arguments.seconds.map(|seconds| Duration::from_secs_f64(seconds / TURNS as f64));
    let clients = arguments.clients;
    run(&stage, clients, jobs.min(WARM_UP), None).await?;
    bare_calls::make(&stage.agent, clients, jobs.min(WARM_UP)).await?;
    let bytes = stage.status().await?.store.bytes;
    let (mut cost, mut bare, mut bare_jobs) = (Cost::default(), Duration::ZERO, 0);
    for turn in 1..=TURNS {
        eprintln!("W1: turn {turn} of {TURNS}, {jobs} jobs of {clients} clients");
        let part = run(&stage, clients, jobs, limit).await?;
        bare += bare_calls::make(&stage.agent, clients, part.jobs).await?;
        bare_jobs += part.jobs;
        cost.add(part);
    }
    let grown = stage.status().await?.store.bytes.saturating_sub(bytes);
    let usage = stage.server.usage();
    stage.close()?.remove()?;

    let figure = |name: &str, unit, value| Figure::new("W1", name, unit, value);
    let bare = bare_jobs as f64 / bare.as_secs_f64();
    let rate = figure("jobs", Unit::PerSecond, cost.per_second());
    report.add(rate.beside("the calls alone", bare).target(targets::W1_JOBS));
    report.add(figure("jobs run", Unit::Count, cost.jobs as f64));
    let cpu = figure("processor time per job, engine", Unit::Milliseconds, cost.cpu_ms_per_job());
    report.add(cpu.target(targets::W1_CPU));
    let name = format!("syncs per job, clients: {clients}");
    let syncs = figure(&name, Unit::Count, cost.syncs_per_job());
    report.add(syncs.target(targets::W1_SYNCS));
    let commits = cost.per_job(cost.commits as f64);
    report.add(figure("commits per job", Unit::Count, commits));
    report.add(figure("commits per transaction", Unit::Count, cost.group_mean()));
    report.add(figure("bytes of the file per job", Unit::Bytes, cost.per_job(grown as f64)));
    report.add(figure("most memory of the server", Unit::Bytes, usage.peak_bytes as f64));
    Ok(())
}

/// What the turns of one job at a time came to.
#[derive(Default)]
struct Alone {
    times: Vec<Duration>,
    calls: Vec<Duration>,
    commits: Vec<Duration>,
    cost: Cost,
}

/// One job after the other, each awaited by asking for it without a pause once the agent has its
/// last call: the time ends with the first answer that says so, up to one question late.
async fn measure_one(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let jobs = arguments.jobs.unwrap_or(ALONE).min(ALONE).div_ceil(TURNS);
    let mut sum = Alone::default();
    for turn in 1..=TURNS {
        eprintln!("W1: turn {turn} of {TURNS}, {jobs} jobs, one at a time");
        let stage = Stage::open(scratch.empty("w1-alone")?, &draw_password()?).await?;
        run_alone(&stage, jobs, &mut sum).await?;
        sum.calls.extend(bare_calls::one_at_a_time(&stage.agent, jobs).await?);
        let place = stage.close()?;
        // Nothing shares a commit here, so every transaction is the size of one.
        let bare = tokio::task::block_in_place(|| {
            replay_bare(&place.store(), &place.bare_store(), 1.0, REPLAYED_MAX)
        });
        let bare = bare.map_err(|error| Failure::new(Code::Io, error.to_string()))?;
        sum.commits.extend(bare.groups);
        place.remove()?;
    }

    let figure = |name: &str, unit, value| Figure::new("W1", name, unit, value);
    let ms = |times: &mut Vec<_>, share| quantile(times, share).as_secs_f64() * MS;
    let commits = ms(&mut sum.commits, 0.5) * sum.cost.per_job(sum.cost.groups as f64);
    let own = ms(&mut sum.calls, 0.5) + commits;
    let alone = figure("one job alone, p50", Unit::Milliseconds, ms(&mut sum.times, 0.5));
    report.add(alone.beside("its commits and calls", own).target(targets::W1_ALONE));
    let slow = ms(&mut sum.times, 0.99);
    report.add(figure("one job alone, p99", Unit::Milliseconds, slow));
    let writing = sum.cost.per_job(sum.cost.writing.as_secs_f64() * MS);
    let writing = figure("one job alone, in transactions", Unit::Milliseconds, writing);
    let replayed = sum.commits.iter().sum::<Duration>().as_secs_f64() * MS;
    let replayed = replayed / sum.commits.len().max(1) as f64;
    let replayed = replayed * sum.cost.per_job(sum.cost.groups as f64);
    report.add(writing.beside("replayed bare", replayed));
    let cpu =
        figure("processor time per job, one client", Unit::Milliseconds, sum.cost.cpu_ms_per_job());
    report.add(cpu);
    let syncs = figure("syncs per job, one client", Unit::Count, sum.cost.syncs_per_job());
    report.add(syncs.target(targets::W1_SYNCS_ALONE));
    Ok(())
}

async fn run_alone(stage: &Stage, jobs: u64, sum: &mut Alone) -> Result<(), Failure> {
    let before = stage.moment().await?;
    for number in 0..jobs {
        let watch = Stopwatch::start();
        let id = stage.create(CALLS_JOB, number).await?;
        stage.wait_for_last_call().await?;
        stage.wait_for_end(&id).await?;
        sum.times.push(watch.elapsed());
    }
    sum.cost.add(stage.since(&before, jobs).await?);
    Ok(())
}
