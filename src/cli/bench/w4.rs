//! W4: W1 in a store with many finished jobs, against W1 on an empty store in the same run; and
//! pages of its lists, with every kind of filter.

use std::time::Duration;

use super::arguments::Arguments;
use super::fill::{self, CALLS_JOB, Kind};
use super::pages::{self, Pages};
use super::report::{Figure, Report, Unit};
use super::scratch::Scratch;
use super::stage::{Cost, Memory, Stage, completed, draw_password};
use super::{targets, w1};
use crate::cli::exit::Failure;

const JOBS: u64 = 10_000;
/// The two servers take turns, so that a machine that slows down slows down both.
const TURNS: u64 = 3;
/// Jobs before anything is counted.
const WARM_UP: u64 = 500;

pub(super) async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let place = scratch.kept("finished")?;
    let password = fill::fill(&place, Kind::Finished, arguments.finished).await?;
    let full = Stage::open(place, &password).await?;
    let empty = Stage::open(scratch.empty("w4-empty")?, &draw_password()?).await?;
    let finished = completed(&full.status().await?);
    let jobs = arguments.jobs.unwrap_or(JOBS).div_ceil(TURNS);
    let limit = arguments.seconds.map(|seconds| Duration::from_secs_f64(seconds / TURNS as f64));
    let clients = arguments.clients;
    for stage in [&full, &empty] {
        w1::run(stage, clients, jobs.min(WARM_UP), None).await?;
    }
    let (mut on_full, mut on_empty) = (Cost::default(), Cost::default());
    let mut first = Memory::default();
    for turn in 1..=TURNS {
        eprintln!("W4: turn {turn} of {TURNS}, {jobs} jobs on an empty store and on a full one");
        on_empty.add(w1::run(&empty, clients, jobs, limit).await?);
        on_full.add(w1::run(&full, clients, jobs, limit).await?);
        // In the first one the allocator gives back what checking the file took.
        if turn == 1 {
            first = full.memory().await?;
        }
    }
    let figure = |name: &str, unit, value| Figure::new("W4", name, unit, value);
    report.add(figure("finished jobs in the store", Unit::Count, finished as f64));
    let rate = figure("jobs", Unit::PerSecond, on_full.per_second());
    report.add(rate.beside("empty store", on_empty.per_second()).target(targets::W4_JOBS));
    let cpu =
        figure("processor time per job, engine", Unit::Milliseconds, on_full.cpu_ms_per_job());
    report.add(cpu.beside("empty store", on_empty.cpu_ms_per_job()));
    let (memory, other) = (full.memory().await?, empty.memory().await?);
    let resident =
        figure("memory of the server after it", Unit::Bytes, memory.resident_bytes as f64);
    report.add(resident.beside("empty store", other.resident_bytes as f64));
    let cache = figure("of it the cache of the file", Unit::Bytes, memory.cache_bytes as f64);
    report.add(cache.beside("empty store", other.cache_bytes as f64));
    let beside = figure("memory beside the cache", Unit::Bytes, memory.beside_cache());
    let grown = beside.clone().beside("after the first turn", first.beside_cache());
    report.add(grown.target(targets::W4_MEMORY));
    report.add(beside.beside("empty store", other.beside_cache()).target(targets::W4_MEMORY));
    empty.close()?.remove()?;
    eprintln!("W4: pages of lists");
    let pages = Pages {
        workload: "W4",
        job_type: CALLS_JOB,
        status: "COMPLETED",
        phase: "completed",
        jobs: finished,
    };
    pages::measure(&full.client, &pages, report).await?;
    full.close()?;
    Ok(())
}
