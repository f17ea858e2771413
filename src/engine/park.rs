//! Parks a job that this program cannot carry on: FAILED, reason `poisoned`. The machine does it as
//! long as the journal can be folded; otherwise nothing is needed but the rows of the job and its
//! checkpoints.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::EngineError;
use crate::engine::commit::{Append, Deliberation, append, deliberate};
use crate::engine::load::load;
use crate::engine::shared::Shared;
use crate::model::audit::Author;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::command::Command;
use crate::model::event::Event;
use crate::model::id::{CommitId, JobId};
use crate::model::limits::PAGE_MAX;
use crate::model::principal::Principal;
use crate::model::problem::{Kind, Problem};
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::status::{Phase, Status};
use crate::model::time::Timestamp;
use crate::store::{CheckpointQuery, Commit, CommitOutcome};

/// The first pause before the store is asked again, and the longest one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Who parks.
const BY: &str = "jobs";

/// Parks it, trying again while the store is away, until the engine stops.
pub(crate) async fn insist(shared: &Arc<Shared>, job: JobId, reason: &str) {
    let mut pause = PAUSE_MIN;
    while !shared.is_stopping() {
        match park(shared, job, reason).await {
            Ok(true) => {
                shared.poisoned.fetch_add(1, Ordering::Relaxed);
                return tracing::error!(%job, reason, "parked as poisoned; the others go on");
            }
            Ok(false) => return,
            Err(error) => tracing::warn!(%job, %error, "cannot park the job yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Says whether there was something to park.
async fn park(shared: &Arc<Shared>, job: JobId, reason: &str) -> Result<bool, EngineError> {
    let Some(row) = shared.parts.store.job(job).await? else { return Ok(false) };
    if row.status.is_ended() {
        return Ok(false);
    }
    // In a task, because what made the job's actor panic may panic here too.
    let (to, why) = (shared.clone(), reason.to_owned());
    match tokio::spawn(async move { by_the_machine(&to, job, why).await }).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(EngineError::Unavailable(error))) => Err(EngineError::Unavailable(error)),
        Ok(Err(_)) | Err(_) => by_rows(shared, row, reason).await,
    }
}

async fn by_the_machine(shared: &Shared, id: JobId, reason: String) -> Result<(), EngineError> {
    let loaded = load(shared, id).await.map_err(|error| error.of(id))?;
    let job = loaded.map(|(job, _)| Arc::new(job));
    let Some(hash) = job.as_ref().map(|job| job.spec.definition) else {
        return Err(EngineError::Corrupt { job: id, reason });
    };
    let definition = shared.catalog.by_hash(hash).await.map_err(|error| error.of(id))?;
    let (by, now) = (Author::system(BY), shared.parts.clock.now());
    let command = Command::Poison { reason };
    let wish = Deliberation { id, job: job.clone(), definition, command, by: by.by.clone(), now };
    let decided = deliberate(shared, wish).await?;
    match append(shared, job.as_deref(), decided, by, now, None).await? {
        Append::Done(_) => Ok(()),
        _ => Err(being_written()),
    }
}

async fn by_rows(shared: &Shared, row: JobRow, reason: &str) -> Result<bool, EngineError> {
    let query = CheckpointQuery {
        statuses: vec![CheckpointStatus::Pending],
        job: Some(row.id),
        limit: PAGE_MAX,
        ..CheckpointQuery::default()
    };
    let open = shared.parts.store.checkpoints(&query).await?.rows;
    let (parent, clock) = (row.parent, &shared.parts.clock);
    let commit = parked(row, open, reason, (CommitId(clock.new_id()), clock.now()));
    match shared.parts.store.commit(commit).await? {
        CommitOutcome::Applied { feed, .. } => shared.publish(feed),
        CommitOutcome::Replayed { .. } => {}
        _ => return Err(being_written()),
    }
    if let Some(parent) = parent {
        shared.activate(parent);
    }
    Ok(true)
}

fn being_written() -> EngineError {
    EngineError::Unavailable("the job is being written to".to_owned())
}

fn parked(
    row: JobRow,
    open: Vec<CheckpointRow>,
    reason: &str,
    (commit_id, now): (CommitId, Timestamp),
) -> Commit {
    let problem = Problem::new(Kind::Poisoned, reason);
    let (expect_version, fence, nudge) = (row.version, row.fence, row.parent);
    let cancelled = open.iter().map(|row| Event::CheckpointCancelled { checkpoint: row.id });
    let mut events: Vec<Arc<Event>> = cancelled.map(Arc::new).collect();
    events.push(Arc::new(Event::Failed { problem: problem.clone() }));
    let close =
        |row| CheckpointRow { status: CheckpointStatus::Cancelled, closed_at: Some(now), ..row };
    let row = JobRow {
        version: row.version + events.len() as u64,
        status: Status::Failed,
        phase: Phase::Faulted,
        waiting_for: None,
        place: Place::Ended,
        pending_checkpoints: 0,
        error: Some(problem),
        updated_at: now,
        completed_at: Some(now),
        ..row
    };
    Commit {
        job: row.id,
        expect_version,
        fence,
        commit_id,
        at: now,
        by: Principal::system(BY),
        origin: None,
        events,
        row: Arc::new(row),
        checkpoints: open.into_iter().map(close).collect(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge,
        key: None,
    }
}
