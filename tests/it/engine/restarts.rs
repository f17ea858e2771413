//! An engine ends, well or badly, and another one goes on with the same store: same end, same keys.

use std::sync::Arc;

use holdpoint::clock::{Manual, System};
use holdpoint::engine::{Engine, Options};
use holdpoint::model::checkpoint::{Purpose, Verdict};
use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::command::DecideCheckpoint;
use holdpoint::model::id::JobId;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use serde_json::{Value, json};

use super::agent::Agent;
use super::weather::Weather;
use super::*;

/// How an engine ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Stop,
    Crash,
}

const ENDS: [End; 2] = [End::Stop, End::Crash];

/// Ends this engine in that way and starts another one on its data.
async fn again(engine: &Engine, weather: &Arc<Weather>, end: End) -> (Engine, Arc<Weather>) {
    again_with(engine, weather, end, options()).await
}

async fn again_with(
    engine: &Engine,
    weather: &Arc<Weather>,
    end: End,
    options: Options,
) -> (Engine, Arc<Weather>) {
    if end == End::Stop {
        engine.stop().await;
    }
    let weather = weather.crash();
    (start_with(weather.clone(), options).await, weather)
}

async fn finish(engine: &Engine, job: JobId) {
    until_status(engine, job, Status::Completed).await;
    until_no_job_actors(engine).await;
    assert_eq!(engine.rescues(), 0);
    assert_eq!(engine.recovery().poisoned, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_begins_after_the_restart() {
    for end in ENDS {
        let weather = Weather::new();
        let idle = Options { autostart: false, ..options() };
        let engine = start_with(weather.clone(), idle).await;
        register(&engine, "set", json!([{ "one": { "set": { "a": 1 } } }])).await;
        let job = submit(&engine, "set").await;
        let (engine, _) = again(&engine, &weather, end).await;
        assert_eq!(engine.recovery().queued, 1);
        assert_eq!(engine.recovery().revived, 0);
        finish(&engine, job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_at_a_checkpoint_waits_on() {
    for end in ENDS {
        let weather = Weather::new();
        let engine = start(weather.clone()).await;
        register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
        let job = submit(&engine, "gate").await;
        let gate = until_pending(&engine, job).await;
        let (engine, _) = again(&engine, &weather, end).await;
        assert_eq!(engine.recovery().parked, 1);
        assert!(actors(&engine, "job").await.is_empty(), "no actor for a parked job");
        approve(&engine, gate).await;
        finish(&engine, job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_get_is_made_again_with_its_key() {
    for end in ENDS {
        let weather = Weather::new();
        let short = Options { drain_timeout: Span::from_millis(20), ..options() };
        let (engine, agent) = (start_with(weather.clone(), short).await, Agent::start().await);
        register(&engine, "get", json!([{ "get": agent.task("get", "/get") }])).await;
        agent.close();
        let job = submit(&engine, "get").await;
        until(&engine, "a call", async || agent.seen().len() == 1).await;
        let (engine, _) = again(&engine, &weather, end).await;
        let report = engine.recovery();
        assert_eq!((report.revived, report.interrupted_calls), (1, 1));
        agent.open();
        finish(&engine, job).await;
        let seen = agent.seen();
        assert_eq!(seen.len(), 2);
        assert!(!seen[0].key.is_empty());
        assert_eq!(seen[0].key, seen[1].key);
    }
}

/// Stops in the middle of a POST, decides its doubt like this, and expects this end and number of
/// calls.
async fn in_doubt(word: Verdict, input: Option<Value>, end: Status, calls: usize) {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    register(&engine, "post", json!([{ "post": agent.task("post", "/post") }])).await;
    agent.close();
    let job = submit(&engine, "post").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let (engine, _) = again(&engine, &weather, End::Crash).await;
    assert_eq!(engine.recovery().interrupted_calls, 1);
    let doubt = until_pending(&engine, job).await;
    until_no_job_actors(&engine).await;
    assert_eq!(engine.checkpoint(doubt).await.unwrap().row.purpose, Purpose::InDoubt);
    assert_eq!(agent.seen().len(), 1, "it is not simply made again");
    agent.open();
    let decision = DecideCheckpoint { input: input.map(Arc::new), ..verdict(doubt, word) };
    engine.decide(decision, me()).await.unwrap();
    until_status(&engine, job, end).await;
    let seen = agent.seen();
    assert_eq!(seen.len(), calls);
    assert!(seen.iter().all(|call| call.key == seen[0].key));
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_post_is_for_a_person() {
    let happened = json!({ "outcome": "happened", "result": { "done": true } });
    in_doubt(Verdict::Approve, Some(happened), Status::Completed, 1).await;
    let retry = json!({ "outcome": "retry" });
    in_doubt(Verdict::Approve, Some(retry), Status::Completed, 2).await;
    in_doubt(Verdict::Reject, None, Status::Failed, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_waited_for_a_slot_at_a_clean_stop_is_not_in_doubt() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    let tasks = json!([{ "gate": checkpoint() }, { "post": agent.task("post", "/post") }]);
    register(&engine, "late", tasks).await;
    let job = submit(&engine, "late").await;
    let gate = until_pending(&engine, job).await;
    engine.stop_worker().await.unwrap();
    approve(&engine, gate).await;
    let (engine, _) = again(&engine, &weather, End::Stop).await;
    assert_eq!(engine.recovery().interrupted_calls, 0);
    finish(&engine, job).await;
    assert_eq!(agent.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_was_due_while_down_fires_once() {
    for end in ENDS {
        let weather = Weather::new();
        let clock = Manual::new(Timestamp(1_000_000_000_000_000));
        let begin = async |weather: &Arc<Weather>| {
            start_at(weather.clone(), options(), Arc::new(clock.clone())).await.unwrap()
        };
        let (engine, agent) = (begin(&weather).await, Agent::start().await);
        let tasks = json!([{ "wait": { "wait": "PT1H" } }, { "get": agent.task("get", "/get") }]);
        register(&engine, "wait", tasks).await;
        let job = submit(&engine, "wait").await;
        let waits = async || engine.counts().await.unwrap().parked == 1;
        until(&engine, "it waits", waits).await;
        if end == End::Stop {
            engine.stop().await;
        }
        let weather = weather.crash();
        clock.advance(Span::from_secs(7_200));
        let engine = begin(&weather).await;
        assert_eq!(engine.recovery().due, 1);
        finish(&engine, job).await;
        assert_eq!(agent.seen().len(), 1);
        let completed = engine.timeline(job).await.unwrap();
        assert_eq!(completed.iter().filter(|task| task.name == "wait").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_timers_due_at_once_fire_without_a_pause_between_the_batches() {
    let clock = Manual::new(Timestamp(1_000_000_000_000_000));
    let engine = start_at(Weather::new(), options(), Arc::new(clock.clone())).await.unwrap();
    register(&engine, "wait", json!([{ "wait": { "wait": "PT1H" } }])).await;
    for _ in 0..1_500 {
        submit(&engine, "wait").await;
    }
    until(&engine, "all wait", async || engine.counts().await.unwrap().parked == 1_500).await;
    clock.advance(Span::from_secs(3_600));
    let done = async || {
        let counts = engine.counts().await.unwrap();
        counts.jobs.contains(&(Status::Completed, 1_500))
    };
    until(&engine, "all ended", done).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_waits_is_made_after_the_restart() {
    for end in ENDS {
        let weather = Weather::new();
        let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
        let tasks = json!([{ "block": {
            "try": [{ "call": agent.task("get", "/fail") }],
            "catch": { "retry": {
                "delay": "PT0.05S", "backoff": { "constant": {} },
                "limit": { "attempt": { "count": 3 } },
            } },
        } }]);
        register(&engine, "retry", tasks).await;
        let job = submit(&engine, "retry").await;
        until(&engine, "a call", async || !agent.seen().is_empty()).await;
        let (engine, _) = again(&engine, &weather, end).await;
        until_status(&engine, job, Status::Failed).await;
        let mut keys: Vec<String> = agent.seen().into_iter().map(|seen| seen.key).collect();
        keys.dedup();
        assert!((3..=4).contains(&keys.len()), "every round has its key: {keys:?}");
        until_no_job_actors(&engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listening_job_listens_on() {
    for end in ENDS {
        let weather = Weather::new();
        let engine = start(weather.clone()).await;
        let to = json!({ "one": { "with": { "type": "test.go" } } });
        register(&engine, "listen", json!([{ "hear": { "listen": { "to": to } } }])).await;
        let job = submit(&engine, "listen").await;
        until(&engine, "it listens", async || engine.counts().await.unwrap().parked == 1).await;
        let (engine, _) = again(&engine, &weather, end).await;
        let event = json!({ "specversion": "1.0", "id": "1", "source": "/t", "type": "test.go" });
        let event = CloudEvent::parse(event).unwrap();
        assert_eq!(engine.deliver(event, me()).await.unwrap(), 1);
        finish(&engine, job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_never_go_back_over_a_restart() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    let job = submit(&engine, "gate").await;
    let gate = until_pending(&engine, job).await;
    engine.stop().await;
    let weather = weather.crash();
    let clock = System::new();
    let engine = start_at(weather, options(), Arc::new(clock)).await.unwrap();
    approve(&engine, gate).await;
    finish(&engine, job).await;
    let (logs, _) = engine.logs(job, 0, 100).await.unwrap();
    assert!(logs.is_sorted_by_key(|row| row.at));
}
