//! Events from outside, and which tasks must have taken those that were accepted. It must never
//! demand an event of a task that stopped waiting for it meanwhile.

use holdpoint::engine::Engine;
use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::id::{FrameId, JobId};
use holdpoint::model::job::Listening;
use serde_json::json;

use super::dice::Dice;
use super::people::principal;
use super::world::{Promise, World, lock};

/// An event from outside, now and then twice.
pub async fn send_event(world: &World, engine: &Engine, dice: &mut Dice) {
    let number = {
        let mut told = lock(&world.told);
        if dice.percent(70) || told.events == 0 {
            told.events += 1;
            told.events
        } else {
            world.count("event delivered again");
            1 + dice.below(told.events)
        }
    };
    deliver(world, engine, number).await;
}

/// The event of this number.
pub async fn deliver(world: &World, engine: &Engine, number: u64) {
    let event = json!({
        "specversion": "1.0", "id": number.to_string(), "source": "/simulation",
        "type": type_of(number), "data": { "number": number },
    });
    let event = CloudEvent::parse(event).expect("an event");
    world.note(format!("event {number}"));
    let waiting: Vec<(JobId, FrameId)> = lock(&world.history)
        .listeners()
        .filter(|(_, _, listening)| wants(listening, number))
        .map(|(job, frame, _)| (job, frame))
        .collect();
    let answer = engine.deliver(event, principal("world")).await;
    world.alive().await;
    let Ok(taken) = answer else { return };
    if taken > 0 {
        world.count("event delivered");
    }
    for (job, frame) in waiting {
        world.catch_up(job).await;
        accepted(world, number, job, frame);
    }
}

/// What an accepted event means for a task that waited for it before: it has it, or it went on
/// without it. Whoever still waits was passed over.
fn accepted(world: &World, number: u64, job: JobId, frame: FrameId) {
    let event = number.to_string();
    let (has_it, waits) = {
        let history = lock(&world.history);
        let still = |(at, of, listening): (JobId, FrameId, &Listening)| {
            (at, of) == (job, frame) && wants(listening, number)
        };
        (history.has_consumed(job, frame, &event), history.listeners().any(still))
    };
    if has_it {
        lock(&world.told).promises.push(Promise::Taken { job, frame, event });
    } else if waits {
        world.violated(format!("event {event} was accepted; {frame} of job {job} still waits"));
    }
}

fn type_of(number: u64) -> &'static str {
    if number.is_multiple_of(2) { "simulation.go" } else { "simulation.on" }
}

/// Would a task take the event of this number? In these documents each filter of a task has a type
/// of its own and takes one event.
fn wants(listening: &Listening, number: u64) -> bool {
    let has_one = listening
        .seen
        .iter()
        .any(|(_, id)| id.parse().is_ok_and(|seen: u64| type_of(seen) == type_of(number)));
    let is_awaited = listening.types.iter().any(|name| name == type_of(number));
    is_awaited && !has_one && !listening.done
}
