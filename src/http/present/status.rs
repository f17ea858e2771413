//! How the server is.

use std::collections::BTreeMap;

use crate::api::job::JobMetrics;
use crate::api::status::{Held, Recovery, ServerStatus, Store};
use crate::engine::{Counts, Health, Hold, RecoveryReport, Standing};
use crate::http::present::time;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// The server as a whole.
pub fn server(
    health: Health,
    standing: &Standing,
    recovery: &RecoveryReport,
    counts: &Counts,
    started_at: Timestamp,
    now: Timestamp,
) -> ServerStatus {
    ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: time(started_at),
        uptime_seconds: now.since(started_at).as_duration().as_secs(),
        store: store(health),
        generation: standing.generation,
        held: standing.hold.clone().map(held),
        recovery: report(recovery),
        jobs: by_status(&counts.jobs, Status::ALL, Status::as_str),
        checkpoints: by_status(
            &counts.checkpoints,
            CheckpointStatus::ALL,
            CheckpointStatus::as_str,
        ),
        queued: counts.queued,
        active: counts.active,
        parked: counts.parked,
    }
}

/// The jobs of all owners in figures.
pub fn job_metrics(counts: &Counts) -> JobMetrics {
    let pending = |(status, count): &(CheckpointStatus, u64)| {
        (*status == CheckpointStatus::Pending).then_some(*count)
    };
    JobMetrics {
        total: counts.jobs.iter().map(|(_, count)| count).sum(),
        by_status: by_status(&counts.jobs, Status::ALL, Status::as_str),
        queued: counts.queued,
        active: counts.active,
        parked: counts.parked,
        pending_checkpoints: counts.checkpoints.iter().filter_map(pending).sum(),
    }
}

/// A hold.
pub fn held(hold: Hold) -> Held {
    Held { since: time(hold.since), reason: hold.reason }
}

fn store(health: Health) -> Store {
    Store {
        engine: health.engine.to_owned(),
        location: health.location,
        bytes: health.bytes,
        free_bytes: health.free_bytes,
        commits: health.commits,
        groups: health.groups,
        group_micros_mean: health.group_micros_mean,
        cache_bytes: health.cache_bytes,
        read_only: health.read_only,
    }
}

fn report(report: &RecoveryReport) -> Recovery {
    Recovery {
        at: time(report.at),
        took_ms: report.took_ms,
        jobs: by_status(&report.jobs, Status::ALL, Status::as_str),
        queued: report.queued,
        parked: report.parked,
        revived: report.revived,
        due: report.due,
        interrupted_calls: report.interrupted_calls,
        poisoned: report.poisoned,
    }
}

/// Every word with its count; those that nobody counted are nothing.
pub fn by_status<S: Copy + PartialEq>(
    counts: &[(S, u64)],
    all: &[S],
    word: impl Fn(S) -> &'static str,
) -> BTreeMap<String, u64> {
    let count = |status: S| {
        let of_status = counts.iter().filter(|(known, _)| *known == status);
        of_status.map(|(_, count)| count).sum()
    };
    all.iter().map(|status| (word(*status).to_owned(), count(*status))).collect()
}
