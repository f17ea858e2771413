//! What the people did, done again at the same time: the request, decisions, events, wishes. Who
//! hears no answer asks again, as clients do.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::app::drill::recording::What;
use crate::app::drill::world::{Next, World};
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, IdempotencyKey, NewJob};
use crate::model::checkpoint::Verdict;
use crate::model::command::DecideCheckpoint;
use crate::model::event::Outcome;
use crate::model::id::ContentHash;
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::model::voter::{ADMIN, Door, Voter};

/// How long nothing may happen, of the runtime's time, when nothing is left to wait for: longer
/// than every pause of the engine before it tries something again.
const GRACE: Duration = Duration::from_millis(1_500);
/// A rehearsal may need more commits than were recorded facts, but not without end.
const COMMITS_MAX: u64 = 4;

/// Does everything until all has ended, or says what does not go on.
pub(super) async fn live(world: &Arc<World>, engine: &Engine) -> Result<(), String> {
    submit(world, engine).await?;
    ask_again(world, engine).await;
    let most = world.recording.facts.saturating_mul(COMMITS_MAX).saturating_add(100);
    loop {
        if world.state().commits() > most {
            return Err(format!("it does not come to an end: {}", world.state().standing()));
        }
        if speak_of_doubts(world, engine).await? {
            continue;
        }
        match world.next() {
            Next::Over => return Ok(()),
            Next::Act(number) => act(world, engine, number).await?,
            Next::Wait(until) => wait(world, until).await?,
        }
    }
}

async fn wait(world: &World, until: Option<Timestamp>) -> Result<(), String> {
    let sleep = async {
        match until {
            Some(at) => world.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    let still = async {
        // One word may be left from a stillness before this wait: the second one is about it.
        world.clock.still().await;
        world.clock.still().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        () = world.changed() => Ok(()),
        () = sleep => Ok(()),
        () = still => Err(format!("nothing goes on any more: {}", world.state().standing())),
    }
}

/// The request that made the job. Its key makes asking again a question.
async fn submit(world: &World, engine: &Engine) -> Result<(), String> {
    let recording = &world.recording;
    let spec = &recording.spec;
    let new = NewJob {
        job_type: spec.job_type.clone(),
        name: spec.name.clone(),
        description: spec.description.clone(),
        acceptance_criteria: spec.acceptance_criteria.clone(),
        acceptance_rules: spec.acceptance_rules.clone(),
        input: spec.input.clone(),
        priority: spec.priority,
        labels: spec.labels.clone(),
        owner: spec.owner.clone(),
        due_at: spec.due_at,
        auto_execute: spec.auto_execute,
    };
    let key = IdempotencyKey {
        owner: spec.owner.clone(),
        key: recording.id.to_string(),
        digest: ContentHash::of(recording.id.to_string().as_bytes()),
        forget_before: Timestamp(i64::MIN),
    };
    if world.state().map.root().is_none() {
        world.clock.pin(recording.id);
    }
    let submitted = engine.submit(new, recording.by.clone(), Some(key)).await;
    submitted.map(drop).map_err(|error| format!("it cannot be created: {error}"))
}

/// An act that nobody heard an answer to is done again, also when it is done: it must not matter.
async fn ask_again(world: &World, engine: &Engine) {
    let unheard = world.state().unheard.take();
    let Some(act) = unheard.and_then(|number| world.recording.acts.get(number)) else { return };
    if !matches!(act.what, What::Wish { .. }) && world.is_done(act) {
        perform(world, engine, &act.what, act.by.clone()).await.ok();
    }
}

async fn act(world: &World, engine: &Engine, number: usize) -> Result<(), String> {
    let Some(act) = world.recording.acts.get(number) else { return Ok(()) };
    world.state().unheard = Some(number);
    let done = perform(world, engine, &act.what, act.by.clone()).await;
    world.state().unheard = None;
    let about = match &act.what {
        What::Decide { place, .. } => format!("the decision at {place}"),
        What::Deliver { place, event } => format!("the event {} for {place}", event.identity().1),
        What::Wish { event, .. } => format!("the wish {event}"),
    };
    done.map_err(|error| format!("{about} is refused: {error}"))?;
    match world.is_done(act) {
        true => Ok(()),
        false => Err(format!("{about} leads to nothing")),
    }
}

async fn perform(
    world: &World,
    engine: &Engine,
    what: &What,
    by: Principal,
) -> Result<(), EngineError> {
    match what {
        What::Decide { place, decision: first } => {
            let open = world.state().checkpoint(place);
            let Some(checkpoint) = open else { return Ok(()) };
            let by_rule = first.door.clone().filter(|door| matches!(door, Door::Rule { .. }));
            let door = by_rule.unwrap_or(Door::System);
            let voter = Voter { door, ..anybody(by.clone()) };
            let decision = DecideCheckpoint {
                // The content is the same; what a rehearsal shows may differ by a time or an id.
                comment: first.comment.clone(),
                input: first.input.clone(),
                files: first.files.clone(),
                ..DecideCheckpoint::new(checkpoint, first.verdict, voter)
            };
            engine.decide(decision, by).await.map(drop)
        }
        What::Deliver { event, .. } => engine.deliver(event.clone(), by).await.map(drop),
        What::Wish { way, command, .. } => {
            let job = world.state().map.on_way(way).map(|(job, _)| job);
            let Some(job) = job else { return Ok(()) };
            engine.command(job, (**command).clone(), by).await.map(drop)
        }
    }
}

/// A person finds out what became of a call in doubt, and says so.
async fn speak_of_doubts(world: &World, engine: &Engine) -> Result<bool, String> {
    let Some((doubt, outcome)) = world.next_doubt() else { return Ok(false) };
    let said = match outcome {
        Some(Outcome::Succeeded(result)) => json!({ "outcome": "happened", "result": *result }),
        _ => json!({ "outcome": "retry" }),
    };
    let by = Principal::Person("drill".to_owned());
    let decision = DecideCheckpoint {
        input: Some(Arc::new(said)),
        ..DecideCheckpoint::new(doubt.checkpoint, Verdict::Approve, anybody(by.clone()))
    };
    let spoken = engine.decide(decision, by).await;
    spoken.map_err(|error| format!("nobody can speak about a call in doubt: {error}"))?;
    world.spoken(&doubt);
    Ok(true)
}

/// Somebody who was let through once, and so is again: a recording does not keep who had which
/// role.
fn anybody(by: Principal) -> Voter {
    let id = by.id().to_owned();
    Voter { principal: by, ..Voter::person(&id, &[ADMIN], Door::System) }
}
