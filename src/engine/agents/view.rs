//! What is shown of an agent: its registration and whether it can be called now. No secret, sealed
//! or not, is for anyone's eyes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::agent::Agent;
use crate::model::status::{UnknownWord, words};
use crate::model::time::Timestamp;

words! {
    /// Can an agent be called now?
    AgentState {
        /// Yes, at once.
        Available = "available",
        /// As many calls are under way as it takes at once.
        Busy = "busy",
        /// It had as many calls as it takes in a period, or asked for a pause.
        RateLimited = "rate-limited",
        /// It did not answer lately, and is left alone for a while.
        CircuitOpen = "circuit-open",
        /// One call is under way to see whether it answers again.
        Probing = "probing",
        /// An admin deactivated it.
        Inactive = "inactive",
    }
}

/// An agent and whether it can be called now. `agent.endpoint` is for admins, `agent.auth` for
/// nobody: show its scheme and its header alone.
#[derive(Clone, Debug)]
pub struct AgentView {
    /// The registration.
    pub agent: Arc<Agent>,
    /// Can it be called?
    pub availability: Availability,
}

/// Whether an agent can be called now. Kept in memory: a restart knows nothing of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    /// In a word.
    pub state: AgentState,
    /// Until when it is so, as far as that is known.
    pub until: Option<Timestamp>,
    /// Calls under way.
    pub in_use: u32,
    /// Calls that wait for their turn.
    pub queued: u32,
    /// Attempts in a row to which it gave no answer.
    pub failures: u32,
    /// How the last of them ended.
    pub last_failure: Option<String>,
}
