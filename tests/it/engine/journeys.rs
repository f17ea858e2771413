//! From submission to the end.

use std::sync::Arc;

use holdpoint::engine::{EngineError, IdempotencyKey, Options};
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::id::ContentHash;
use holdpoint::model::status::Status;
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Redb, RedbOptions};
use serde_json::json;

use super::agent::Agent;
use super::weather::Weather;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_parks_at_its_checkpoint_without_an_actor_and_ends_after_approval() {
    let folder = tempfile::tempdir().unwrap();
    let options = RedbOptions::new(folder.path().join("store.redb"));
    let (engine, agent) =
        (start(Arc::new(Redb::open(options.clone()).unwrap())).await, Agent::start().await);
    let tasks = json!([
        { "first": agent.task("get", "/first") },
        { "gate": checkpoint() },
        { "second": agent.task("post", "/second") },
    ]);
    register(&engine, "journey", tasks).await;
    let job = submit(&engine, "journey").await;
    let gate = until_pending(&engine, job).await;
    until_no_job_actors(&engine).await;
    assert_eq!(engine.worker().await.unwrap().active_jobs, 0, "no slot is held");
    assert_eq!(agent.calls("/second").len(), 0);

    approve(&engine, gate).await;
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(
        *engine.job(job).await.unwrap().job.result.clone().unwrap(),
        json!({"from": "/second"})
    );
    until_no_job_actors(&engine).await;
    assert_eq!((agent.calls("/first").len(), agent.calls("/second").len()), (1, 1));
    assert_eq!(engine.rescues(), 0);
    engine.stop().await;

    let engine = start(Arc::new(Redb::open(options).unwrap())).await;
    assert_eq!(status(&engine, job).await, Some(Status::Completed));
    assert!(engine.changes(0, 100).await.unwrap().len() >= 4, "the feed is read from the store");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_at_once_all_end_and_never_more_work_than_allowed() {
    let (engine, agent) = (start(Weather::new()).await, Agent::start().await);
    let tasks =
        json!([{ "one": agent.task("get", "/one") }, { "two": agent.task("post", "/two") }]);
    register(&engine, "many", tasks).await;
    let mut jobs = Vec::new();
    for _ in 0..500 {
        jobs.push(submit(&engine, "many").await);
    }
    for job in jobs {
        until_status(&engine, job, Status::Completed).await;
    }
    assert!(agent.most() <= 3, "{} calls at once", agent.most());
    assert_eq!(agent.seen().len(), 1_000, "every call once");
    until_no_job_actors(&engine).await;
    assert_eq!(engine.worker().await.unwrap().active_jobs, 0);
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_and_queued_jobs_hold_no_actors() {
    let stopped = Options { autostart: false, ..options() };
    let engine = start_with(Weather::new(), stopped).await;
    register(&engine, "park", json!([{ "gate": checkpoint() }])).await;
    for _ in 0..2_000 {
        submit(&engine, "park").await;
    }
    until(&engine, "queued jobs leave", async || actors(&engine, "job").await.len() <= 256).await;
    engine.start_worker().await.unwrap();
    until(&engine, "all park", async || engine.counts().await.unwrap().parked == 2_000).await;
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

fn key(digest: &[u8]) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        owner: "vera".to_owned(),
        key: "k".to_owned(),
        digest: ContentHash::of(digest),
        forget_before: Timestamp(0),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_makes_one_job() {
    let engine = start(Weather::new()).await;
    register(&engine, "keyed", json!([{ "gate": checkpoint() }])).await;
    let submits = (0..32).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.submit(new_job("keyed"), me(), key(b"one")).await })
    });
    let mut ids = Vec::new();
    let mut fresh = 0;
    for submitted in submits.collect::<Vec<_>>() {
        let submitted = submitted.await.unwrap().expect("the job");
        ids.push(submitted.job.row.id);
        fresh += usize::from(!submitted.replayed);
    }
    ids.dedup();
    assert_eq!((ids.len(), fresh), (1, 1));
    let other = engine.submit(new_job("keyed"), me(), key(b"two")).await;
    assert!(matches!(other, Err(EngineError::KeyReused { job }) if job == ids[0]), "{other:?}");
    let all = engine.counts().await.unwrap().jobs.iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(all, 1);
    until_no_job_actors(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_job_and_an_unknown_workflow_say_so() {
    let engine = start(Weather::new()).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    let job = submit(&engine, "gate").await;
    let gate = until_pending(&engine, job).await;
    engine.decide(verdict(gate, Verdict::Reject), me()).await.unwrap();
    until_status(&engine, job, Status::Rejected).await;
    let unknown = engine.submit(new_job("nothing"), me(), None).await;
    assert!(matches!(unknown, Err(EngineError::UnknownWorkflow { .. })), "{unknown:?}");
}
