//! A round of the search for an agent of one job, outside its mailbox: it holds no slot, and what
//! it found comes back as a wish. However it ends, the job hears of it.

use std::sync::Arc;

use ractor::ActorRef;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{Candidate, Opening, Task, pause_after, search};
use crate::engine::agents::{AgentState, AgentView};
use crate::engine::job::{JobMsg, JobState};
use crate::engine::shared::Shared;
use crate::machine::Due;
use crate::model::command::Command;
use crate::model::id::JobId;
use crate::model::job::{Job, JobSpec};
use crate::store::StoreError;

/// Rounds that go on at once in one engine: each looks at every agent.
pub(crate) const SLOTS: usize = 4;

/// A round that is going on. It ends when nobody wants it any more.
pub(crate) struct Looking {
    round: u32,
    task: JoinHandle<()>,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The search as the job's actor has it in hand.
#[derive(Default)]
pub(crate) struct Search {
    looking: Option<Looking>,
    /// The round whose answer was handed over.
    answered: Option<u32>,
}

impl Search {
    /// Is a round going on?
    pub fn is_busy(&self) -> bool {
        self.looking.is_some()
    }

    /// The round came to its end.
    pub fn ended(&mut self, round: u32) {
        if self.looking.as_ref().is_some_and(|looking| looking.round == round) {
            self.looking = None;
        }
        self.answered = Some(round);
    }
}

impl JobState {
    /// Begins the round that is due, unless it is going on; ends one that is no longer wanted.
    pub fn look_for_agent(&mut self, me: &ActorRef<JobMsg>, job: &Job, due: &Due) {
        let search = &mut self.hands.search;
        let wanted = due.matching.filter(|_| !due.is_held);
        if search.looking.as_ref().is_some_and(|looking| Some(looking.round) != wanted) {
            search.looking = None;
        }
        let Some(round) = wanted else { return };
        if search.looking.is_some() {
            return;
        }
        let (shared, id, spec, me) = (self.shared.clone(), self.id, job.spec.clone(), me.clone());
        // Found, and not taken: another look would find the same.
        let is_refused = search.answered == Some(round);
        let task = tokio::spawn(async move {
            let looking = tokio::spawn(async move {
                match is_refused {
                    true => failed(round, "the job refused the agent that was found"),
                    false => look(&shared, id, &spec, round).await,
                }
            });
            let abort = AbortOnDrop(looking.abort_handle());
            let command = looking
                .await
                .unwrap_or_else(|error| failed(round, &format!("looking failed: {error}")));
            drop(abort);
            me.cast(JobMsg::Matched { round, command }).ok();
        });
        search.looking = Some(Looking { round, task });
    }
}

/// Ends a task with the one that waits for it.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn look(shared: &Arc<Shared>, id: JobId, spec: &JobSpec, round: u32) -> Command {
    // Closed with the process only; then nobody reads the answer either.
    let _slot = shared.matching.acquire().await;
    let candidates = match candidates(shared).await {
        Ok(candidates) => candidates,
        Err(error) => return failed(round, &format!("the agents cannot be looked at: {error}")),
    };
    let key = format!("{id}/matching/{round}");
    let found = search(&shared.parts.caller, &key, &Task::of(spec), &candidates).await;
    found.command(round)
}

fn failed(round: u32, message: &str) -> Command {
    let report = Arc::new(json!({"chosen": null, "message": message, "agents": []}));
    Command::FailMatching { round, report, again_after: pause_after(round) }
}

/// What matching knows of every registered agent.
async fn candidates(shared: &Shared) -> Result<Vec<Candidate>, StoreError> {
    let views = shared.registry.views(shared.parts.clock.now());
    let records = match views.is_empty() {
        true => Default::default(),
        false => shared.statistics.records(&shared.parts).await?,
    };
    let candidate = |view: AgentView| {
        let target = shared.registry.find(view.agent.id)?;
        let id = view.agent.id.to_string();
        let record = records.get(&id).copied().unwrap_or_default();
        Some(Candidate {
            name: view.agent.name.clone(),
            description: view.agent.description.clone(),
            tags: view.agent.tags.clone(),
            input_schema: view.agent.input_schema.clone(),
            input: target.input.clone(),
            opening: opening(&view),
            record,
            id,
        })
    };
    Ok(views.into_iter().filter_map(candidate).collect())
}

fn opening(view: &AgentView) -> Opening {
    let availability = &view.availability;
    let until = availability.until;
    match availability.state {
        AgentState::Inactive => Opening::Inactive,
        AgentState::CircuitOpen | AgentState::Probing => Opening::CircuitOpen { until },
        AgentState::RateLimited => Opening::Resting { until },
        AgentState::Available | AgentState::Busy => {
            let all = view.agent.concurrency_max;
            let taken = availability.in_use.saturating_add(availability.queued);
            Opening::Places { free: all.saturating_sub(taken), all }
        }
    }
}
