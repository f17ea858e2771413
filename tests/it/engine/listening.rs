//! Events find the jobs that listen.

use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::status::Status;
use serde_json::{Value, json};

use super::weather::Weather;
use super::*;

fn event(id: &str, event_type: &str, data: Value) -> CloudEvent {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": event_type, "data": data,
    });
    CloudEvent::parse(event).expect("an event")
}

fn listen(to: Value) -> Value {
    json!([{ "hear": { "listen": { "to": to } } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_one_of_a_thousand_that_it_is_for() {
    let weather = Weather::new();
    let engine = start(weather.clone()).await;
    for name in ["a", "b", "c", "d"] {
        let to = json!({ "one": { "with": { "type": format!("test.{name}") } } });
        register(&engine, name, listen(to)).await;
    }
    let one = submit(&engine, "a").await;
    let mut others = Vec::new();
    for number in 0..999 {
        others.push(submit(&engine, ["b", "c", "d"][number % 3]).await);
    }
    until(&engine, "all listen", async || engine.counts().await.unwrap().parked == 1_000).await;
    let taken = engine.deliver(event("1", "test.a", json!({ "to": "a" })), me()).await.unwrap();
    assert_eq!(taken, 1);
    until_status(&engine, one, Status::Completed).await;
    assert_eq!(engine.counts().await.unwrap().parked, 999);
    // One listener that cannot be read keeps the event from nobody.
    let bad = others[0];
    weather.corrupt(move |job| job == bad);
    assert_eq!(engine.deliver(event("2", "test.b", json!(1)), me()).await.unwrap(), 332);
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_is_taken_once() {
    let engine = start(Weather::new()).await;
    let to = json!({ "any": [{ "with": { "type": "test.x" } }], "until": "${ length >= 2 }" });
    register(&engine, "two", listen(to)).await;
    let job = submit(&engine, "two").await;
    until(&engine, "it listens", async || engine.counts().await.unwrap().parked == 1).await;
    assert_eq!(engine.deliver(event("1", "test.x", json!(1)), me()).await.unwrap(), 1);
    assert_eq!(engine.deliver(event("1", "test.x", json!(1)), me()).await.unwrap(), 0);
    assert_eq!(status(&engine, job).await, Some(Status::InProgress));
    assert_eq!(engine.deliver(event("2", "test.x", json!(2)), me()).await.unwrap(), 1);
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(*engine.job(job).await.unwrap().job.result.clone().unwrap(), json!([1, 2]));
    until_no_job_actors(&engine).await;
}
