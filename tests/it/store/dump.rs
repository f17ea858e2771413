//! Everything that a store says through its public reads, to compare stores with each other.

use holdpoint::model::time::Timestamp;
use holdpoint::store::{CheckpointQuery, JobQuery, JobSort, Store};

/// Event types and document kinds that tests use.
pub const EVENT_TYPES: [&str; 4] = ["order", "paid", "*", "nothing"];
pub const KINDS: [&str; 3] = ["user", "users", "setting"];

const ALL: usize = 10_000;

/// A line for each answer.
pub async fn dump(store: &dyn Store) -> Vec<String> {
    let mut lines = Vec::new();
    let every =
        JobQuery { sort: JobSort::CreatedAscending, limit: ALL as u32, ..Default::default() };
    let jobs = store.jobs(&every).await.unwrap();
    lines.push(format!("{} jobs, next {:?}", jobs.total, jobs.next_cursor));
    for row in &jobs.rows {
        assert_eq!(store.job(row.id).await.unwrap().as_ref(), Some(row));
        lines.push(format!("{row:?}"));
        lines.push(format!("{:?}", store.journal(row.id, 0, ALL).await.unwrap()));
        lines.push(format!("{:?}", store.load(row.id).await.unwrap()));
    }
    let every = CheckpointQuery { limit: ALL as u32, ..Default::default() };
    let checkpoints = store.checkpoints(&every).await.unwrap();
    for row in &checkpoints.rows {
        assert_eq!(store.checkpoint(row.id).await.unwrap().as_ref(), Some(row));
    }
    lines.push(format!("{checkpoints:?}"));
    lines.push(format!("counts {:?}", store.counts().await.unwrap()));
    lines.push(format!("queue {:?}", store.queue(ALL).await.unwrap()));
    lines.push(format!("due {:?}", store.due(Timestamp(i64::MAX), ALL).await.unwrap()));
    lines.push(format!("wake {:?}", store.next_wake().await.unwrap()));
    lines.push(format!("active {:?}", store.active(None, ALL).await.unwrap()));
    lines.push(format!("nudged {:?}", store.nudged(ALL).await.unwrap()));
    for event_type in EVENT_TYPES {
        let jobs = store.subscribers(event_type, None, ALL).await.unwrap();
        lines.push(format!("{event_type}: {jobs:?}"));
    }
    lines.push(format!("feed {:?}", store.changes(0, ALL).await.unwrap()));
    lines.push(format!("last {}", store.last_change().await.unwrap()));
    for kind in KINDS {
        lines.push(format!("{kind}: {:?}", store.documents(kind, None, ALL).await.unwrap()));
    }
    lines.push(format!("time {:?}", store.last_time().await.unwrap()));
    lines
}
