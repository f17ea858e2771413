//! The actor tree, and the sweep that counts what should never happen.

use holdpoint::model::id::JobId;
use holdpoint::model::row::Place;
use holdpoint::model::status::Status;
use serde_json::json;

use super::agent::Agent;
use super::weather::{Fate, Weather};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_shows_root_standing_actors_jobs_and_attempts() {
    let (engine, agent) = (start(Weather::new()).await, Agent::start().await);
    register(&engine, "call", json!([{ "call": agent.task("get", "/call") }])).await;
    agent.close();
    let job = submit(&engine, "call").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let root = engine.actors().await.unwrap();
    assert_eq!(root.kind, "root");
    let mut kinds: Vec<&str> = root.children.iter().map(|child| child.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["agents", "jobs", "scheduler", "wakes"]);
    let jobs = root.children.iter().find(|child| child.kind == "jobs").unwrap();
    assert_eq!(jobs.children.len(), 1);
    let live = &jobs.children[0];
    assert_eq!((live.kind, live.name.clone()), ("job", job.to_string()));
    assert!(live.handled > 0);
    assert_eq!(live.children.len(), 1);
    assert_eq!(live.children[0].kind, "attempt");
    assert_eq!(live.children[0].name, agent.seen()[0].key);
    agent.open();
    until_status(&engine, job, Status::Completed).await;
    until_no_job_actors(&engine).await;
    assert!(actors(&engine, "attempt").await.is_empty());
    assert_eq!(engine.actor_counts().iter().map(|(_, count)| count).sum::<u64>(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_rescues_and_counts_a_job_that_nobody_holds() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "call", json!([{ "call": agent.task("get", "/call") }])).await;
    agent.close();
    let job = submit(&engine, "call").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let row = engine.job_row(job).await.unwrap();
    assert_eq!(row.place, Place::Active);
    // The same job again under another id: on disk it must be held, and nobody knows of it.
    let journal = engine.changes(0, 1_000).await.unwrap();
    assert!(!journal.is_empty());
    let lost = copy(&weather, job).await;
    agent.open();
    until(&engine, "it is rescued", async || engine.rescues() == 1).await;
    until_status(&engine, lost, Status::Completed).await;
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(engine.rescues(), 1);
}

/// Writes the journal of this job once more, as that of another one.
async fn copy(weather: &Weather, job: JobId) -> JobId {
    use holdpoint::model::id::CommitId;
    use holdpoint::model::principal::Principal;
    use holdpoint::store::{Commit, Store};

    weather.plan(|_| Fate::Pass);
    let row = weather.job(job).await.unwrap().unwrap();
    let journal = weather.journal(job, 0, 1_000).await.unwrap();
    let copy = JobId::derived(&["a copy"]);
    let commit = Commit {
        job: copy,
        expect_version: 0,
        fence: 0,
        commit_id: CommitId::derived(&["a commit"]),
        at: row.updated_at,
        by: Principal::system("test"),
        origin: None,
        events: journal.into_iter().map(|fact| fact.event).collect(),
        row: Arc::new(holdpoint::model::row::JobRow { id: copy, ..row }),
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: None,
        key: None,
    };
    weather.commit(commit).await.unwrap();
    copy
}
