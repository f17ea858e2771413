//! The end of an engine.

use holdpoint::engine::{EngineError, Options};
use holdpoint::model::status::Status;
use holdpoint::model::time::Span;
use serde_json::json;

use super::agent::Agent;
use super::weather::Weather;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_calls_end_begins_none_and_loses_no_outcome() {
    let weather = Weather::new();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    let tasks =
        json!([{ "one": agent.task("post", "/one") }, { "two": agent.task("post", "/two") }]);
    register(&engine, "two", tasks).await;
    agent.close();
    let job = submit(&engine, "two").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let stopping = tokio::spawn({
        let engine = engine.clone();
        async move { engine.stop().await }
    });
    eventually("it says that it stops", || engine.is_stopping()).await;
    let answer = engine.submit(new_job("two"), me(), None).await;
    assert!(matches!(answer, Err(EngineError::Stopping)), "{answer:?}");
    assert!(!stopping.is_finished(), "it waits for the call");
    agent.open();
    stopping.await.unwrap();
    assert_eq!(agent.calls("/two").len(), 0, "nothing new began");
    assert!(matches!(engine.worker().await, Err(EngineError::Stopping)));
    assert!(engine.actors().await.is_err(), "nobody is left");

    let engine = start(weather.crash()).await;
    assert_eq!(engine.recovery().interrupted_calls, 0, "the stop was clean");
    until_status(&engine, job, Status::Completed).await;
    assert_eq!((agent.calls("/one").len(), agent.calls("/two").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlasts_the_stop_is_made_again_with_its_key() {
    let weather = Weather::new();
    let options = Options { drain_timeout: Span::from_millis(50), ..options() };
    let (engine, agent) = (start_with(weather.clone(), options).await, Agent::start().await);
    register(&engine, "slow", json!([{ "get": agent.task("get", "/get") }])).await;
    agent.close();
    let job = submit(&engine, "slow").await;
    until(&engine, "a call", async || agent.seen().len() == 1).await;
    let stopped = tokio::time::timeout(PATIENCE / 2, engine.stop()).await;
    assert!(stopped.is_ok(), "the stop does not wait for ever");
    agent.open();
    let engine = start(weather.crash()).await;
    until_status(&engine, job, Status::Completed).await;
    let seen = agent.seen();
    assert_eq!((seen.len(), &seen[0].key), (2, &seen[1].key));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_during_a_stop_are_answered() {
    for _ in 0..10 {
        let engine = start(Weather::new()).await;
        register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
        let asking: Vec<_> = (0..64)
            .map(|_| {
                let engine = engine.clone();
                tokio::spawn(async move { engine.submit(new_job("gate"), me(), None).await })
            })
            .collect();
        tokio::task::yield_now().await;
        engine.stop().await;
        for answer in asking {
            match answer.await.expect("an answer") {
                Ok(_) | Err(EngineError::Stopping | EngineError::Unavailable(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_engines_fit_into_one_process() {
    let mut engines = Vec::new();
    for _ in 0..10 {
        let engine = start(Weather::new()).await;
        register(&engine, "set", json!([{ "one": { "set": { "a": 1 } } }])).await;
        engines.push(engine);
    }
    for engine in &engines {
        let job = submit(engine, "set").await;
        until_status(engine, job, Status::Completed).await;
    }
    for engine in engines {
        engine.stop().await;
    }
}
