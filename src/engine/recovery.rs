//! What is done at start: nothing special. Jobs that must have an actor get one; each asks what is
//! due, as always.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::jobs::JobsMsg;
use crate::engine::shared::Shared;
use crate::engine::{EngineError, RecoveryReport};
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::row::Place;
use crate::model::time::Timestamp;
use crate::store::StoreError;

/// Rows read at a time.
const PAGE: usize = 1_000;
/// How far the report counts what is due, and how many nudges are looked after.
const COUNTED_MAX: usize = 100_000;
/// How long the start waits for revived jobs to look at themselves; they go on looking after it.
const REVIVAL_WAIT: Duration = Duration::from_secs(10);

/// A job that is being revived. Recovery waits until none of these is left, however it goes.
pub(crate) struct Revival(Arc<Shared>);

impl Revival {
    fn of(shared: &Arc<Shared>) -> Self {
        shared.reviving.fetch_add(1, Ordering::AcqRel);
        Self(shared.clone())
    }
}

impl Drop for Revival {
    fn drop(&mut self) {
        self.0.reviving.fetch_sub(1, Ordering::AcqRel);
        self.0.revived.notify_waiters();
    }
}

/// Puts every job into its place and says what was found.
pub(crate) async fn recover(
    shared: &Arc<Shared>,
    began: Timestamp,
) -> Result<RecoveryReport, EngineError> {
    let store = &shared.parts.store;
    shared.unmade.load(&**store).await?;
    let due = store.due(shared.parts.clock.now(), COUNTED_MAX).await?.len() as u64;
    let mut revived = 0;
    if !shared.is_held() {
        let nudged = store.nudged(COUNTED_MAX).await?;
        revived = revive_active(shared).await? + revive_nudged(shared, nudged).await?;
        wait_for_revival(shared).await;
    }
    let counts = store.counts().await?;
    let at = shared.parts.clock.now();
    let report = RecoveryReport {
        at,
        took_ms: at.since(began).0 / 1_000,
        jobs: counts.jobs,
        queued: counts.queued,
        parked: counts.parked,
        revived,
        due,
        interrupted_calls: shared.interrupted.load(Ordering::Relaxed),
        poisoned: shared.poisoned.load(Ordering::Relaxed),
    };
    metrics::gauge!(names::RECOVERY_SECONDS).set(report.took_ms as f64 / 1_000.0);
    Ok(report)
}

/// Takes up, after a release, what the start left alone.
pub(crate) async fn revive_after_hold(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let nudged = shared.parts.store.nudged(COUNTED_MAX).await?;
    revive_active(shared).await?;
    revive_nudged(shared, nudged).await?;
    Ok(())
}

/// Revives what was live when the parent of all jobs failed.
pub(crate) async fn revive_all(shared: &Arc<Shared>) {
    if let Err(error) = revive_active(shared).await {
        tracing::error!(%error, "the index of active jobs cannot be read; the sweep will do it");
    }
    // What was to be passed on to parents went with the mailbox.
    let nudged = shared.parts.store.nudged(COUNTED_MAX).await;
    let revived = match nudged {
        Ok(nudged) => revive_nudged(shared, nudged).await,
        Err(error) => Err(error),
    };
    if let Err(error) = revived {
        tracing::error!(%error, "parents may not hear of their children before the next start");
    }
}

/// Revives every job that must have an actor; says how many.
async fn revive_active(shared: &Arc<Shared>) -> Result<u64, StoreError> {
    let mut after: Option<JobId> = None;
    let mut revived = 0;
    loop {
        let page = shared.parts.store.active(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(revived) };
        after = Some(*last);
        revived += page.len() as u64;
        for job in page {
            shared.jobs.cast(JobsMsg::Revive(job, Revival::of(shared)));
        }
    }
}

/// Lets parents look at children that may have ended unseen; says how many were not live anyway.
async fn revive_nudged(shared: &Arc<Shared>, nudged: Vec<JobId>) -> Result<u64, StoreError> {
    let mut revived = 0;
    for job in nudged {
        match shared.parts.store.job(job).await? {
            Some(row) if !row.status.is_ended() => {
                revived += u64::from(row.place != Place::Active);
                shared.jobs.cast(JobsMsg::Revive(job, Revival::of(shared)));
            }
            // It ended before its child did, and has no other commit to come that would wipe this
            // out.
            _ => shared.parts.store.clear_nudge(job).await?,
        }
    }
    Ok(revived)
}

async fn wait_for_revival(shared: &Shared) {
    let all = async {
        loop {
            let changed = shared.revived.notified();
            if shared.reviving.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    };
    if tokio::time::timeout(REVIVAL_WAIT, all).await.is_err() {
        tracing::warn!("some revived jobs are still being read; the start goes on");
    }
}
