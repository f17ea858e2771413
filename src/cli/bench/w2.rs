//! W2: jobs of one call and a checkpoint. Many are parked, then all are approved. What a parked job
//! costs in memory and on disk is measured between the two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::arguments::Arguments;
use super::fill::CHECKPOINT_JOB;
use super::load::{self, Plan, Request};
use super::quantile::quantile;
use super::report::{Figure, Report, Unit};
use super::scratch::Scratch;
use super::server::Server;
use super::stage::{Cost, Stage, completed, draw_password, waiting};
use super::targets;
use crate::cli::exit::Failure;
use crate::client::Client;
use crate::client::checkpoints::CheckpointFilter;
use crate::client::jobs::JobFilter;
use crate::clock::{Clock, System};
use crate::model::time::Timestamp;

/// Rows on a page, the most there may be.
const PAGE: u32 = 200;
const MS: f64 = 1e3;

/// A checkpoint that waits, and its job.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) checkpoint: String,
    pub(super) job: String,
}

/// When an approval was sent and answered, by job.
type Sent = HashMap<String, (Timestamp, Timestamp)>;

struct Approve {
    client: Client,
    waiting: Vec<Waiting>,
    clock: System,
    sent: Mutex<Sent>,
}

#[async_trait]
impl Request for Approve {
    async fn send(&self, number: u64) -> Result<(), Failure> {
        let Some(waiting) = usize::try_from(number).ok().and_then(|n| self.waiting.get(n)) else {
            return Ok(());
        };
        let began = self.clock.now();
        approve(&self.client, waiting).await?;
        let times = (began, self.clock.now());
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.insert(waiting.job.clone(), times);
        Ok(())
    }
}

/// Approves one.
pub(super) async fn approve(client: &Client, waiting: &Waiting) -> Result<(), Failure> {
    let path = format!("/api/admin/agent-checkpoints/{}", waiting.checkpoint);
    client.post_unread(&path, b"{}".to_vec()).await?;
    Ok(())
}

/// The first checkpoints of the inbox, so many.
pub(super) async fn inbox(client: &Client, wanted: u64) -> Result<Vec<Waiting>, Failure> {
    let mut found = Vec::new();
    while (found.len() as u64) < wanted {
        let (limit, offset) = (Some(PAGE), Some(found.len() as u64));
        let filter = CheckpointFilter { limit, offset, ..CheckpointFilter::default() };
        let page = client.checkpoints(&filter).await?.body.checkpoints;
        if page.is_empty() {
            break;
        }
        let rows = page.into_iter();
        found.extend(rows.map(|row| Waiting { checkpoint: row.id, job: row.job_id }));
    }
    found.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
    Ok(found)
}

pub(super) async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let figure = |name: &str, unit, value| Figure::new("W2", name, unit, value);
    let password = draw_password()?;
    let empty = memory_of_empty_server(scratch, &password).await?;
    let stage = Stage::open(scratch.empty("w2")?, &password).await?;
    let (clients, parked) = (arguments.clients, arguments.parked);
    let bytes = stage.status().await?.store.bytes;

    eprintln!("W2: {parked} jobs to park");
    let limit = arguments.seconds.map(Duration::from_secs_f64);
    let before = stage.moment().await?;
    let sent = stage.submit(CHECKPOINT_JOB, clients, parked, limit).await?;
    stage.wait_for(&before, waiting, sent).await?;
    let cost = stage.since(&before, sent).await?;
    report.add(figure("park", Unit::PerSecond, cost.per_second()).target(targets::W2_PARK));
    report.add(figure("jobs parked", Unit::Count, sent as f64));
    let cpu = figure("processor time per park", Unit::Milliseconds, cost.cpu_ms_per_job());
    report.add(cpu);
    let grown = stage.status().await?.store.bytes.saturating_sub(bytes);
    let disk = figure("disk per parked job", Unit::Bytes, cost.per_job(grown as f64));
    report.add(disk.target(targets::PARKED_DISK));
    let used = stage.memory().await?;
    let per_job = (used.beside_cache() - empty as f64) / sent.max(1) as f64;
    report.add(figure("memory per job just parked, beside the cache", Unit::Bytes, per_job));

    eprintln!("W2: {sent} jobs to approve");
    let approved = approve_all(&stage, clients, sent, report).await?;
    let rate = figure("approve", Unit::PerSecond, approved.per_second());
    report.add(rate.target(targets::W2_APPROVE));
    let cpu = approved.cpu_ms_per_job();
    report.add(figure("processor time per approval", Unit::Milliseconds, cpu));
    stage.close()?.remove()
}

/// A server on a new store that did nothing but start a second time: the first start hashes a
/// password, and that memory stays for a while. Its cache is a few pages.
pub(super) async fn memory_of_empty_server(
    scratch: &Scratch,
    password: &str,
) -> Result<u64, Failure> {
    let place = scratch.empty("empty")?;
    Server::start(&place, 0, password).await?.stop()?;
    let server = Server::start(&place, 0, password).await?;
    let resident = server.usage().resident_bytes;
    server.stop()?;
    place.remove()?;
    Ok(resident)
}

async fn approve_all(
    stage: &Stage,
    clients: u32,
    total: u64,
    report: &mut Report,
) -> Result<Cost, Failure> {
    let approve = Arc::new(Approve {
        client: stage.client.clone(),
        waiting: inbox(&stage.client, total).await?,
        clock: System::new(),
        sent: Mutex::default(),
    });
    let total = approve.waiting.len() as u64;
    let before = stage.moment().await?;
    let plan = Plan { clients, total, limit: None, gate: None };
    let sent = load::send(&plan, approve.clone()).await?;
    stage.wait_for(&before, completed, sent).await?;
    let cost = stage.since(&before, sent).await?;
    let mut times = until_done(stage, &approve.sent).await?;
    let figure = |name: &str, share| {
        let time = quantile(&mut times, share).as_secs_f64() * MS;
        Figure::new("W2", name, Unit::Milliseconds, time)
    };
    let mut figure = figure;
    report.add(figure("approve to done, p50", 0.5));
    report.add(figure("approve to done, p99", 0.99).target(targets::W2_DONE));
    Ok(cost)
}

/// From sending each approval to the end of its job, by the server's own record of that end. Both
/// read the clock of this machine. The record is cut to the millisecond and dated before its commit
/// was on disk, so a millisecond and the mean time of a transaction are added; a job that ended
/// with its decision is done when that is answered.
async fn until_done(stage: &Stage, sent: &Mutex<Sent>) -> Result<Vec<Duration>, Failure> {
    let micros = stage.status().await?.store.group_micros_mean;
    let late = Duration::from_millis(1) + Duration::from_micros(micros);
    let wanted = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (mut times, mut offset) = (Vec::new(), 0);
    loop {
        let filter = JobFilter {
            job_type: Some(CHECKPOINT_JOB.to_owned()),
            limit: Some(PAGE),
            offset: Some(offset),
            ..JobFilter::default()
        };
        let jobs = stage.client.jobs(&filter).await?.body.jobs;
        if jobs.is_empty() {
            return Ok(times);
        }
        offset += jobs.len() as u64;
        for job in jobs {
            let ended = job.completed_at.as_deref().and_then(Timestamp::parse_rfc3339);
            let (Some((began, answered)), Some(ended)) = (wanted.get(&job.id), ended) else {
                continue;
            };
            let to_answer = answered.since(*began).as_duration();
            times.push(to_answer.max(ended.since(*began).as_duration() + late));
        }
    }
}
