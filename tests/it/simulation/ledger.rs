//! The agent, and what it remembers: every call that reached it. It is slow, it fails, it lies, it
//! never answers; what it sees of the engine is checked as it comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdpoint::calls::{Call, Outcome, StandIn};
use holdpoint::model::limits::INTERRUPTIONS_MAX;
use holdpoint::model::problem::{Kind, Problem};
use serde_json::{Value, json};

use super::dice::Dice;
use super::world::{World, lock};

#[derive(Default)]
struct Seen {
    arguments: String,
    times: u64,
}

/// Calls by key.
#[derive(Default)]
pub struct Ledger {
    seen: Mutex<BTreeMap<String, Seen>>,
    under_way: Arc<Mutex<BTreeSet<String>>>,
}

impl Ledger {
    /// A new process has no call under way.
    pub fn forget_under_way(&self) {
        lock(&self.under_way).clear();
    }

    pub fn is_idle(&self) -> bool {
        lock(&self.under_way).is_empty()
    }
}

/// A call is under way as long as somebody waits for it.
struct UnderWay(Arc<Mutex<BTreeSet<String>>>, String);

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.0).remove(&self.1);
    }
}

pub struct Agent(pub Arc<World>);

#[async_trait]
impl StandIn for Agent {
    async fn run(&self, call: &Call) -> Outcome {
        let world = &self.0;
        world.alive().await;
        world.catch_up(call.job).await;
        let times = match self.enter(call) {
            Ok(times) => times,
            Err(what) => {
                world.violated(what);
                return std::future::pending().await;
            }
        };
        world.count("call");
        world.note(format!("call {} time {times}", call.key));
        let _under_way = UnderWay(world.ledger.under_way.clone(), call.key.clone());
        let mut dice = world.dice((&call.key, times));
        let outcome = self.answer(&mut dice, call).await;
        world.alive().await;
        outcome
    }
}

impl Agent {
    /// What must be true of every call at the moment in which it leaves.
    fn enter(&self, call: &Call) -> Result<u64, String> {
        let (key, arguments) = (&call.key, call.arguments.to_string());
        let started = lock(&self.0.history).started(key);
        let started =
            started.ok_or_else(|| format!("call {key} left before its start was durable"))?;
        if started.arguments != arguments {
            return Err(format!("call {key}: {arguments} left, {} is on disk", started.arguments));
        }
        if started.attempt.job != call.job {
            return Err(format!("call {key} left for job {}: {:?}", call.job, started.attempt));
        }
        if started.is_settled {
            return Err(format!("call {key} left after its outcome was durable"));
        }
        if !lock(&self.0.ledger.under_way).insert(key.clone()) {
            return Err(format!("call {key} is under way twice"));
        }
        let mut seen = lock(&self.0.ledger.seen);
        let seen = seen.entry(key.clone()).or_default();
        if seen.times > 0 && seen.arguments != arguments {
            return Err(format!("call {key} came with two bodies"));
        }
        (seen.arguments, seen.times) = (arguments, seen.times + 1);
        if seen.times > 1 {
            self.0.count("call repeated with its key");
        }
        let repeatable = call.arguments["method"] != "post";
        let most = started.times * if repeatable { u64::from(INTERRUPTIONS_MAX) + 1 } else { 1 };
        if seen.times > most {
            return Err(format!("call {key} was made {} times, {most} were allowed", seen.times));
        }
        Ok(seen.times)
    }

    async fn answer(&self, dice: &mut Dice, call: &Call) -> Outcome {
        let world = &self.0;
        if world.is_calm() {
            tokio::time::sleep(Duration::from_millis(dice.between(1, 2_000))).await;
            return good(dice, call);
        }
        let pause = match dice.weighted(&[(60, 0), (25, 1), (10, 2), (5, 3)]) {
            0 => dice.between(0, 2_000),
            1 => dice.between(2_000, 60_000),
            2 => {
                world.count("call answered late");
                dice.between(60_000, 1_800_000)
            }
            _ => {
                world.count("call never answered");
                while !world.is_calm() {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                0
            }
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        match dice.weighted(&[(75, 0), (15, 1), (5, 2), (2, 3)]) {
            0 => good(dice, call),
            1 => {
                world.count("call failed");
                let kind = dice.weighted(&[(6, Kind::Communication), (1, Kind::Authentication)]);
                Outcome::Failed(Problem::new(kind, "the agent said no"))
            }
            2 => {
                world.count("call answered with a lie");
                Outcome::Succeeded(lie(dice))
            }
            _ => {
                world.count("call panicked");
                std::panic::resume_unwind(Box::new("a scripted panic"))
            }
        }
    }
}

fn good(dice: &mut Dice, call: &Call) -> Outcome {
    Outcome::Succeeded(json!({ "for": call.key, "number": dice.below(1_000) }))
}

/// Answers that no agent should give.
fn lie(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => Value::Null,
        1 => json!("${ .never }"),
        2 => json!([[[[[[[[[[]]]]]]]]]]),
        3 => json!({ "type": "callSettled", "frame": 0, "attempt": 1, "key": "stolen" }),
        4 => json!("x".repeat(50_000)),
        _ => json!(18_446_744_073_709_551_615u64),
    }
}
