//! A restored store does nothing of itself until it is released; what it then does, it does under
//! keys that no service has seen for other content. The services' record is the witness.

use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint::engine::{Engine, EngineError, Options};
use holdpoint::model::checkpoint::{CheckpointStatus, Purpose, Verdict};
use holdpoint::model::id::JobId;
use holdpoint::model::status::Status;
use holdpoint::store::{Redb, RedbOptions};
use serde_json::json;

use super::restored;
use crate::engine::agent::Agent;
use crate::engine::*;

async fn engine_on(path: &Path) -> Engine {
    let store = Arc::new(Redb::open(RedbOptions::new(path)).unwrap());
    let backups = Some(path.parent().unwrap().join("backups"));
    start_with(store, Options { backups, ..options() }).await
}

/// The key of the only call to this path in this part of the record.
fn key_of(agent: &Agent, path: &str, part: impl RangeBounds<usize>) -> String {
    let seen = agent.seen();
    let seen: Vec<_> =
        seen.into_iter().enumerate().filter(|(n, _)| part.contains(n)).map(|(_, s)| s).collect();
    let keys: Vec<_> = seen.iter().filter(|seen| seen.path == path).collect();
    let [only] = keys.as_slice() else { panic!("{path}: {seen:?}") };
    only.key.clone()
}

struct Jobs {
    /// Waits at a checkpoint, then orders.
    approval: JobId,
    /// A call under way that may be repeated.
    reading: JobId,
    /// A call under way that may not be repeated.
    ordering: JobId,
    /// Waits for a time.
    timer: JobId,
}

impl Jobs {
    async fn begin(engine: &Engine, agent: &Agent) -> Self {
        let approval = json!([
            { "look": agent.task("get", "/look") },
            { "review": checkpoint() },
            { "order": agent.task("post", "/approved") },
        ]);
        register(engine, "approval", approval).await;
        register(engine, "reading", json!([{ "read": agent.task("get", "/reading") }])).await;
        register(engine, "ordering", json!([{ "order": agent.task("post", "/ordering") }])).await;
        let wait = json!({ "wait": { "seconds": 2 } });
        let timer = json!([{ "wait": wait }, { "tell": agent.task("get", "/late") }]);
        register(engine, "timer", timer).await;
        let approval = submit(engine, "approval").await;
        until_pending(engine, approval).await;
        agent.close();
        let (reading, ordering) =
            (submit(engine, "reading").await, submit(engine, "ordering").await);
        until(engine, "both calls are under way", async || {
            !agent.calls("/reading").is_empty() && !agent.calls("/ordering").is_empty()
        })
        .await;
        let timer = submit(engine, "timer").await;
        until_status(engine, timer, Status::InProgress).await;
        Self { approval, reading, ordering, timer }
    }

    fn all(&self) -> [JobId; 4] {
        [self.approval, self.reading, self.ordering, self.timer]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_is_held_until_it_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start().await;
    let (backup, jobs) = lost_after_a_backup(folder.path(), &agent).await;
    let known = agent.seen().len();
    let path = folder.path().join("copy/holdpoint.redb");
    let report = restored(&backup, path.clone()).await.unwrap();
    assert_eq!(report.report.rows("jobs"), 4);

    let (copy, new) = held(&path, &agent, &jobs).await;
    copy.release(me(), "the original is gone".to_owned()).await.unwrap();
    for job in [jobs.approval, jobs.reading, jobs.timer, new] {
        until_status(&copy, job, Status::Completed).await;
    }
    // What may have happened and may not happen twice is for a person to say.
    let doubt = until_pending(&copy, jobs.ordering).await;
    assert_eq!(copy.checkpoint(doubt).await.unwrap().row.purpose, Purpose::InDoubt);
    assert_eq!(agent.calls("/ordering").len(), 1);
    copy.decide(verdict(doubt, Verdict::Reject), me()).await.unwrap();

    let mark = copy.standing().key_mark().unwrap();
    assert!(mark.starts_with("g1-"), "{mark}");
    // A call that was in the backup is the same call, under the same key.
    let seen = agent.seen();
    let first = seen.iter().find(|seen| seen.path == "/reading").unwrap();
    let again = seen.iter().skip(known).filter(|seen| seen.key == first.key);
    assert_eq!(again.count(), 1);
    // A call of the same place that began after the backup is another one.
    let (then, now) = (key_of(&agent, "/approved", 0..known), key_of(&agent, "/approved", known..));
    assert_eq!(now, format!("{then}/{mark}"));

    let twice = copy.release(me(), "again".to_owned()).await.unwrap_err();
    assert!(matches!(twice, EngineError::NotHeld), "{twice}");
    assert_eq!(copy.rescues(), 0);
    copy.stop().await;
    let copy = engine_on(&path).await;
    assert_eq!(copy.hold(), None);
    assert_eq!(copy.standing().key_mark(), Some(mark.clone()));
    assert_eq!(copy.standing().released.as_ref().unwrap().reason, "the original is gone");
    copy.stop().await;
    are_told_apart(folder.path(), &backup, &mark).await;
}

/// An original that goes on after a backup of it, to the end of every job.
async fn lost_after_a_backup(folder: &Path, agent: &Agent) -> (PathBuf, Jobs) {
    let original = engine_on(&folder.join("holdpoint.redb")).await;
    let jobs = Jobs::begin(&original, agent).await;
    let backup = original.backup().await.unwrap();
    agent.open();
    approve(&original, pending(&original, jobs.approval).await.unwrap()).await;
    for job in jobs.all() {
        until_status(&original, job, Status::Completed).await;
    }
    original.stop().await;
    (backup.file, jobs)
}

/// A held copy: decisions are durable, new jobs are taken, and nothing follows from either, also
/// over a restart.
async fn held(path: &Path, agent: &Agent, jobs: &Jobs) -> (Engine, JobId) {
    let known = agent.seen().len();
    let copy = engine_on(path).await;
    let hold = copy.hold().unwrap();
    assert!(hold.reason.starts_with("restored from ") && hold.reason.contains(", taken at "));
    let refused = copy.start_worker().await.unwrap_err();
    assert!(matches!(refused, EngineError::Held { .. }), "{refused}");
    assert!(!copy.worker().await.unwrap().is_running);
    let review = pending(&copy, jobs.approval).await.unwrap();
    approve(&copy, review).await;
    let new = submit(&copy, "reading").await;
    assert_eq!(copy.counts().await.unwrap().queued, 1);
    copy.stop().await;
    let copy = engine_on(path).await;
    assert_eq!(copy.hold(), Some(hold));
    assert_eq!(copy.checkpoint(review).await.unwrap().row.status, CheckpointStatus::Approved);
    for job in jobs.all() {
        assert_eq!(status(&copy, job).await, Some(Status::InProgress));
    }
    assert_eq!(copy.recovery().interrupted_calls, 0);
    assert_eq!(agent.seen().len(), known, "{:?}", agent.seen());
    assert_eq!(copy.counts().await.unwrap().queued, 1);
    (copy, new)
}

/// Another copy of the same backup is none of the first one, and a copy of a copy is one
/// generation on.
async fn are_told_apart(folder: &Path, backup: &Path, mark: &str) {
    let other = folder.join("other/holdpoint.redb");
    let report = restored(backup, other.clone()).await.unwrap();
    assert_eq!(report.standing.generation, 1);
    assert_ne!(report.standing.key_mark().unwrap(), mark);
    let other = engine_on(&other).await;
    let backup = other.backup().await.unwrap();
    assert_eq!(backup.manifest.generation, 1);
    other.stop().await;
    let last = folder.join("last/holdpoint.redb");
    assert_eq!(restored(&backup.file, last).await.unwrap().standing.generation, 2);
}

/// A clean stop writes down which calls have not left. A copy of that store must not believe it:
/// the original may have made them since.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_does_not_believe_that_a_call_never_left() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start().await;
    let path = folder.path().join("holdpoint.redb");
    let original = engine_on(&path).await;
    let tasks = json!([{ "review": checkpoint() }, { "order": agent.task("post", "/order") }]);
    register(&original, "order", tasks).await;
    let job = submit(&original, "order").await;
    let review = until_pending(&original, job).await;
    original.stop_worker().await.unwrap();
    approve(&original, review).await;
    original.stop().await;

    let backup = folder.path().join("stopped.redb");
    holdpoint::app::stopped::back_up(&path, &backup).await.unwrap();
    let original = engine_on(&path).await;
    until_status(&original, job, Status::Completed).await;
    assert_eq!(agent.calls("/order").len(), 1);
    original.stop().await;

    let copy = folder.path().join("copy/holdpoint.redb");
    restored(&backup, copy.clone()).await.unwrap();
    let copy = engine_on(&copy).await;
    copy.release(me(), "a test".to_owned()).await.unwrap();
    let doubt = until_pending(&copy, job).await;
    assert_eq!(copy.checkpoint(doubt).await.unwrap().row.purpose, Purpose::InDoubt);
    assert_eq!(agent.calls("/order").len(), 1);
    copy.stop().await;
}
