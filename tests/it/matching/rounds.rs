//! Rounds of the search inside an engine: the job is assigned, or hears why not and when again.

use std::sync::Arc;

use holdpoint::calls::{Caller, ChatOptions, Options as Egress, Secrets, Vault};
use holdpoint::cli::agent_sim::AgentSim;
use holdpoint::clock::Manual;
use holdpoint::dsl::Format;
use holdpoint::engine::{AgentEdit, Engine, NewAgent, NewJob, Parts};
use holdpoint::model::command::Command;
use holdpoint::model::event::Event;
use holdpoint::model::id::JobId;
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::model::time::{Span, Timestamp};
use serde_json::{Value, json};

use crate::engine::weather::Weather;
use crate::engine::{me, new_job, options, until, until_status};
use crate::judge::chat;

/// An engine with a clock that stands, a workflow that needs an agent, and agents by script.
pub struct Stage {
    pub sim: AgentSim,
    pub engine: Engine,
    store: Arc<Weather>,
    clock: Manual,
    chat: Option<ChatOptions>,
}

impl Stage {
    pub async fn start(model: Option<&str>) -> Self {
        let sim = AgentSim::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let chat = model.map(|model| chat(&sim, model));
        let clock = Manual::new(Timestamp(1_800_000_000_000_000));
        let store = Weather::new();
        let engine = engine(store.clone(), &clock, chat.clone()).await;
        let document = json!({
            "document": {
                "dsl": "1.0.3", "namespace": "test", "name": "board", "version": "1.0.0",
                "metadata": { "holdpoint": { "assignment": "required" } },
            },
            "do": [{ "work": { "call": "agent" } }, { "judge": { "call": "evaluate" } }],
        });
        let registered = engine.register_workflow(&document.to_string(), Format::Json, me()).await;
        registered.unwrap().unwrap();
        Self { sim, engine, store, clock, chat }
    }

    /// The same store in an engine that knows nothing else of before.
    pub async fn crash(&mut self) {
        self.store = self.store.crash();
        self.engine = engine(self.store.clone(), &self.clock, self.chat.clone()).await;
    }

    pub async fn agent(&self, name: &str, path: &str) -> holdpoint::model::id::AgentId {
        let mut new = NewAgent::new(name, self.sim.url(path));
        new.description = "sums invoices and reports totals in EUR".to_owned();
        new.input_schema = json!({"type": "object"});
        self.engine.create_agent(new, crate::engine::me()).await.unwrap().agent.id
    }

    pub async fn submit(&self) -> JobId {
        let job = NewJob {
            name: "Sum invoices".to_owned(),
            description: "Sum the invoices and report the total".to_owned(),
            acceptance_criteria: "The text names a total in EUR".to_owned(),
            ..new_job("board")
        };
        self.engine.submit(job, me(), None).await.unwrap().job.row.id
    }

    pub async fn look(&self, job: JobId) {
        self.engine.command(job, Command::Match, me()).await.unwrap();
    }

    async fn until_waits(&self, job: JobId, code: WaitCode) {
        let waits = async || {
            let row = self.engine.job_row(job).await.unwrap();
            row.waiting_for.is_some_and(|waiting| waiting.code == code)
        };
        until(&self.engine, &format!("the job waits for {code}"), waits).await;
    }

    /// Every event of this kind.
    async fn events<T>(&self, job: JobId, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        use holdpoint::store::Store;
        let journal = self.store.journal(job, 0, 1_000).await.unwrap();
        journal.iter().filter_map(|fact| pick(&fact.event)).collect()
    }

    async fn failures(&self, job: JobId) -> Vec<(Value, Option<Timestamp>)> {
        let failed = |event: &Event| match event {
            Event::MatchingFailed { report, again_at } => Some(((**report).clone(), *again_at)),
            _ => None,
        };
        self.events(job, failed).await
    }
}

async fn engine(store: Arc<Weather>, clock: &Manual, chat: Option<ChatOptions>) -> Engine {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let egress = Egress { allow, chat, ..Egress::default() };
    let caller = Caller::new(egress, Secrets::default()).unwrap();
    let caller = caller.with_vault(Vault::from_key([7; 32]));
    let clock = Arc::new(clock.clone());
    let parts = Parts { store, clock, caller, workflows: None, options: options() };
    Engine::start(parts).await.unwrap()
}

#[tokio::test]
async fn a_job_is_assigned_and_carried_out_and_the_report_says_why() {
    let stage = Stage::start(Some("obeys-fence")).await;
    let id = stage.agent("summer", "/good").await;
    let job = stage.submit().await;
    stage.look(job).await;
    until_status(&stage.engine, job, Status::Completed).await;
    let view = stage.engine.job(job).await.unwrap();
    assert_eq!(view.job.agent, Some(id.to_string()));
    let reports = stage.events(job, |event| match event {
        Event::Assigned { report, .. } => report.clone(),
        _ => None,
    });
    let reports = reports.await;
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["chosen"], id.to_string());
    assert!(reports[0]["agents"][0]["reasons"].as_array().unwrap().len() >= 4);
    stage.engine.stop().await;
}

#[tokio::test]
async fn a_job_that_suits_nobody_waits_and_is_looked_at_again() {
    let stage = Stage::start(Some("obeys-fence")).await;
    let job = stage.submit().await;
    stage.look(job).await;
    stage.until_waits(job, WaitCode::NoAgent).await;
    let failures = stage.failures(job).await;
    assert_eq!(failures[0].0["message"], "no agent is registered");
    let began = Timestamp(1_800_000_000_000_000);
    assert!(failures[0].1.unwrap() >= began.after(Span::from_secs(5)));
    assert_eq!(stage.engine.job(job).await.unwrap().job.status, Status::Pending);
    // Somebody is registered who is away: the next round says so, and comes later.
    let id = stage.agent("summer", "/good").await;
    let away = AgentEdit { is_active: Some(false), ..AgentEdit::default() };
    stage.engine.edit_agent(id, away, None, crate::engine::me()).await.unwrap();
    stage.clock.advance(Span::from_secs(6));
    until(&stage.engine, "a second round", async || stage.failures(job).await.len() == 2).await;
    let failures = stage.failures(job).await;
    assert_eq!(failures[1].0["agents"][0]["lacks"], json!(["it is inactive"]));
    let back = AgentEdit { is_active: Some(true), ..AgentEdit::default() };
    stage.engine.edit_agent(id, back, None, crate::engine::me()).await.unwrap();
    stage.clock.advance(Span::from_secs(11));
    until_status(&stage.engine, job, Status::Completed).await;
    stage.engine.stop().await;
}

#[tokio::test]
async fn a_round_that_a_crash_cut_off_is_made_again() {
    // The model takes its time over two agents, so the crash comes in the middle of the round.
    let mut stage = Stage::start(Some("slow:60000")).await;
    stage.agent("one", "/good").await;
    stage.agent("two", "/good").await;
    let job = stage.submit().await;
    stage.look(job).await;
    stage.sim.wait_until(|sim| !sim.seen().is_empty()).await;
    stage.chat = None;
    stage.crash().await;
    let assigned = async || stage.engine.job(job).await.is_ok_and(|view| view.job.agent.is_some());
    until(&stage.engine, "the job has an agent", assigned).await;
    let rounds = stage.events(job, |event| match event {
        Event::MatchingStarted { round } => Some(*round),
        _ => None,
    });
    assert_eq!(rounds.await, [1]);
    stage.engine.stop().await;
}

#[tokio::test]
async fn an_assignment_by_hand_ends_the_search() {
    let stage = Stage::start(Some("slow:60000")).await;
    stage.agent("one", "/good").await;
    let two = stage.agent("two", "/good").await;
    let job = stage.submit().await;
    stage.look(job).await;
    stage.sim.wait_until(|sim| !sim.seen().is_empty()).await;
    let by_hand = Command::Assign {
        agent: two.to_string(),
        inputs: Arc::new(json!({})),
        reason: None,
        report: None,
    };
    stage.engine.command(job, by_hand, me()).await.unwrap();
    let called = |sim: &AgentSim| sim.seen().iter().any(|seen| seen.path == "/good");
    stage.sim.wait_until(called).await;
    assert_eq!(stage.engine.job(job).await.unwrap().job.agent, Some(two.to_string()));
    assert!(stage.failures(job).await.is_empty());
    stage.engine.stop().await;
}
