//! The turns of a job's calls at their agents. A call waits for its turn without a slot and without
//! an attempt; a turn that came is kept until the call leaves, or is given back.

use std::collections::{BTreeMap, BTreeSet};

use crate::calls::Function;
use crate::engine::agents::{AgentsMsg, Claim, Grant};
use crate::engine::hands::Hands;
use crate::engine::job::JobState;
use crate::machine::{DueCall, awaited_call};
use crate::model::id::FrameId;
use crate::model::job::Job;

enum Turn {
    /// The agent's actor was asked.
    Asked,
    /// It said that the call has to wait.
    Waits,
    /// It let the call through.
    Came(Grant),
}

/// The turns of the calls of one job.
#[derive(Default)]
pub(crate) struct Turns(BTreeMap<Claim, Turn>);

impl Turns {
    /// Was every call that was asked for told to wait? Not when none was asked for.
    pub fn all_wait(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|turn| matches!(turn, Turn::Waits))
    }

    /// The turn of this call, when it came: the call leaves with it.
    pub fn take(&mut self, claim: Claim) -> Option<Grant> {
        match self.0.remove(&claim)? {
            Turn::Came(grant) => Some(grant),
            Turn::Asked | Turn::Waits => None,
        }
    }
}

impl Hands {
    /// A turn came. Nobody may want it any more: then it goes back.
    pub fn turn_came(&mut self, claim: Claim, grant: Grant) {
        if let Some(turn) = self.turns.0.get_mut(&claim) {
            *turn = Turn::Came(grant);
        }
    }

    /// A call has to wait, unless its turn came after that was said.
    pub fn turn_waits(&mut self, claim: Claim) {
        if let Some(turn @ Turn::Asked) = self.turns.0.get_mut(&claim) {
            *turn = Turn::Waits;
        }
    }
}

impl JobState {
    /// May this call leave as far as its agent is concerned? Asks for its turn if nobody has. Only
    /// calls of registered agents wait, and only until they were made: to ask how one stands costs
    /// the agent next to nothing.
    pub fn is_its_turn(&mut self, job: &Job, call: &DueCall) -> bool {
        if call.function.parse() != Ok(Function::Agent) || call.poll.is_some() {
            return true;
        }
        let claim = Claim { job: self.id, frame: call.frame, attempt: call.attempt };
        if let Some(turn) = self.hands.turns.0.get(&claim) {
            return matches!(turn, Turn::Came(_));
        }
        let Some(target) = self.shared.registry.called(&call.arguments) else { return true };
        let agent = target.agent.id;
        self.hands.turns.0.insert(claim, Turn::Asked);
        self.shared.registry.ask(agent, claim, job.queue_key());
        self.shared.agents.cast(AgentsMsg::Look { agent, newcomer: Some(claim) });
        false
    }

    /// Gives up the turns of calls that are not among these.
    pub fn leave_unwanted_turns(&mut self, wanted: &BTreeSet<(FrameId, u32)>) {
        let registry = &self.shared.registry;
        self.hands.turns.0.retain(|claim, turn| {
            let keep = wanted.contains(&(claim.frame, claim.attempt));
            if !keep && !matches!(turn, Turn::Came(_)) {
                registry.unask(*claim);
            }
            keep
        });
    }

    /// Gives up every turn.
    pub fn leave_agents(&mut self) {
        self.leave_unwanted_turns(&BTreeSet::new());
    }

    /// May the call of this frame simply be made again when its outcome is unknown? Of an agent its
    /// registration says so; of everything else the document does.
    pub fn is_repeatable(&self, frame: FrameId) -> Option<bool> {
        let call = awaited_call(self.job.as_deref()?, frame)?;
        if call.function.parse() != Ok(Function::Agent) {
            return None;
        }
        self.shared.registry.called(&call.arguments).map(|target| target.agent.idempotent)
    }
}
