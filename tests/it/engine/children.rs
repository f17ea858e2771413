//! Jobs that run jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdpoint::engine::{Engine, JobQuery};
use holdpoint::model::command::Command;
use holdpoint::model::id::JobId;
use holdpoint::model::problem::Kind;
use holdpoint::model::status::Status;
use serde_json::{Value, json};

use super::agent::Agent;
use super::weather::{Fate, Weather};
use super::*;

fn run(name: &str, awaited: bool) -> Value {
    let workflow = json!({ "namespace": "test", "name": name, "version": "1.0.0" });
    json!({ "run": { "workflow": workflow, "await": awaited } })
}

async fn jobs_of(engine: &Engine, name: &str) -> Vec<JobId> {
    let query = JobQuery { job_type: Some(name.to_owned()), limit: 100, ..JobQuery::default() };
    engine.jobs(&query).await.unwrap().rows.iter().map(|row| row.id).collect()
}

async fn only_job_of(engine: &Engine, name: &str) -> JobId {
    until(engine, "a child", async || !jobs_of(engine, name).await.is_empty()).await;
    let jobs = jobs_of(engine, name).await;
    assert_eq!(jobs.len(), 1, "one child, once");
    jobs[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn results_and_errors_come_back_through_three_levels() {
    let (engine, agent) = (start(Weather::new()).await, Agent::start().await);
    register(&engine, "leaf", json!([{ "set": { "set": { "a": 1 } } }])).await;
    register(&engine, "middle", json!([{ "down": run("leaf", true) }])).await;
    register(&engine, "top", json!([{ "down": run("middle", true) }])).await;
    let top = submit(&engine, "top").await;
    until_status(&engine, top, Status::Completed).await;
    assert_eq!(*engine.job(top).await.unwrap().job.result.clone().unwrap(), json!({ "a": 1 }));

    register(&engine, "bad-leaf", json!([{ "call": agent.task("get", "/fail") }])).await;
    register(&engine, "bad", json!([{ "down": run("bad-leaf", true) }])).await;
    let bad = submit(&engine, "bad").await;
    until_status(&engine, bad, Status::Failed).await;
    assert!(engine.job_row(bad).await.unwrap().error.unwrap().is(Kind::Communication));
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_nobody_waits_for_goes_its_own_way() {
    let engine = start(Weather::new()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "top", json!([{ "down": run("leaf", false) }])).await;
    let top = submit(&engine, "top").await;
    until_status(&engine, top, Status::Completed).await;
    let leaf = only_job_of(&engine, "leaf").await;
    let gate = until_pending(&engine, leaf).await;
    approve(&engine, gate).await;
    until_status(&engine, leaf, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn children_end_with_their_parent() {
    let engine = start(Weather::new()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "middle", json!([{ "down": run("leaf", true) }])).await;
    register(&engine, "top", json!([{ "down": run("middle", true) }])).await;
    let top = submit(&engine, "top").await;
    let leaf = only_job_of(&engine, "leaf").await;
    until_pending(&engine, leaf).await;
    until_no_job_actors(&engine).await;
    let reason = "enough".to_owned();
    engine.command(top, Command::Terminate { reason }, me()).await.unwrap();
    until_status(&engine, leaf, Status::Cancelled).await;
    assert_eq!(pending(&engine, leaf).await, None);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_workflow_is_an_error_of_the_task() {
    let engine = start(Weather::new()).await;
    register(&engine, "top", json!([{ "down": run("nothing", true) }])).await;
    let top = submit(&engine, "top").await;
    until_status(&engine, top, Status::Failed).await;
    assert!(engine.job_row(top).await.unwrap().error.unwrap().is(Kind::Configuration));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_hears_of_a_child_that_ended_just_before_a_crash() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "top", json!([{ "down": run("leaf", true) }])).await;
    let top = submit(&engine, "top").await;
    let leaf = only_job_of(&engine, "leaf").await;
    let gate = until_pending(&engine, leaf).await;
    until_no_job_actors(&engine).await;
    // The child's end is the last thing on disk.
    let ended = Arc::new(AtomicBool::new(false));
    let is_over = ended.clone();
    weather.plan(move |commit| {
        if is_over.load(Ordering::SeqCst) {
            return Fate::Unavailable;
        }
        is_over.store(commit.job == leaf && commit.row.status.is_ended(), Ordering::SeqCst);
        Fate::Pass
    });
    approve(&engine, gate).await;
    assert!(ended.load(Ordering::SeqCst));
    let engine = start(weather.crash()).await;
    until_status(&engine, top, Status::Completed).await;
    assert_eq!(engine.recovery().revived, 1);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_hears_of_a_child_whose_end_was_never_answered() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "top", json!([{ "down": run("leaf", true) }])).await;
    let top = submit(&engine, "top").await;
    let leaf = only_job_of(&engine, "leaf").await;
    let gate = until_pending(&engine, leaf).await;
    until_no_job_actors(&engine).await;
    // The child's end is on disk, and the store does not say so until nobody asks any more.
    let mut told = 0;
    weather.plan(move |commit| {
        if commit.job != leaf {
            return Fate::Pass;
        }
        told += 1;
        if told == 1 { Fate::DoneUnseen } else { Fate::Unavailable }
    });
    let yes = holdpoint::model::checkpoint::Verdict::Approve;
    assert!(engine.decide(verdict(gate, yes), me()).await.is_err());
    until_status(&engine, top, Status::Completed).await;
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_the_parent_does_not_wipe_out_the_news_of_its_child() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    let branches = json!([{ "down": run("leaf", true) }, { "ask": checkpoint() }]);
    register(&engine, "top", json!([{ "both": { "fork": { "branches": branches } } }])).await;
    let top = submit(&engine, "top").await;
    let leaf = only_job_of(&engine, "leaf").await;
    let gate = until_pending(&engine, leaf).await;
    let ask = until_pending(&engine, top).await;
    until_no_job_actors(&engine).await;
    // Of the parent, nothing but the decision gets to disk after the end of its child.
    weather.plan(move |commit| {
        let settles = commit.events.iter().any(|event| event.name() == "childSettled");
        if settles { Fate::Unavailable } else { Fate::Pass }
    });
    approve(&engine, gate).await;
    approve(&engine, ask).await;
    let engine = start(weather.crash()).await;
    until_status(&engine, top, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_child_is_an_error_of_its_parent() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "leaf", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "top", json!([{ "down": run("leaf", true) }])).await;
    let top = submit(&engine, "top").await;
    let leaf = only_job_of(&engine, "leaf").await;
    let gate = until_pending(&engine, leaf).await;
    until_no_job_actors(&engine).await;
    weather.corrupt(move |job| job == leaf);
    let yes = holdpoint::model::checkpoint::Verdict::Approve;
    assert!(engine.decide(verdict(gate, yes), me()).await.is_err());
    until_status(&engine, top, Status::Failed).await;
    assert!(engine.job_row(top).await.unwrap().error.unwrap().is(Kind::Poisoned));
}
