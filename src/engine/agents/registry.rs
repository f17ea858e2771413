//! What is registered: documents in the store, held in memory with their schemas compiled. One
//! writer at a time; a document that cannot be read is named and left out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::Value;

use crate::calls::{AgentTarget, Caller};
use crate::dsl::schema::Schema;
use crate::engine::EngineError;
use crate::engine::agents::gate::Gate;
use crate::engine::agents::permit::{Claim, Pause};
use crate::engine::agents::{AgentView, Availability};
use crate::model::agent::Agent;
use crate::model::audit::Fact;
use crate::model::id::{AgentId, JobId};
use crate::model::time::Timestamp;
use crate::store::{ChangeOutcome, Document, DocumentChange, Store};

/// Documents by id.
pub(crate) const AGENTS: &str = "agent";
/// Agents read at start, at a time.
const PAGE: usize = 200;

struct Entry {
    target: Arc<AgentTarget>,
    gate: Arc<Mutex<Gate>>,
}

#[derive(Default)]
struct Known {
    by_id: BTreeMap<AgentId, Entry>,
    /// By name in lower case.
    by_name: BTreeMap<String, AgentId>,
    /// Where the calls of each job wait.
    waiting: BTreeMap<JobId, BTreeMap<Claim, AgentId>>,
}

/// The agents of one engine.
pub(crate) struct Registry {
    store: Arc<dyn Store>,
    known: RwLock<Known>,
    /// Held while a registration is written.
    pub(super) writing: tokio::sync::Mutex<()>,
}

/// A gate, whoever failed while looking at it.
pub(super) fn locked(gate: &Mutex<Gate>) -> MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// A registry that knows nothing yet.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default(), writing: tokio::sync::Mutex::default() }
    }

    fn read<T>(&self, with: impl FnOnce(&Known) -> T) -> T {
        with(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up what was registered before. A secret that this key does not open is named: calls
    /// of its agent fail until it is given again.
    pub async fn open(&self, caller: &Caller) -> Result<(), EngineError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.documents(AGENTS, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for document in page {
                match target_of(&document) {
                    Ok(target) => {
                        if let Err(error) = caller.can_open(&target.agent) {
                            let (agent, name) = (target.agent.id, &target.agent.name);
                            tracing::error!(%agent, name, %error, "an agent cannot be called");
                        }
                        self.take(Arc::new(target));
                    }
                    Err(reason) => {
                        let agent = document.id;
                        tracing::error!(agent, reason, "a registered agent is left out");
                    }
                }
            }
        }
    }

    /// From now on the agent is known like this.
    pub(super) fn take(&self, target: Arc<AgentTarget>) {
        let agent = target.agent.clone();
        self.write(|known| {
            let Known { by_id, by_name, .. } = known;
            by_name.retain(|_, id| *id != agent.id);
            by_name.insert(agent.name.to_lowercase(), agent.id);
            match by_id.get_mut(&agent.id) {
                Some(entry) => {
                    locked(&entry.gate).changed(agent);
                    entry.target = target;
                }
                None => {
                    let gate = Arc::new(Mutex::new(Gate::new(agent.clone())));
                    by_id.insert(agent.id, Entry { target, gate });
                }
            }
        });
    }

    /// Writes a registration that was read at this version (0: it is new).
    pub(super) async fn put(
        &self,
        agent: &Agent,
        read_at: u64,
        fact: Fact,
    ) -> Result<ChangeOutcome, EngineError> {
        let unwritten = |error: serde_json::Error| EngineError::Unavailable(error.to_string());
        let body = serde_json::to_vec(agent).map_err(unwritten)?;
        let (id, updated_at) = (agent.id.to_string(), agent.updated_at);
        let document = Document { id, version: 0, updated_at, body };
        let (kind, expect_version) = (AGENTS.to_owned(), Some(read_at));
        let change = DocumentChange::Put { kind, document, expect_version };
        Ok(self.store.change_documents(vec![change], Some(fact), updated_at).await?)
    }

    /// Every agent, active or not.
    pub fn ids(&self) -> Vec<AgentId> {
        self.read(|known| known.by_id.keys().copied().collect())
    }

    /// The agent with this id.
    pub fn find(&self, id: AgentId) -> Option<Arc<AgentTarget>> {
        self.read(|known| known.by_id.get(&id).map(|entry| entry.target.clone()))
    }

    /// The agent with this id, or else with this name.
    pub fn resolve(&self, id_or_name: &str) -> Option<Arc<AgentTarget>> {
        match id_or_name.parse() {
            Ok(id) => self.find(id),
            Err(_) => self.read(|known| {
                let id = known.by_name.get(&id_or_name.to_lowercase())?;
                known.by_id.get(id).map(|entry| entry.target.clone())
            }),
        }
    }

    /// The agent that the arguments of a call name.
    pub fn called(&self, arguments: &Value) -> Option<Arc<AgentTarget>> {
        self.resolve(arguments.get("agent")?.as_str()?)
    }

    /// The gate of an agent.
    pub(super) fn gate(&self, id: AgentId) -> Option<Arc<Mutex<Gate>>> {
        self.read(|known| known.by_id.get(&id).map(|entry| entry.gate.clone()))
    }

    /// A call of this agent wants to leave, at this place in the line.
    pub fn ask(&self, agent: AgentId, claim: Claim, place: i64) {
        self.write(|known| {
            let Some(entry) = known.by_id.get(&agent) else { return };
            locked(&entry.gate).ask(claim, place);
            known.waiting.entry(claim.job).or_default().insert(claim, agent);
        });
    }

    /// It waits no longer: it may leave, or nobody wants it any more.
    pub fn unask(&self, claim: Claim) {
        self.write(|known| {
            let Some(claims) = known.waiting.get_mut(&claim.job) else { return };
            let agent = claims.remove(&claim);
            if claims.is_empty() {
                known.waiting.remove(&claim.job);
            }
            if let Some(entry) = agent.and_then(|agent| known.by_id.get(&agent)) {
                locked(&entry.gate).unask(&claim);
            }
        });
    }

    /// How many jobs have calls that wait.
    pub fn waiting_jobs(&self) -> usize {
        self.read(|known| known.waiting.len())
    }

    /// What the first waiting call of this job waits for, and at which agent.
    pub fn pause_of(&self, job: JobId, now: Timestamp) -> Option<(String, Pause)> {
        self.read(|known| {
            let agent = known.waiting.get(&job)?.values().next()?;
            let mut gate = locked(&known.by_id.get(agent)?.gate);
            gate.pause_of(job, now).map(|pause| (gate.name().to_owned(), pause))
        })
    }

    /// An agent as it is shown.
    pub fn view(&self, id: AgentId, now: Timestamp) -> Option<AgentView> {
        self.read(|known| known.by_id.get(&id).map(|entry| view(entry, now)))
    }

    /// All of them, by name.
    pub fn views(&self, now: Timestamp) -> Vec<AgentView> {
        self.read(|known| {
            let entries = known.by_name.values().filter_map(|id| known.by_id.get(id));
            entries.map(|entry| view(entry, now)).collect()
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.read(|known| known.by_id.len())
    }
}

fn view(entry: &Entry, now: Timestamp) -> AgentView {
    let availability: Availability = locked(&entry.gate).availability(now);
    AgentView { agent: entry.target.agent.clone(), availability }
}

fn target_of(document: &Document) -> Result<AgentTarget, String> {
    let agent: Agent = serde_json::from_slice(&document.body).map_err(|e| e.to_string())?;
    let compiled = |what: &str, schema: &Value| {
        Schema::compile(schema).map_err(|violations| {
            let lines = violations.iter().map(|v| format!("{}: {}", v.pointer, v.message));
            format!("its {what} schema: {}", lines.collect::<Vec<_>>().join("; "))
        })
    };
    let input = compiled("input", &agent.input_schema)?;
    let output = compiled("output", &agent.output_schema)?;
    Ok(AgentTarget { agent: Arc::new(agent), input, output })
}
