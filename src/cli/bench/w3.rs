//! W3: a server with many parked jobs is killed and started again. The time to readiness, the time
//! to one approved job completed, what a parked job takes of the memory beside the cache of the
//! file, how fast an approval is and how long pages of lists take among so many.

use super::arguments::Arguments;
use super::fill::{self, CHECKPOINT_JOB, Kind};
use super::pages::{self, Pages};
use super::quantile::quantile;
use super::report::{Figure, Report, Unit};
use super::scratch::Scratch;
use super::server::Server;
use super::stage::{Stage, completed, waiting};
use super::targets::{self, Target};
use super::w2::{approve, inbox, memory_of_empty_server};
use crate::cli::exit::{Code, Failure};
use crate::client::Client;
use crate::clock::Stopwatch;

/// Kills and restarts; the middle one counts.
const ROUNDS: usize = 3;
/// From here on the targets for many jobs hold.
const MANY: u64 = 100_000;
/// Approvals that are timed.
const APPROVALS: u64 = 200;
const MS: f64 = 1e3;

pub(super) async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let place = scratch.kept("parked")?;
    let password = fill::fill(&place, Kind::Parked, arguments.parked).await?;
    let empty = memory_of_empty_server(scratch, &password).await?;
    let mut stage = Stage::open(place, &password).await?;
    let parked = waiting(&stage.status().await?);

    let (mut ready, mut done, mut resident) = (Vec::new(), Vec::new(), 0);
    for round in 1..=ROUNDS {
        eprintln!("W3: kill and restart {round} of {ROUNDS}, {parked} parked");
        leave_unclosed(&stage).await?;
        let Some(one) = inbox(&stage.client, 1).await?.pop() else {
            return Err(Failure::new(Code::Refused, "no job waits for anybody"));
        };
        let before = stage.moment().await?;
        let (place, agent, client) = (stage.place, stage.agent, stage.client);
        stage.server.kill()?;
        let watch = Stopwatch::start();
        let server = Server::start(&place, agent.address.port(), &password).await?;
        ready.push(server.ready_after);
        resident = server.usage().resident_bytes;
        // The login outlives the kill, as a person's would.
        let client: Client = client.moved_to(&server.url)?;
        stage = Stage { place, agent, server, client };
        approve(&stage.client, &one).await?;
        stage.wait_for(&before, completed, 1).await?;
        done.push(watch.elapsed());
    }
    let file = stage.status().await?.store.bytes;
    look_around(&stage, parked, report).await?;
    let used = stage.memory().await?;
    stage.close()?;

    let figure = |name: &str, unit, value| Figure::new("W3", name, unit, value);
    let median = |times: &mut Vec<_>| quantile(times, 0.5).as_secs_f64() * MS;
    report.add(figure("jobs parked", Unit::Count, parked as f64));
    report.add(figure("restart to ready", Unit::Milliseconds, median(&mut ready)));
    let done = figure("restart to one job done", Unit::Milliseconds, median(&mut done));
    report.add(done.target(restart_target(parked)));
    report.add(figure("memory of the server when ready", Unit::Bytes, resident as f64));
    report.add(figure("memory of the server in use", Unit::Bytes, used.resident_bytes as f64));
    report.add(figure("of it the cache of the file", Unit::Bytes, used.cache_bytes as f64));
    let per_job = (used.beside_cache() - empty as f64) / parked.max(1) as f64;
    let memory = figure("memory per parked job, beside the cache", Unit::Bytes, per_job);
    // Among few jobs what a server in use takes beside an idle one is all that there is to see.
    report.add(if parked < MANY { memory } else { memory.target(targets::PARKED_MEMORY) });
    let disk = file as f64 / parked.max(1) as f64;
    let disk = figure("disk per parked job, whole file", Unit::Bytes, disk);
    report.add(disk.target(targets::PARKED_DISK));
    Ok(())
}

/// Approves a few jobs, one after the other, each from the click to the end of its job, with
/// another one parked in its place; then asks for pages of all.
async fn look_around(stage: &Stage, parked: u64, report: &mut Report) -> Result<(), Failure> {
    let mut times = Vec::new();
    let before = stage.moment().await?;
    for one in inbox(&stage.client, APPROVALS.min(parked)).await? {
        stage.create(CHECKPOINT_JOB, 0).await?;
        stage.wait_for_last_call().await?;
        let watch = Stopwatch::start();
        approve(&stage.client, &one).await?;
        stage.wait_for_end(&one.job).await?;
        times.push(watch.elapsed());
    }
    stage.wait_for(&before, waiting, 0).await?;
    let mut figure = |name: &str, share| {
        let time = quantile(&mut times, share).as_secs_f64() * MS;
        Figure::new("W3", name, Unit::Milliseconds, time)
    };
    report.add(figure("approve to done, p50", 0.5));
    report.add(figure("approve to done, p99", 0.99).target(targets::W2_DONE));
    let pages = Pages {
        workload: "W3",
        job_type: CHECKPOINT_JOB,
        status: "IN_PROGRESS",
        phase: "waiting",
        jobs: parked,
    };
    pages::measure(&stage.client, &pages, report).await
}

fn restart_target(parked: u64) -> Target {
    if parked < MANY { targets::W3_RESTART } else { targets::W3_RESTART_MANY }
}

/// A store that was only read is closed whatever happens to its process: one more job is parked, so
/// that the kill meets a store that was written.
async fn leave_unclosed(stage: &Stage) -> Result<(), Failure> {
    let before = stage.moment().await?;
    stage.create(CHECKPOINT_JOB, 0).await?;
    stage.wait_for_last_call().await?;
    stage.wait_for(&before, waiting, 1).await
}
