//! A store that is away, or that does not say what it did: nothing acknowledged is lost, nothing is
//! done twice.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use holdpoint::engine::EngineError;
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::event::Event;
use holdpoint::model::status::Status;
use serde_json::json;

use super::agent::Agent;
use super::weather::{Fate, Weather};
use super::*;

fn two_calls(agent: &Agent) -> serde_json::Value {
    json!([
        { "one": agent.task("post", "/one") },
        { "gate": checkpoint() },
        { "two": agent.task("post", "/two") },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_kept_while_the_store_is_away() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "calls", two_calls(&agent)).await;
    agent.close();
    let job = submit(&engine, "calls").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    weather.set_down(true);
    agent.open();
    let refused = engine.submit(new_job("calls"), me(), None).await;
    assert!(matches!(refused, Err(EngineError::Unavailable(_))), "{refused:?}");
    until(&engine, "the outcome waits", async || {
        let actors = actors(&engine, "job").await;
        actors.iter().any(|actor| actor.state == "waiting for the store")
    })
    .await;
    // Somebody asks meanwhile: it is told no, and what is owed stays owed.
    let suspend = holdpoint::model::command::Command::Suspend { reason: "a look".to_owned() };
    let answer = engine.command(job, suspend, me()).await;
    assert!(matches!(answer, Err(EngineError::Unavailable(_))), "{answer:?}");
    weather.set_down(false);
    let gate = until_pending(&engine, job).await;
    assert_eq!(agent.calls("/one").len(), 1, "the outcome was kept, not asked for again");
    approve(&engine, gate).await;
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(agent.seen().len(), 2);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_fails_beside_a_running_call_does_not_cost_the_call() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "calls", two_calls(&agent)).await;
    agent.close();
    let job = submit(&engine, "calls").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let once = AtomicBool::new(true);
    weather.plan(move |_| match once.swap(false, Ordering::SeqCst) {
        true => Fate::Unavailable,
        false => Fate::Pass,
    });
    let suspend = holdpoint::model::command::Command::Suspend { reason: "a look".to_owned() };
    assert!(engine.command(job, suspend, me()).await.is_err());
    agent.open();
    until_pending(&engine, job).await;
    assert_eq!(agent.calls("/one").len(), 1);
}

async fn every_commit_like_this(fate: impl Fn(u32) -> Fate + Send + 'static) {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "calls", two_calls(&agent)).await;
    let tried = AtomicU32::new(0);
    weather.plan(move |_| fate(tried.fetch_add(1, Ordering::SeqCst)));
    let job = submit(&engine, "calls").await;
    let gate = until_pending(&engine, job).await;
    approve(&engine, gate).await;
    let again = engine.decide(verdict(gate, Verdict::Reject), me()).await;
    assert!(matches!(again, Err(EngineError::Refused(_))), "{again:?}");
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(agent.seen().len(), 2, "no call is made twice");
    let logs = engine.logs(job, 0, 1_000).await.unwrap().0;
    let decided = Event::CheckpointCancelled { checkpoint: gate };
    assert!(logs.iter().all(|row| row.event != decided.name()));
    assert_eq!(logs.iter().filter(|row| row.event == "decided").count(), 1);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_done_unseen_have_no_double_effect() {
    every_commit_like_this(|n| if n % 2 == 0 { Fate::DoneUnseen } else { Fate::Pass }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_lost_unseen_are_made_again() {
    every_commit_like_this(|n| if n % 3 == 0 { Fate::LostUnseen } else { Fate::Pass }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_unseen_and_then_unanswered_are_looked_up() {
    every_commit_like_this(|n| match n % 3 {
        0 => Fate::DoneUnseen,
        1 => Fate::Unavailable,
        _ => Fate::Pass,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_writer_costs_a_second_decision_and_nothing_else() {
    every_commit_like_this(|n| if n % 2 == 0 { Fate::Conflict } else { Fate::Pass }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_store_is_an_error() {
    let weather = Weather::new();
    weather.set_down(true);
    let clock = std::sync::Arc::new(holdpoint::clock::System::new());
    let failed = start_at(weather, options(), clock).await;
    assert!(matches!(failed, Err(EngineError::Unavailable(_))));
}
