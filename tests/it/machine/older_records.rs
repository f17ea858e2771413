//! What earlier versions wrote is read for ever: facts and snapshots without the members that came
//! later.

use std::sync::Arc;

use holdpoint::model::command::Command;
use holdpoint::model::event::Event;
use holdpoint::model::job::Job;
use serde_json::{Value, json};

use super::world::{World, definition};

#[test]
fn facts_without_later_members_are_read() {
    let assigned = json!({ "type": "assigned", "agent": "a", "inputs": {}, "reason": null });
    let inputs = Arc::new(json!({}));
    let expected = Event::Assigned { agent: "a".to_owned(), inputs, reason: None, report: None };
    assert_eq!(serde_json::from_value::<Event>(assigned).unwrap(), expected);
    let retried = json!({
        "type": "callRetried", "frame": 1, "attempt": 1, "notBefore": 5,
        "problem": { "type": "urn:x", "status": 503 },
    });
    let read = serde_json::from_value::<Event>(retried).unwrap();
    assert!(matches!(read, Event::CallRetried { reason: None, .. }), "{read:?}");
}

/// The job as a snapshot of the first version had it.
fn without_later_members(job: &Job) -> Value {
    let mut snapshot = serde_json::to_value(job).unwrap();
    snapshot.as_object_mut().unwrap().remove("matching").unwrap();
    for frame in snapshot["run"]["frames"].as_object_mut().unwrap().values_mut() {
        assert!(frame.get("evaluating").is_none(), "{frame:#}");
        frame["state"].as_object_mut().unwrap().remove("stage");
    }
    snapshot
}

#[test]
fn a_snapshot_without_later_members_is_the_same_job() {
    let call =
        json!({ "call": "http", "with": { "method": "get", "endpoint": "https://a.test/" } });
    let world = World::begun(definition(&json!({ "do": [{ "ask": call }] })), json!({}));
    let read: Job = serde_json::from_value(without_later_members(world.job())).unwrap();
    assert_eq!(&read, world.job());
}

#[test]
fn a_job_of_an_earlier_version_is_matched() {
    let mut world = World::created(definition(&json!("agent-task")), json!({}));
    let mut snapshot = serde_json::to_value(world.job()).unwrap();
    snapshot.as_object_mut().unwrap().remove("matching").unwrap();
    let read: Job = serde_json::from_value(snapshot).unwrap();
    assert_eq!(&read, world.job());
    world.send(Command::Match).unwrap();
    assert_eq!(world.due().matching, Some(1));
}
