//! The standing actors fail, and the root starts them again until there is no point in it.

use holdpoint::engine::Options;
use holdpoint::model::status::Status;
use serde_json::json;

use super::agent::Agent;
use super::weather::Weather;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_that_fails_is_restarted_and_grants_no_slot_twice() {
    let weather = Weather::new();
    let options = Options { concurrent_jobs_max: 2, ..options() };
    let (engine, agent) = (start_with(weather.clone(), options).await, Agent::start().await);
    let tasks = json!([{ "gate": checkpoint() }, { "call": agent.task("get", "/call") }]);
    register(&engine, "gated", tasks).await;
    agent.close();
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(submit(&engine, "gated").await);
    }
    let gate = until_pending(&engine, jobs[0]).await;
    approve(&engine, gate).await;
    until(&engine, "one works", async || agent.seen().len() == 1).await;
    weather.panic_at_the_queue(2);
    let new = submit(&engine, "gated").await;
    until(&engine, "it failed twice", async || weather.panics_left() == 0).await;
    until(&engine, "it is back", async || engine.worker().await.is_ok()).await;
    until_pending(&engine, new).await;
    let held = async || engine.worker().await.is_ok_and(|worker| worker.active_jobs == 1);
    until(&engine, "the one slot is still held", held).await;
    for job in &jobs[1..] {
        let gate = until_pending(&engine, *job).await;
        approve(&engine, gate).await;
    }
    agent.open();
    for job in jobs {
        until_status(&engine, job, Status::Completed).await;
    }
    assert!(agent.most() <= 2, "{} at once", agent.most());
    assert!(!*engine.failed().borrow());
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_cannot_keep_its_actors_alive_says_so() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    let mut failed = engine.failed();
    weather.panic_at_the_queue(1_000);
    let said = tokio::time::timeout(PATIENCE, failed.wait_for(|failed| *failed)).await;
    assert!(said.expect("in time").is_ok());
}
