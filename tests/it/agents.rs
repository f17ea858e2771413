//! Registered agents, through the handle of an engine: agents of this test answer by a script, on
//! loopback.

mod attempts;
mod callbacks;
mod gates;
mod registry;
mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use holdpoint::calls::{self, Caller, Lookup, Secrets, Vault};
use holdpoint::clock::{Clock, Manual, System};
use holdpoint::engine::{AgentView, Engine, JobView, NewAgent, Options, Parts};
use holdpoint::model::id::JobId;
use holdpoint::model::problem::Problem;
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::model::time::Timestamp;
use serde_json::{Value, json};

use crate::calls::server::Server;
use crate::engine::weather::Weather;
use crate::engine::{options, register, submit, until, until_status};

/// The address that callbacks are told; nobody listens there: the tests hand results in themselves.
const PUBLIC_URL: &str = "https://jobs.example.com";

/// What an engine of these tests is made of.
struct Stage {
    store: Arc<Weather>,
    clock: Arc<dyn Clock>,
    vault: Vault,
    egress: calls::Options,
    lookup: Option<Arc<dyn Lookup>>,
    options: Options,
}

impl Stage {
    fn new() -> Self {
        Self {
            store: Weather::new(),
            clock: Arc::new(System::new()),
            vault: Vault::from_key([7; 32]),
            egress: crate::calls::local(),
            lookup: None,
            options: Options { public_url: Some(PUBLIC_URL.to_owned()), ..options() },
        }
    }

    /// With a clock that stands until it is moved.
    fn with_manual_clock() -> (Self, Manual) {
        let clock = Manual::new(Timestamp(1_800_000_000_000_000));
        (Self { clock: Arc::new(clock.clone()), ..Self::new() }, clock)
    }

    /// An engine on the data of one that is stopped.
    async fn engine_again(&mut self) -> Engine {
        self.store = self.store.crash();
        self.engine().await
    }

    async fn engine(&self) -> Engine {
        let secrets = Secrets::from_values(BTreeMap::new());
        let caller = match &self.lookup {
            None => Caller::new(self.egress.clone(), secrets),
            Some(lookup) => Caller::with_lookup(self.egress.clone(), secrets, lookup.clone()),
        };
        let caller = caller.expect("a caller").with_vault(self.vault.clone());
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let parts = Parts { store, clock, caller, workflows: None, options: self.options.clone() };
        Engine::start(parts).await.expect("a start")
    }
}

/// An agent that gives `{"text": …}` and is asked again at once.
fn new_agent(server: &Server, path: &str) -> NewAgent {
    let mut new = NewAgent::new("sums", server.url(path));
    new.output_schema = json!({
        "type": "object",
        "required": ["text"],
        "properties": { "text": { "type": "string" }, "total": { "type": "number" } },
    });
    (new.retry.backoff_ms, new.retry.backoff_max_ms) = (0, 0);
    new
}

async fn create(engine: &Engine, new: NewAgent) -> AgentView {
    engine.create_agent(new, crate::engine::me()).await.expect("an agent")
}

/// Registers the workflow `work`: one call of the agent `sums`, with these further arguments.
async fn register_work(engine: &Engine, with: Value) {
    let mut arguments = json!({ "agent": "sums", "input": { "task": "sum" } });
    if let (Some(arguments), Value::Object(with)) = (arguments.as_object_mut(), with) {
        arguments.extend(with);
    }
    register(engine, "work", json!([{ "work": { "call": "agent", "with": arguments } }])).await;
}

/// Runs one job of the workflow `work` to its end.
async fn ended(engine: &Engine, wanted: Status) -> JobView {
    let job = submit(engine, "work").await;
    until_status(engine, job, wanted).await;
    engine.job(job).await.expect("the job")
}

fn error(view: &JobView) -> Problem {
    view.job.error.clone().expect("an error")
}

async fn waits_for(engine: &Engine, job: JobId) -> Option<(WaitCode, String)> {
    let row = engine.job_row(job).await.ok()?;
    row.waiting_for.map(|waiting| (waiting.code, waiting.text))
}

async fn until_waits(engine: &Engine, job: JobId, code: WaitCode) -> String {
    let what = format!("the job waits for {code}");
    let waits = async || waits_for(engine, job).await.is_some_and(|(found, _)| found == code);
    until(engine, &what, waits).await;
    waits_for(engine, job).await.map(|(_, text)| text).unwrap_or_default()
}
