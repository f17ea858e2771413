//! Scenarios as data: a document, steps, and what is expected. `scenarios/*.yaml` are the tests.

use std::sync::Arc;

use holdpoint::dsl::parse_duration;
use holdpoint::machine::job_row;
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::event::{Event, Outcome};
use holdpoint::model::id::{ContentHash, FrameId, JobId};
use holdpoint::model::job::Parent;
use holdpoint::model::problem::{Problem, STANDARD};
use holdpoint::model::refusal::Refusal;
use holdpoint::model::time::Span;
use holdpoint::model::voter::{ADMIN, Door, Voter};
use serde_json::{Value, json};

use super::board;
use super::world::{World, definition};

macro_rules! scenarios {
    ($($area:ident),* $(,)?) => {
        $(#[test]
        fn $area() {
            play_all(include_str!(concat!("scenarios/", stringify!($area), ".yaml")));
        })*
    };
}

scenarios!(
    agents,
    calls,
    catching,
    checkpoints,
    children,
    data_flow,
    directives,
    emitting,
    evaluations,
    feedback,
    forks,
    life_cycle,
    listening,
    loops,
    matching,
    retrying,
    suspension,
    switching,
    timeouts,
    waiting_calls
);

/// Plays every scenario of a file, and says all that went wrong at the end.
fn play_all(text: &str) {
    let all: Value = serde_saphyr::from_str_with_options(
        text,
        // `n` and `no` are words, as YAML 1.2 has it.
        serde_saphyr::options! { strict_booleans: true },
    )
    .unwrap();
    let mut wrong = Vec::new();
    for scenario in all.as_array().unwrap() {
        let name = scenario["name"].as_str().unwrap().to_owned();
        let played = std::panic::catch_unwind(|| play(scenario));
        match played {
            Ok(Ok(())) => {}
            Ok(Err(said)) => wrong.push(format!("{name}: {said}")),
            Err(_) => wrong.push(format!("{name}: panicked, see above")),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

fn play(scenario: &Value) -> Result<(), String> {
    known_members(
        scenario,
        &["name", "workflow", "input", "job", "begin", "quick", "steps", "expect"],
    )?;
    let input = scenario.get("input").cloned().unwrap_or_else(|| json!({}));
    let mut world = World::created_with(definition(&scenario["workflow"]), |spec| {
        spec.input = Arc::new(input);
        let job = scenario.get("job");
        let set = |name: &str| job.and_then(|job| job.get(name)).cloned();
        spec.auto_execute = set("autoExecute").is_none_or(|set| set == json!(true));
        if let Some(rules) = set("rules") {
            spec.acceptance_rules = Arc::new(rules);
        }
        if let Some(Value::String(criteria)) = set("criteria") {
            spec.acceptance_criteria = criteria;
        }
        spec.parent = set("depth").and_then(|depth| depth.as_u64()).map(|depth| Parent {
            job: JobId::derived(&["parent"]),
            depth: depth as u32,
            awaited: true,
        });
    });
    let has_judge = scenario.get("job").and_then(|job| job.get("judge"));
    world.environment.has_judge = has_judge == Some(&json!(true));
    world.is_thorough = scenario.get("quick").is_none();
    if scenario.get("begin") != Some(&json!(false)) {
        world.send(Command::Begin).map_err(|refusal| format!("begin: {refusal}"))?;
    }
    let mut player = Player { world, last_call: None };
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, step) in steps.iter().enumerate() {
        player.step(step).map_err(|said| format!("step {index} {step}: {said}"))?;
    }
    match scenario.get("expect") {
        Some(expected) => player.expect(expected),
        None => Ok(()),
    }
}

struct Player {
    world: World,
    /// The call that was settled last, to be settled again.
    last_call: Option<(FrameId, u32)>,
}

impl Player {
    fn step(&mut self, step: &Value) -> Result<(), String> {
        let members = step.as_object().ok_or("a step is an object")?;
        let action = members.iter().find(|(name, _)| *name != "refused");
        let (action, with) = action.ok_or("a step does something")?;
        if action == "expect" {
            return self.expect(with);
        }
        let done = self.act(action, with)?;
        match (done, members.get("refused").and_then(Value::as_str)) {
            (Ok(_), None) => Ok(()),
            (Err(refusal), Some(code)) if refusal.code() == code => Ok(()),
            (Ok(events), Some(code)) => Err(format!("should be refused as {code}: {events:?}")),
            (Err(refusal), _) => Err(format!("refused: {} {refusal}", refusal.code())),
        }
    }

    fn act(
        &mut self,
        action: &str,
        with: &Value,
    ) -> Result<Result<Vec<Arc<Event>>, Refusal>, String> {
        let at =
            || with.get("at").and_then(Value::as_str).or(with.as_str()).unwrap_or("").to_owned();
        let data = |name: &str| Arc::new(with.get(name).cloned().unwrap_or(Value::Null));
        let world = &mut self.world;
        Ok(match action {
            "settle" | "fail" => {
                self.last_call = world.call(&at());
                match action {
                    "settle" => world.settle(&at(), (*data("with")).clone()),
                    _ => world.fail(&at(), problem(with)),
                }
            }
            "interrupt" => {
                let (frame, attempt) = world.call(&at()).ok_or("there is no such call")?;
                world.send(Command::Interrupt {
                    frame,
                    attempt,
                    reason: "crash".to_owned(),
                    repeatable: None,
                })
            }
            "approve" | "reject" | "sendBack" => {
                let verdict = match action {
                    "approve" => Verdict::Approve,
                    "reject" => Verdict::Reject,
                    _ => Verdict::SendBack,
                };
                let comment = with.get("comment").and_then(Value::as_str);
                if with.get("digest").is_some() {
                    let row = world.checkpoint(&at()).ok_or("there is no such checkpoint")?;
                    let voter = Voter::person("ada", &[ADMIN], Door::Session);
                    return Ok(world.send(Command::Decide(DecideCheckpoint {
                        digest: Some(ContentHash::of(b"something else")),
                        ..DecideCheckpoint::new(row.id, verdict, voter)
                    })));
                }
                world.review(&at(), verdict, comment, with.get("input").cloned())
            }
            "deliver" => world.deliver(with.clone()),
            "pass" => {
                world.advance_clock(span(with)?);
                world.send(Command::Tick)
            }
            "clock" => {
                world.advance_clock(span(with)?);
                Ok(Vec::new())
            }
            "tick" => world.send(Command::Tick),
            "childEnds" | "childExists" | "dropChild" => self.act_on_child(action, &at(), with)?,
            "settleAgain" | "acceptAgain" => {
                let late = self.late_word(action)?;
                self.world.send(late)
            }
            "remember" => {
                self.last_call = board::frame_of(world, &at(), with);
                Ok(Vec::new())
            }
            other => match plain_wish(other, with).map_or(board::wish(world, other, with)?, Some) {
                Some(wish) => world.send(wish),
                None => return Err(format!("there is no step {other:?}")),
            },
        })
    }

    /// What comes too late for the call that is remembered.
    fn late_word(&self, action: &str) -> Result<Command, String> {
        let (frame, attempt) = self.last_call.ok_or("no call is remembered")?;
        let outcome = Outcome::Succeeded(Arc::new(json!("late")));
        let (status_url, poll_after, expires_after) = (None, None, Span::from_secs(60));
        Ok(match action {
            "settleAgain" => Command::Settle { frame, attempt, outcome },
            _ => Command::Accept { frame, attempt, status_url, poll_after, expires_after },
        })
    }

    fn act_on_child(
        &mut self,
        action: &str,
        at: &str,
        with: &Value,
    ) -> Result<Result<Vec<Arc<Event>>, Refusal>, String> {
        let world = &mut self.world;
        Ok(match action {
            "childEnds" => {
                let child = world.child(at).unwrap_or_else(|| JobId::derived(&["none"]));
                let outcome = match with.get("error") {
                    Some(_) => Outcome::Failed(problem(with)),
                    None => Outcome::Succeeded(Arc::new(
                        with.get("with").cloned().unwrap_or(Value::Null),
                    )),
                };
                world.send(Command::SettleChild { child, outcome })
            }
            "childExists" => {
                let child = world.child(at).ok_or("there is no such child")?;
                world.send(Command::ConfirmChild { child })
            }
            _ => {
                let child = world.job().orphans.first().copied();
                let child = child.unwrap_or_else(|| JobId::derived(&["none"]));
                world.send(Command::DropChild { child })
            }
        })
    }

    fn expect(&self, expected: &Value) -> Result<(), String> {
        for (what, wanted) in expected.as_object().ok_or("an expectation is an object")? {
            let found = self.found(what)?;
            let is_same = match what.as_str() {
                "has" | "error" | "arguments" | "shown" | "evaluation" | "waits" | "logged" => {
                    contains(&found, wanted)
                }
                _ => found == *wanted,
            };
            if !is_same {
                let events: Vec<_> = self.world.journal.iter().rev().take(8).collect();
                return Err(format!(
                    "{what} should be {wanted}, but is {found}; newest events: {events:?}"
                ));
            }
        }
        Ok(())
    }

    fn found(&self, what: &str) -> Result<Value, String> {
        let world = &self.world;
        let (job, row, due) = (world.job(), job_row(world.job()), world.due());
        let frames = job.run.as_ref().map(|run| run.frames.clone()).unwrap_or_default();
        let reference = |id: FrameId| frames.get(&id).map(|frame| frame.reference.to_string());
        let names = |of: &dyn Fn(&Event) -> Option<Arc<str>>| {
            let found = world.journal.iter().filter_map(|event| of(event));
            let name = |r: Arc<str>| r.rsplit('/').next().unwrap_or("").to_owned();
            found.map(name).collect::<Vec<_>>()
        };
        Ok(match what {
            "status" => json!(job.status),
            "phase" => json!(row.phase),
            "result" | "has" => job.result.as_deref().cloned().unwrap_or(Value::Null),
            "error" => serde_json::to_value(&job.error).unwrap(),
            "instance" => json!(job.error.as_ref().and_then(|error| error.instance.clone())),
            "waiting" => json!(row.waiting_for.map(|wait| wait.code)),
            "wakeIn" => json!(due.wake.map(|at| (at.0 - world.now.0) as f64 / 1e6)),
            "calls" => {
                json!(due.calls.iter().filter_map(|c| reference(c.frame)).collect::<Vec<_>>())
            }
            "arguments" => due.calls.first().map_or(Value::Null, |call| (*call.arguments).clone()),
            "attempt" => json!(due.calls.first().map(|call| call.attempt)),
            "attempts" => json!(job.attempts),
            "children" => {
                json!(due.children.iter().filter_map(|c| reference(c.frame)).collect::<Vec<_>>())
            }
            "orphans" => json!(job.orphans.len()),
            "subscriptions" => json!(due.subscriptions),
            "run" => json!(job.run_number),
            "fence" => json!(job.fence),
            "agent" => json!(job.agent),
            "ready" => json!(job.is_ready()),
            "started" => json!(names(&|event| match event {
                Event::TaskStarted { reference, .. } => Some(reference.clone()),
                _ => None,
            })),
            "skipped" => json!(names(&|event| match event {
                Event::TaskSkipped { reference, .. } => Some(reference.clone()),
                _ => None,
            })),
            "open" => json!(row.pending_checkpoints),
            "shown" => {
                let newest = job.checkpoints.values().max_by_key(|row| row.frame);
                newest.map_or(Value::Null, |row| (*row.shown).clone())
            }
            "checkpoints" => {
                let mut rows: Vec<_> = job.checkpoints.values().collect();
                rows.sort_by_key(|row| (row.frame, row.opened_at));
                json!(rows.iter().map(|row| row.status).collect::<Vec<_>>())
            }
            "emitted" => json!(names(&|event| match event {
                Event::EventEmitted { event, .. } => Some(event.attribute("type").into()),
                _ => None,
            })),
            other => {
                let found = board::found(world, other);
                return found.ok_or_else(|| format!("nothing is called {other:?}"));
            }
        })
    }
}

/// The wishes of the outer life cycle.
fn plain_wish(action: &str, with: &Value) -> Option<Command> {
    let text = || with.as_str().unwrap_or("because").to_owned();
    let inputs = Arc::new(json!({}));
    Some(match action {
        "begin" => Command::Begin,
        "execute" => Command::Execute,
        "assign" => Command::Assign { agent: text(), inputs, reason: None, report: None },
        "reassign" => Command::Reassign { agent: text(), inputs, reason: "better".to_owned() },
        "unassign" => Command::Unassign { reason: None },
        "suspend" => Command::Suspend { reason: text() },
        "resume" => Command::Resume,
        "terminate" => Command::Terminate { reason: text() },
        "resubmit" => Command::Resubmit { reason: text() },
        "poison" => Command::Poison { reason: text() },
        "forceComplete" => {
            Command::ForceComplete { result: Arc::new(with.clone()), reason: "by hand".to_owned() }
        }
        _ => return None,
    })
}

/// Does the value have everything that is wanted? Objects may have more members.
fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| contains(value.get(name).unwrap_or(&Value::Null), wanted)),
        (Value::String(value), Value::String(wanted)) => match wanted.strip_prefix("~") {
            Some(part) => value.contains(part),
            None => value == wanted,
        },
        _ => value == wanted,
    }
}

pub fn problem(with: &Value) -> Problem {
    let given = with.get("error").cloned().unwrap_or_else(|| json!({}));
    let word = given["type"].as_str().unwrap_or("communication");
    let kind = if word.contains(':') { word.to_owned() } else { format!("{STANDARD}{word}") };
    let status = given["status"].as_u64().unwrap_or(500) as u16;
    Problem {
        kind,
        status,
        title: None,
        detail: given["detail"].as_str().map(str::to_owned),
        instance: given["instance"].as_str().map(str::to_owned),
    }
}

pub fn span(with: &Value) -> Result<Span, String> {
    let text = with.as_str().unwrap_or("");
    parse_duration(text).ok_or_else(|| format!("{text:?} is no duration"))
}

fn known_members(value: &Value, known: &[&str]) -> Result<(), String> {
    let members = value.as_object().ok_or("a scenario is an object")?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("a scenario has no {name:?}")),
        None => Ok(()),
    }
}
