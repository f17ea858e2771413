//! Who works when: priority, age, and a worker that is stopped and started.

use std::sync::Arc;

use holdpoint::clock::Manual;
use holdpoint::engine::{Engine, NewJob, Options};
use holdpoint::model::id::JobId;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use serde_json::json;

use super::agent::Agent;
use super::weather::Weather;
use super::*;

async fn submit_with(engine: &Engine, name: &str, priority: u8) -> JobId {
    let job = NewJob { priority, ..new_job(name) };
    engine.submit(job, me(), None).await.unwrap().job.row.id
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_jobs_come_first_but_old_ones_are_not_forgotten() {
    let clock = Manual::new(Timestamp(1_000_000_000_000_000));
    let options = Options { concurrent_jobs_max: 1, autostart: false, ..options() };
    let engine = start_at(Weather::new(), options, Arc::new(clock.clone())).await.unwrap();
    let agent = Agent::start().await;
    for name in ["old", "low", "high", "middle"] {
        register(&engine, name, json!([{ "call": agent.task("get", &format!("/{name}")) }])).await;
    }
    let mut jobs = vec![submit_with(&engine, "old", 0).await];
    // Ten minutes of waiting outweigh nine steps of priority.
    clock.advance(Span::from_secs(600));
    for (name, priority) in [("low", 1), ("high", 9), ("middle", 5)] {
        jobs.push(submit_with(&engine, name, priority).await);
        clock.advance(Span(1));
    }
    engine.start_worker().await.unwrap();
    for job in jobs {
        until_status(&engine, job, Status::Completed).await;
    }
    let order: Vec<String> = agent.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(order, ["/old", "/high", "/middle", "/low"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_lets_runs_end_and_begins_nothing() {
    let options = Options { concurrent_jobs_max: 2, ..options() };
    let (engine, agent) = (start_with(Weather::new(), options).await, Agent::start().await);
    let two = json!([{ "one": agent.task("get", "/one") }, { "two": agent.task("get", "/two") }]);
    register(&engine, "two", two).await;
    let gated = json!([{ "gate": checkpoint() }, { "after": agent.task("get", "/after") }]);
    register(&engine, "gated", gated).await;
    let resumed = submit(&engine, "gated").await;
    let gate = until_pending(&engine, resumed).await;
    agent.close();
    let running = submit(&engine, "two").await;
    until(&engine, "the call", async || agent.calls("/one").len() == 1).await;

    let worker = engine.stop_worker().await.unwrap();
    assert!(!worker.is_running);
    let waiting = submit(&engine, "two").await;
    approve(&engine, gate).await;
    agent.open();
    until_status(&engine, running, Status::Completed).await;
    until(&engine, "it waits for a slot", async || {
        actors(&engine, "job").await.iter().any(|actor| actor.state == "waiting for a slot")
    })
    .await;
    assert_eq!(status(&engine, waiting).await, Some(Status::Pending));
    assert_eq!(status(&engine, resumed).await, Some(Status::InProgress));
    assert_eq!((agent.calls("/one").len(), agent.calls("/after").len()), (1, 0));

    engine.start_worker().await.unwrap();
    until_status(&engine, waiting, Status::Completed).await;
    until_status(&engine, resumed, Status::Completed).await;
    assert_eq!(agent.calls("/after").len(), 1);
    assert_eq!(engine.rescues(), 0);
}
