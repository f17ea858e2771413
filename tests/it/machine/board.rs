//! The steps and expectations of scenarios about the job board: searches for an agent, calls that
//! wait, and evaluations.

use std::sync::Arc;

use holdpoint::machine::{job_row, log_entry};
use holdpoint::model::command::Command;
use holdpoint::model::event::{Event, Outcome};
use holdpoint::model::id::FrameId;
use holdpoint::model::row::Place;
use serde_json::{Value, json};

use super::scenario::{problem, span};
use super::world::World;

/// The wish of a step, if it is one of the board's.
pub fn wish(world: &World, action: &str, with: &Value) -> Result<Option<Command>, String> {
    let text = |name: &str| with.get(name).and_then(Value::as_str).map(str::to_owned);
    let data = |name: &str| Arc::new(with.get(name).cloned().unwrap_or(Value::Null));
    let maybe = |name: &str| with.get(name).map(span).transpose();
    let at = text("at").or(with.as_str().map(str::to_owned)).unwrap_or_default();
    let call = || frame_of(world, &at, with).ok_or(format!("there is no call at {at:?}"));
    Ok(Some(match action {
        "match" => Command::Match,
        "failMatch" => {
            let round = with.get("round").and_then(Value::as_u64).map(|round| round as u32);
            let round = round.or(world.due().matching).unwrap_or_default();
            let again_after = maybe("again")?;
            Command::FailMatching { round, report: data("report"), again_after }
        }
        "assigned" => Command::Assign {
            agent: text("agent").unwrap_or_default(),
            inputs: data("inputs"),
            reason: None,
            report: with.get("report").cloned().map(Arc::new),
        },
        "retry" => {
            let (frame, attempt) = call()?;
            let delay = maybe("delay")?.unwrap_or_default();
            Command::Retry { frame, attempt, problem: problem(with), delay }
        }
        "accept" => {
            let (frame, attempt) = call()?;
            Command::Accept {
                frame,
                attempt,
                status_url: text("url"),
                poll_after: maybe("poll")?,
                expires_after: maybe("expires")?.ok_or("an acceptance expires")?,
            }
        }
        "answer" => {
            let (frame, attempt) = call()?;
            Command::Settle { frame, attempt, outcome: Outcome::Succeeded(data("with")) }
        }
        "interruptCall" => {
            let (frame, attempt) = call()?;
            let repeatable = with.get("repeatable").and_then(Value::as_bool);
            Command::Interrupt { frame, attempt, reason: "crash".to_owned(), repeatable }
        }
        "retryTask" => Command::RetryTask { reason: text("reason").unwrap_or(at) },
        _ => return Ok(None),
    }))
}

/// The frame and the attempt of a task, whether its call is due or waits; the step may say another
/// attempt.
pub fn frame_of(world: &World, reference: &str, with: &Value) -> Option<(FrameId, u32)> {
    use holdpoint::model::job::FrameState;
    let frames = &world.job().run.as_ref()?.frames;
    let (id, frame) = frames.iter().find(|(_, frame)| &*frame.reference == reference)?;
    let attempt = match &frame.state {
        FrameState::Call { attempt, .. } => *attempt,
        _ => 0,
    };
    let said = with.get("attempt").and_then(Value::as_u64);
    Some((*id, said.map_or(attempt, |said| said as u32)))
}

/// What a scenario can expect of the board.
pub fn found(world: &World, what: &str) -> Option<Value> {
    let (job, due, row) = (world.job(), world.due(), job_row(world.job()));
    let newest = |of: &dyn Fn(&Event) -> Option<Value>| {
        world.journal.iter().rev().find_map(|event| of(event)).unwrap_or(Value::Null)
    };
    Some(match what {
        "matching" => json!(due.matching),
        "active" => json!(due.is_active()),
        "parked" => json!(matches!(row.place, Place::Parked(_))),
        "poll" => json!(due.calls.first().and_then(|call| call.poll.clone())),
        "waits" => json!(row.waiting_for.map(|waiting| waiting.text)),
        "feedback" => json!(job.feedback),
        "inputs" => job.agent_inputs.as_deref().cloned().unwrap_or(Value::Null),
        "keys" => {
            let keys: std::collections::BTreeSet<&str> = world
                .journal
                .iter()
                .filter_map(|event| match &**event {
                    Event::CallStarted { key, .. } => Some(key.as_str()),
                    _ => None,
                })
                .collect();
            json!(keys.len())
        }
        "verdicts" => {
            let verdicts = world.journal.iter().filter_map(|event| match &**event {
                Event::Evaluated { evaluation, .. } => Some(evaluation.is_valid),
                _ => None,
            });
            json!(verdicts.collect::<Vec<_>>())
        }
        "evaluation" => newest(&|event| match event {
            Event::Evaluated { evaluation, .. } => serde_json::to_value(&**evaluation).ok(),
            _ => None,
        }),
        "logs" => {
            let entries = world.journal.iter().filter_map(|event| log_entry(event));
            json!(entries.filter_map(|entry| entry.status).collect::<Vec<_>>())
        }
        "agents" => {
            let entries = world.journal.iter().filter_map(|event| log_entry(event));
            json!(entries.filter_map(|entry| entry.agent).collect::<Vec<_>>())
        }
        "logged" => {
            let newest = world.journal.iter().rev().find_map(|event| log_entry(event));
            json!(newest.map(|entry| entry.message))
        }
        _ => return None,
    })
}
