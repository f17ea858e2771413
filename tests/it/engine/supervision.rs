//! What panics is restarted alone; what cannot be carried on is parked with the reason.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use holdpoint::engine::{EngineError, Options};
use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::id::JobId;
use holdpoint::model::problem::Kind;
use holdpoint::model::status::Status;
use serde_json::json;

use super::agent::Agent;
use super::weather::{Fate, Weather};
use super::*;

/// Makes the first `times` commits of this job from now on panic.
fn panics(weather: &Weather, job: JobId, times: u32) {
    let left = AtomicU32::new(times);
    weather.plan(move |commit| {
        let mine = commit.job == job;
        let more = mine
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        if more { Fate::Panic } else { Fate::Pass }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_panics_is_restarted_and_the_others_go_on() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "call", json!([{ "call": agent.task("get", "/call") }])).await;
    agent.close();
    let unlucky = submit(&engine, "call").await;
    let lucky = submit(&engine, "call").await;
    until(&engine, "two calls", async || agent.seen().len() == 2).await;
    panics(&weather, unlucky, 3);
    agent.open();
    until_status(&engine, lucky, Status::Completed).await;
    until_status(&engine, unlucky, Status::Completed).await;
    let keys: Vec<String> = agent.seen().into_iter().map(|seen| seen.key).collect();
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 2, "the call is made again with its key: {keys:?}");
    until_no_job_actors(&engine).await;
    assert_eq!(engine.worker().await.unwrap().active_jobs, 0, "no slot is lost");
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_panics_too_often_is_parked_with_the_reason() {
    let weather = Weather::new();
    let options = Options { restarts_max: 2, ..options() };
    let engine = start_with(weather.clone(), options).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }, { "gate2": checkpoint() }])).await;
    let (bad, good) = (submit(&engine, "gate").await, submit(&engine, "gate").await);
    let (gate, other) = (until_pending(&engine, bad).await, until_pending(&engine, good).await);
    panics(&weather, bad, 3);
    until(&engine, "it is parked", async || {
        let answer = engine.decide(verdict(gate, Verdict::Approve), me()).await;
        let no = matches!(answer, Err(EngineError::Unavailable(_) | EngineError::Refused(_)));
        assert!(no, "{answer:?}");
        status(&engine, bad).await == Some(Status::Failed)
    })
    .await;
    let row = engine.job_row(bad).await.unwrap();
    let error = row.error.expect("the reason");
    assert!(error.is(Kind::Poisoned), "{error:?}");
    assert!(error.detail.unwrap_or_default().contains("a scripted panic"));
    assert_eq!(pending(&engine, bad).await, None, "nobody is asked about it any more");
    let checkpoint = engine.checkpoint(gate).await.unwrap();
    assert_eq!(checkpoint.row.status, CheckpointStatus::Cancelled);
    approve(&engine, other).await;
    assert_ne!(until_pending(&engine, good).await, other, "the other one went on");
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_the_last_error_are_in_the_tree() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "call", json!([{ "call": agent.task("get", "/call") }])).await;
    agent.close();
    let job = submit(&engine, "call").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    panics(&weather, job, 2);
    let suspend = holdpoint::model::command::Command::Suspend { reason: "a look".to_owned() };
    assert!(engine.command(job, suspend.clone(), me()).await.is_err());
    until(&engine, "it was restarted", async || {
        let actors = actors(&engine, "job").await;
        actors.iter().any(|actor| {
            actor.restarts >= 1
                && actor.last_error.as_deref().is_some_and(|e| e.contains("a scripted panic"))
        })
    })
    .await;
    agent.open();
    until_status(&engine, job, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_journal_is_parked_when_somebody_needs_it() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    let (bad, good) = (submit(&engine, "gate").await, submit(&engine, "gate").await);
    let (gate, other) = (until_pending(&engine, bad).await, until_pending(&engine, good).await);
    until_no_job_actors(&engine).await;
    weather.corrupt(move |job| job == bad);
    let answer = engine.decide(verdict(gate, Verdict::Approve), me()).await;
    assert!(matches!(answer, Err(EngineError::Corrupt { job, .. }) if job == bad), "{answer:?}");
    until_status(&engine, bad, Status::Failed).await;
    assert!(engine.job_row(bad).await.unwrap().error.expect("why").is(Kind::Poisoned));
    assert_eq!(pending(&engine, bad).await, None);
    approve(&engine, other).await;
    until_status(&engine, good, Status::Completed).await;
    until_no_job_actors(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_broken_journals_among_many_spares_the_others() {
    let weather = Weather::new();
    let many = Options { concurrent_jobs_max: 200, ..options() };
    let (engine, agent) = (start_with(weather.clone(), many.clone()).await, Agent::start().await);
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    register(&engine, "call", json!([{ "call": agent.task("get", "/call") }])).await;
    agent.close();
    let mut parked = Vec::new();
    for _ in 0..900 {
        parked.push(submit(&engine, "gate").await);
    }
    until(&engine, "all park", async || engine.counts().await.unwrap().parked == 900).await;
    let mut active = Vec::new();
    for _ in 0..100 {
        active.push(submit(&engine, "call").await);
    }
    until(&engine, "all call", async || agent.seen().len() == 100).await;
    let weather = weather.crash();

    let broken: Arc<Mutex<Vec<JobId>>> =
        Arc::new(Mutex::new(parked.iter().chain(&active).step_by(2).copied().collect()));
    let of = broken.clone();
    weather.corrupt(move |job| of.lock().unwrap().contains(&job));
    agent.open();
    let engine = start_with(weather, many).await;
    let report = engine.recovery();
    assert_eq!(report.revived, 100);
    assert_eq!(report.poisoned, 50, "those that had to be taken up");
    assert_eq!(report.interrupted_calls, 50);
    let is_broken = |job: &JobId| broken.lock().unwrap().contains(job);
    for job in &active {
        let wanted = if is_broken(job) { Status::Failed } else { Status::Completed };
        until_status(&engine, *job, wanted).await;
    }
    let healthy = parked.iter().filter(|job| !is_broken(job)).copied().collect::<Vec<_>>();
    for job in healthy.iter().take(20) {
        let gate = until_pending(&engine, *job).await;
        approve(&engine, gate).await;
        until_status(&engine, *job, Status::Completed).await;
    }
    assert_eq!(engine.rescues(), 0);
}

/// A resolver that panics the first time.
struct Shaky(AtomicU32);

#[async_trait::async_trait]
impl holdpoint::calls::Lookup for Shaky {
    async fn lookup(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        assert_ne!(self.0.fetch_add(1, Ordering::SeqCst), 0, "a scripted panic");
        Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_panics_costs_its_call_and_nothing_else() {
    let engine = start_looking_up(Weather::new(), Arc::new(Shaky(AtomicU32::new(0)))).await;
    let agent = Agent::start().await;
    let mut task = agent.task("get", "/call");
    let endpoint = task["with"]["endpoint"].as_str().unwrap().replace("127.0.0.1", "agent.test");
    task["with"]["endpoint"] = json!(endpoint);
    register(&engine, "call", json!([{ "call": task }])).await;
    let job = submit(&engine, "call").await;
    until(&engine, "it ends", async || {
        status(&engine, job).await.is_some_and(|status| status.is_ended())
    })
    .await;
    let (logs, _) = engine.logs(job, 0, 1_000).await.unwrap();
    let events: Vec<&str> = logs.iter().map(|row| row.event).collect();
    assert_eq!(status(&engine, job).await, Some(Status::Completed), "{events:?}");
    assert!(events.contains(&"interrupted"), "{events:?}");
    assert_eq!(agent.seen().len(), 1);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}
