//! Parks a job that this program cannot carry on: FAILED, reason `poisoned`. It needs nothing but the job's row, so
//! that a journal that cannot be folded can be parked too.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::EngineError;
use crate::engine::shared::Shared;
use crate::model::event::Event;
use crate::model::id::{CommitId, JobId};
use crate::model::principal::Principal;
use crate::model::problem::{Kind, Problem};
use crate::model::row::{JobRow, Place};
use crate::model::status::{Phase, Status};
use crate::store::{Commit, CommitOutcome};

/// Parks it in a task of its own, trying again while the store is away.
pub(crate) fn later(shared: Arc<Shared>, job: JobId, reason: String) {
    tokio::spawn(async move {
        let mut pause = Duration::from_millis(250);
        while !shared.is_stopping() {
            match park(&shared, job, &reason).await {
                Ok(true) => {
                    shared.poisoned.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%job, reason, "parked as poisoned; the other jobs go on");
                    return;
                }
                Ok(false) => return,
                Err(error) => tracing::warn!(%job, %error, "cannot park the job yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    });
}

/// Says whether there was something to park.
async fn park(shared: &Shared, job: JobId, reason: &str) -> Result<bool, EngineError> {
    let Some(row) = shared.parts.store.job(job).await? else { return Ok(false) };
    if row.status.is_ended() {
        return Ok(false);
    }
    let commit = parked(shared, row, reason);
    match shared.parts.store.commit(commit).await? {
        CommitOutcome::Applied { feed, .. } => {
            shared.publish(feed);
            Ok(true)
        }
        CommitOutcome::Replayed { .. } => Ok(true),
        // Somebody wrote to it in between: look again.
        _ => Err(EngineError::Unavailable("the job is being written to".to_owned())),
    }
}

fn parked(shared: &Shared, row: JobRow, reason: &str) -> Commit {
    let now = shared.parts.clock.now();
    let problem = Problem::new(Kind::Poisoned, reason);
    let (expect_version, fence) = (row.version, row.fence);
    let parent = row.parent;
    let row = JobRow {
        version: row.version + 1,
        status: Status::Failed,
        phase: Phase::Faulted,
        waiting_for: None,
        place: Place::Ended,
        error: Some(problem.clone()),
        updated_at: now,
        completed_at: Some(now),
        ..row
    };
    Commit {
        job: row.id,
        expect_version,
        fence,
        commit_id: CommitId(uuid::Uuid::now_v7()),
        at: now,
        by: Principal::system("jobs"),
        events: vec![Arc::new(Event::Failed { problem })],
        row,
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: parent,
        key: None,
    }
}
