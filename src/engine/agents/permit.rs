//! The right to make one call of an agent, and the words for those who wait for it. A grant gives
//! its place back however it ends: used up, dropped in a mailbox, or lost with an actor.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::agents::AgentsMsg;
use crate::engine::agents::gate::Gate;
use crate::engine::shared::Shared;
use crate::model::id::{AgentId, FrameId, JobId};
use crate::model::status::{WaitCode, WaitingFor};
use crate::model::time::{Span, Timestamp};

/// One call that wants to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// The job.
    pub job: JobId,
    /// The frame that waits for the call.
    pub frame: FrameId,
    /// Which attempt.
    pub attempt: u32,
}

/// Why a call cannot leave yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// All places are taken, and so many others come first.
    Busy {
        /// Calls before this one.
        ahead: usize,
    },
    /// The period is used up, or the agent asked for a rest.
    Rate {
        /// When the next call fits.
        until: Timestamp,
    },
    /// The agent does not answer.
    Circuit {
        /// When one call tries again.
        until: Timestamp,
    },
    /// Another call is trying whether it answers again.
    Probing,
    /// An admin deactivated it.
    Inactive,
}

impl Pause {
    /// The same for people, about a call of the agent with this name.
    pub fn waiting_for(self, agent: &str, since: Timestamp) -> WaitingFor {
        let (code, text, until) = match self {
            Pause::Busy { ahead } => {
                let text = format!("Queued behind {ahead} other calls of agent {agent:?}");
                (WaitCode::AgentBusy, text, None)
            }
            Pause::Rate { until } => {
                let text = format!("Agent {agent:?} takes no more calls before {until}");
                (WaitCode::AgentRate, text, Some(until))
            }
            Pause::Circuit { until } => {
                let text = format!("Agent {agent:?} does not answer; it is tried again at {until}");
                (WaitCode::CircuitOpen, text, Some(until))
            }
            Pause::Probing => {
                let text = format!("Agent {agent:?} did not answer; another call is trying it");
                (WaitCode::CircuitOpen, text, None)
            }
            Pause::Inactive => {
                let text = format!("Waits until an admin activates agent {agent:?}");
                (WaitCode::AgentInactive, text, None)
            }
        };
        WaitingFor { code, text, since, until }
    }
}

/// What a call that ended tells of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It answers, whatever it said.
    Answered,
    /// It answers, and wants to be left alone for so long.
    Rest(Span),
    /// It does not answer.
    Failed(String),
    /// Nothing: the call was stopped.
    Withdrawn,
}

/// The right to make one call.
pub(crate) struct Grant {
    shared: Arc<Shared>,
    agent: AgentId,
    gate: Arc<Mutex<Gate>>,
    number: u64,
    word: Word,
}

impl Grant {
    pub(super) fn new(
        shared: Arc<Shared>,
        agent: AgentId,
        gate: Arc<Mutex<Gate>>,
        number: u64,
    ) -> Self {
        Self { shared, agent, gate, number, word: Word::Withdrawn }
    }

    /// The call is over.
    pub fn end(mut self, word: Word) {
        self.word = word;
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let now = self.shared.parts.clock.now();
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        gate.ended(self.number, &self.word, now);
        drop(gate);
        self.shared.agents.cast(AgentsMsg::Look { agent: self.agent, newcomer: None });
    }
}
