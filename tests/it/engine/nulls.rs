//! Null is an answer like any other, and never the same as none: not when the journal is read again
//! either.

use std::sync::Arc;

use async_trait::async_trait;
use holdpoint::calls::{Call, Caller, Outcome, StandIn};
use holdpoint::clock::System;
use holdpoint::engine::{Engine, Parts};
use holdpoint::model::status::Status;
use serde_json::{Value, json};

use super::weather::Weather;
use super::*;

struct Nothing;

#[async_trait]
impl StandIn for Nothing {
    async fn run(&self, _: &Call) -> Outcome {
        Outcome::Succeeded(Value::Null)
    }
}

/// What a job of these tasks returns when it was read anew at a checkpoint behind them.
async fn result_after_a_restart(tasks: Value) -> Value {
    let weather = Weather::new();
    let caller = Caller::standing_in(Arc::new(Nothing));
    let clock = Arc::new(System::new());
    let (options, workflows) = (options(), None);
    let parts = Parts { store: weather.clone(), clock, caller, workflows, options };
    let engine = Engine::start(parts.clone()).await.expect("a start");
    let mut tasks = tasks;
    tasks.as_array_mut().unwrap().push(json!({ "gate": {
        "call": "checkpoint", "with": { "title": "Go on?" },
        "output": { "as": "${ { input: $input, context: $context } }" },
    } }));
    register(&engine, "nulls", tasks).await;
    let job = submit(&engine, "nulls").await;
    let gate = until_pending(&engine, job).await;
    let engine = Engine::start(Parts { store: weather.crash(), ..parts }).await.expect("a start");
    approve(&engine, gate).await;
    until_status(&engine, job, Status::Completed).await;
    (*engine.job(job).await.unwrap().job.result.clone().unwrap()).clone()
}

fn call() -> Value {
    json!({ "call": "http", "with": { "method": "get", "endpoint": "https://agent.test/" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_answer_inside_a_try_outlives_a_restart() {
    let tasks = json!([{ "safe": { "try": [{ "ask": call() }], "catch": {} } }]);
    assert_eq!(result_after_a_restart(tasks).await["input"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_becomes_null_stays_null() {
    let tasks = json!([{ "set": { "set": { "a": 1 }, "output": { "as": "${ null }" } } }]);
    assert_eq!(result_after_a_restart(tasks).await["input"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_becomes_null_stays_null() {
    let tasks = json!([
        { "one": { "set": { "a": 1 }, "export": { "as": "${ . }" } } },
        { "two": { "set": { "a": 2 }, "export": { "as": "${ null }" } } },
    ]);
    assert_eq!(result_after_a_restart(tasks).await["context"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_null_is_a_result() {
    let tasks = json!([{ "ask": call() }]);
    assert_eq!(result_after_a_restart(tasks).await["input"], json!(null));
}
