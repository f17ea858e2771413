//! The actors, through the handle: jobs against a scripted agent on stores that fail on demand.

pub mod agent;
pub mod weather;

mod children;
mod journeys;
mod listening;
mod nulls;
mod queue;
mod races;
mod restarts;
mod standing;
mod stopping;
mod supervision;
mod tree;
mod unsteady;
#[cfg(feature = "fault-injection")]
mod weathered;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdpoint::calls::{self, Caller, Secrets};
use holdpoint::clock::{Clock, System};
use holdpoint::dsl::Format;
use holdpoint::engine::{ActorNode, CheckpointQuery, Engine, EngineError, NewJob, Options, Parts};
use holdpoint::model::checkpoint::{CheckpointStatus, Verdict};
use holdpoint::model::command::DecideCheckpoint;
use holdpoint::model::id::{CheckpointId, JobId};
use holdpoint::model::principal::Principal;
use holdpoint::model::status::Status;
use holdpoint::model::time::Span;
use holdpoint::model::voter::{Door, Voter};
use holdpoint::store::Store;
use serde_json::{Value, json};

/// No test waits longer than this for anything.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn me() -> Principal {
    Principal::Person("vera".to_owned())
}

/// Settings with which nothing takes long.
pub fn options() -> Options {
    Options {
        poll_interval: Span::from_millis(50),
        drain_timeout: Span::from_secs(10),
        restart_backoff: Span::from_millis(1),
        ..Options::default()
    }
}

pub async fn start(store: Arc<dyn Store>) -> Engine {
    start_with(store, options()).await
}

pub async fn start_with(store: Arc<dyn Store>, options: Options) -> Engine {
    start_at(store, options, Arc::new(System::new())).await.expect("a start")
}

pub async fn start_at(
    store: Arc<dyn Store>,
    options: Options,
    clock: Arc<dyn Clock>,
) -> Result<Engine, EngineError> {
    let caller = Caller::new(egress(), no_secrets()).expect("a caller");
    Engine::start(Parts { store, clock, caller, workflows: None, options }).await
}

/// An engine that looks names up in this way.
pub async fn start_looking_up(store: Arc<dyn Store>, lookup: Arc<dyn calls::Lookup>) -> Engine {
    let caller = Caller::with_lookup(egress(), no_secrets(), lookup).expect("a caller");
    let (clock, options) = (Arc::new(System::new()), options());
    let parts = Parts { store, clock, caller, workflows: None, options };
    Engine::start(parts).await.expect("a start")
}

fn egress() -> calls::Options {
    let allow = vec!["127.0.0.0/8".parse().expect("a network")];
    calls::Options { allow, ..calls::Options::default() }
}

fn no_secrets() -> Secrets {
    Secrets::from_values(BTreeMap::new())
}

/// Registers a workflow of these tasks; its name is its address.
pub async fn register(engine: &Engine, name: &str, tasks: Value) {
    let document = json!({
        "document": {
            "dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0",
        },
        "do": tasks,
    });
    let registered = engine.register_workflow(&document.to_string(), Format::Json, me()).await;
    registered.expect("a store").expect("a workflow without defects");
}

pub fn checkpoint() -> Value {
    json!({ "call": "checkpoint", "with": { "title": "Go on?" } })
}

pub fn new_job(job_type: &str) -> NewJob {
    NewJob {
        job_type: job_type.to_owned(),
        name: "a test".to_owned(),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(json!({})),
        priority: 5,
        labels: BTreeMap::new(),
        owner: "vera".to_owned(),
        due_at: None,
        auto_execute: true,
    }
}

pub async fn submit(engine: &Engine, job_type: &str) -> JobId {
    engine.submit(new_job(job_type), me(), None).await.expect("a job").job.row.id
}

/// Waits until it holds, looking whenever something was committed (and now and then, for what is
/// not committed).
pub async fn until(engine: &Engine, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut feed = engine.feed();
    let wait = async {
        loop {
            feed.mark_unchanged();
            if holds().await {
                return;
            }
            tokio::time::timeout(Duration::from_millis(10), feed.changed()).await.ok();
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("never: {what}; actors: {:#?}", engine.actors().await);
    }
}

pub async fn status(engine: &Engine, job: JobId) -> Option<Status> {
    engine.job_row(job).await.ok().map(|row| row.status)
}

pub async fn until_status(engine: &Engine, job: JobId, wanted: Status) {
    let what = format!("job {job} is {wanted}");
    until(engine, &what, async || status(engine, job).await == Some(wanted)).await;
}

pub async fn pending(engine: &Engine, job: JobId) -> Option<CheckpointId> {
    let query = CheckpointQuery {
        statuses: vec![CheckpointStatus::Pending],
        job: Some(job),
        limit: 10,
        ..CheckpointQuery::default()
    };
    engine.checkpoints(&query).await.ok()?.rows.first().map(|row| row.id)
}

pub async fn until_pending(engine: &Engine, job: JobId) -> CheckpointId {
    until(engine, "a checkpoint is open", async || pending(engine, job).await.is_some()).await;
    pending(engine, job).await.expect("a checkpoint")
}

pub fn verdict(checkpoint: CheckpointId, verdict: Verdict) -> DecideCheckpoint {
    DecideCheckpoint::new(checkpoint, verdict, Voter::person("vera", &["admin"], Door::Session))
}

pub async fn approve(engine: &Engine, checkpoint: CheckpointId) {
    engine.decide(verdict(checkpoint, Verdict::Approve), me()).await.expect("a decision");
}

/// Every actor of this kind.
pub async fn actors(engine: &Engine, kind: &str) -> Vec<ActorNode> {
    fn collect(node: ActorNode, kind: &str, found: &mut Vec<ActorNode>) {
        let mut node = node;
        for child in std::mem::take(&mut node.children) {
            collect(child, kind, found);
        }
        if node.kind == kind {
            found.push(node);
        }
    }
    let mut found = Vec::new();
    collect(engine.actors().await.expect("a tree"), kind, &mut found);
    found
}

pub async fn until_no_job_actors(engine: &Engine) {
    let none = async || actors(engine, "job").await.is_empty();
    until(engine, "no job holds an actor", none).await;
}

/// Waits for this condition without an engine.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}
