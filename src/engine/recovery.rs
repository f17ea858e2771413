//! What is done at start: nothing special. Jobs that must have an actor get one; each asks what is due, as always.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::jobs::JobsMsg;
use crate::engine::shared::Shared;
use crate::engine::{EngineError, RecoveryReport};
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::time::Timestamp;

/// Rows read at a time.
const PAGE: usize = 1_000;
/// How long the start waits for revived jobs to look at themselves; they go on looking after it.
const REVIVAL_WAIT: Duration = Duration::from_secs(10);

/// Puts every job into its place and says what was found.
pub(crate) async fn recover(
    shared: &Arc<Shared>,
    began: Timestamp,
) -> Result<RecoveryReport, EngineError> {
    let store = &shared.parts.store;
    let due = store.due(shared.parts.clock.now(), PAGE).await?.len() as u64;
    let nudged = store.nudged(PAGE).await?;
    let revived = revive(shared).await;
    for job in &nudged {
        shared.reviving.fetch_add(1, Ordering::AcqRel);
        shared.jobs.cast(JobsMsg::Revive(*job));
    }
    wait_for_revival(shared).await;
    for job in store.nudged(PAGE).await? {
        // It looked, and had no child to hear from.
        store.clear_nudge(job).await?;
    }
    let counts = store.counts().await?;
    let at = shared.parts.clock.now();
    let report = RecoveryReport {
        at,
        took_ms: at.since(began).0 / 1_000,
        jobs: counts.jobs,
        queued: counts.queued,
        parked: counts.parked,
        revived: revived + nudged.len() as u64,
        due,
        interrupted_calls: shared.interrupted.load(Ordering::Relaxed),
        poisoned: shared.poisoned.load(Ordering::Relaxed),
    };
    metrics::gauge!(names::RECOVERY_SECONDS).set(report.took_ms as f64 / 1_000.0);
    Ok(report)
}

/// Revives every job that must have an actor; says how many.
pub(crate) async fn revive(shared: &Arc<Shared>) -> u64 {
    let mut after: Option<JobId> = None;
    let mut revived = 0;
    loop {
        let page = match shared.parts.store.active(after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::error!(%error, "the index of active jobs cannot be read");
                return revived;
            }
        };
        let Some(last) = page.last() else { return revived };
        after = Some(*last);
        for job in page {
            revived += 1;
            shared.reviving.fetch_add(1, Ordering::AcqRel);
            shared.jobs.cast(JobsMsg::Revive(job));
        }
    }
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
