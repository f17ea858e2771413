//! Stores with many jobs, made quickly: the engine runs in this process, a function stands in for
//! the agent, and more clients than a server would have share each sync. A store that was kept is
//! filled up to what is wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::agent::LAST;
use super::load::{self, Plan, Request};
use super::scratch::Place;
use super::server::EMAIL;
use crate::app::rehearsal::{Rehearsal, RehearsedJob};
use crate::cli::exit::{Code, Failure};
use crate::model::checkpoint::CheckpointStatus;
use crate::model::status::Status;

/// The document of three calls.
pub(super) const CALLS_JOB: &str = "bench-calls";
/// The document of a call and a checkpoint.
pub(super) const CHECKPOINT_JOB: &str = "bench-checkpoint";
/// Who owns the jobs that no server was asked for.
pub(super) const OWNER: &str = "bench";

/// A transaction takes 256 commits; so many keep it full.
const CLIENTS: u32 = 256;
/// Jobs between two words about how far it is.
const WORD_EVERY: u64 = 10_000;
const PAUSE: Duration = Duration::from_millis(20);
/// Looks without any progress after which jobs count as lost.
const LOOKS_MAX: u32 = 1_500;

/// What the store is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Parked,
    Finished,
}

impl Kind {
    const fn job_type(self) -> &'static str {
        match self {
            Self::Parked => CHECKPOINT_JOB,
            Self::Finished => CALLS_JOB,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Finished => "finished",
        }
    }
}

struct Submit {
    rehearsal: Arc<Rehearsal>,
    kind: Kind,
    first: u64,
    sent: AtomicU64,
}

#[async_trait]
impl Request for Submit {
    async fn send(&self, number: u64) -> Result<(), Failure> {
        let job = job_of(self.kind.job_type(), self.first + number);
        self.rehearsal.submit(job).await?;
        let sent = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if sent.is_multiple_of(WORD_EVERY) {
            eprintln!("  {} {}", self.first + sent, self.kind.word());
        }
        Ok(())
    }
}

/// A job that no server was asked for. One of ten has the label `team: blue`.
pub(super) fn job_of(job_type: &str, number: u64) -> RehearsedJob<'_> {
    let team = if number.is_multiple_of(10) { "blue" } else { "red" };
    RehearsedJob {
        job_type,
        name: format!("Job {number} of a bench"),
        description: load::DESCRIPTION,
        owner: OWNER,
        labels: BTreeMap::from([("team".to_owned(), team.to_owned())]),
        input: load::input(number),
    }
}

/// Fills the store of this place until it holds so many; answers the password of its admin.
pub(super) async fn fill(place: &Place, kind: Kind, wanted: u64) -> Result<String, Failure> {
    let gate = Arc::new(Semaphore::new(0));
    let last = gate.clone();
    let answer = move |arguments: &Value| {
        if arguments["endpoint"].as_str().is_some_and(|endpoint| endpoint.ends_with(LAST)) {
            last.add_permits(1);
        }
        arguments["body"].clone()
    };
    let rehearsal = Arc::new(Rehearsal::start(&place.config()?, Arc::new(answer)).await?);
    let there = count(&rehearsal, kind).await?;
    if there < wanted {
        eprintln!("filling a store with {wanted} {} jobs, {there} are there", kind.word());
        let total = wanted - there;
        let plan = Plan { clients: CLIENTS, total, limit: None, gate: Some(gate) };
        let (sent, rehearsal) = (AtomicU64::new(0), rehearsal.clone());
        let submit = Submit { rehearsal, kind, first: there, sent };
        load::send(&plan, Arc::new(submit)).await?;
    }
    wait(&rehearsal, kind, wanted).await?;
    let password = rehearsal.make_admin(EMAIL).await?;
    rehearsal.engine.stop().await;
    Ok(password)
}

async fn wait(rehearsal: &Rehearsal, kind: Kind, wanted: u64) -> Result<(), Failure> {
    let (mut last, mut in_vain) = (0, 0);
    loop {
        let found = count(rehearsal, kind).await?;
        if found >= wanted {
            return Ok(());
        }
        in_vain = if found == last { in_vain + 1 } else { 0 };
        last = found;
        if in_vain >= LOOKS_MAX {
            let text = format!("{found} of {wanted} jobs are {}, and no more come", kind.word());
            return Err(Failure::new(Code::Refused, text));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn count(rehearsal: &Rehearsal, kind: Kind) -> Result<u64, Failure> {
    let counts = rehearsal.engine.counts().await;
    let counts = counts.map_err(|error| Failure::new(Code::Io, error.to_string()))?;
    let found = match kind {
        Kind::Parked => {
            let mut rows = counts.checkpoints.iter();
            rows.find(|(status, _)| *status == CheckpointStatus::Pending).map(|(_, count)| *count)
        }
        Kind::Finished => {
            let mut rows = counts.jobs.iter();
            rows.find(|(status, _)| *status == Status::Completed).map(|(_, count)| *count)
        }
    };
    Ok(found.unwrap_or_default())
}
