//! What one transition costs: `decide` with its fold, for a chain of sets, a loop and a call.
//! Run with `cargo bench --bench decide`. It prints a table and asserts nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdpoint::dsl::definition::Definition;
use holdpoint::dsl::{Rules, from_value};
use holdpoint::machine::{Environment, Setting, decide};
use holdpoint::model::command::Command;
use holdpoint::model::event::Outcome;
use holdpoint::model::id::JobId;
use holdpoint::model::job::{Job, JobSpec};
use holdpoint::model::principal::Principal;
use holdpoint::model::time::Timestamp;
use serde_json::{Value, json};

/// Long enough for a stable mean on a busy machine.
const MEASURED_FOR: Duration = Duration::from_secs(2);

struct Bench {
    definition: Arc<Definition>,
    environment: Environment,
    by: Principal,
}

impl Bench {
    fn new(tasks: Value) -> Bench {
        let document = json!({
            "document": { "dsl": "1.0.3", "namespace": "bench", "name": "b", "version": "1.0.0" },
            "do": tasks,
        });
        Bench {
            definition: from_value(Arc::new(document), &Rules::default()).expect("a document"),
            environment: Environment {
                runtime: Arc::new(json!({})),
                secrets: Arc::new(json!({})),
                key_mark: None,
                has_judge: false,
            },
            by: Principal::system("bench"),
        }
    }

    fn decide(&self, job: Option<&Job>, command: &Command) -> (Job, usize, bool) {
        let setting = Setting {
            definition: &self.definition,
            environment: &self.environment,
            now: Timestamp(1),
            by: &self.by,
        };
        let id = JobId::derived(&["bench"]);
        let decided = decide(job, id, command, setting).expect("a wish that is granted");
        (decided.job, decided.events.len(), decided.more)
    }

    /// A whole job, from its creation to its end: the events of it.
    fn live(&self) -> usize {
        let spec = JobSpec {
            job_type: "b".to_owned(),
            definition: self.definition.hash,
            name: "b".to_owned(),
            description: String::new(),
            acceptance_criteria: String::new(),
            acceptance_rules: Arc::new(json!([])),
            input: Arc::new(json!({ "n": 0 })),
            priority: 0,
            labels: Default::default(),
            owner: "bench".to_owned(),
            due_at: None,
            auto_execute: true,
            needs_agent: false,
            parent: None,
            requested_by: None,
        };
        let (mut job, mut events, _) = self.decide(None, &Command::Create(Arc::new(spec)));
        let mut command = Command::Begin;
        loop {
            let (next, count, more) = self.decide(Some(&job), &command);
            job = next;
            events += count;
            if job.status.is_ended() {
                return events;
            }
            command = match holdpoint::machine::due(&job).calls.first() {
                _ if more => Command::Tick,
                Some(call) => Command::Settle {
                    frame: call.frame,
                    attempt: call.attempt,
                    outcome: Outcome::Succeeded(Arc::new(json!({ "n": 1 }))),
                },
                None => return events,
            };
        }
    }
}

fn main() {
    let set = |name: &str| json!({ name: { "set": { "n": "${ .n + 1 }" } } });
    let chain: Vec<Value> = (0..20).map(|n| set(&format!("t{n}"))).collect();
    let call =
        json!({ "call": "http", "with": { "method": "get", "endpoint": "https://a.test/" } });
    let cases = [
        ("20 sets in a chain", json!(chain)),
        (
            "a loop of 100 sets",
            json!([{ "l": { "for": { "in": "[range(100)]" }, "do": [set("s")] } }]),
        ),
        (
            "10 calls in a loop",
            json!([{ "l": { "for": { "in": "[range(10)]" }, "do": [{ "c": call }] } }]),
        ),
    ];
    println!("{:<22}{:>10}{:>14}{:>16}", "document", "events", "ns per event", "events per s");
    for (name, tasks) in cases {
        let bench = Bench::new(tasks);
        let (mut events, started) = (0, Instant::now());
        while started.elapsed() < MEASURED_FOR {
            events += bench.live();
        }
        let nanos = started.elapsed().as_nanos() / events as u128;
        println!("{name:<22}{:>10}{nanos:>14}{:>16}", bench.live(), 1_000_000_000 / nanos.max(1));
    }
}
