//! Where a job stands: its status, its phase in the standard's words, and what it waits for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// A word that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {known}")]
pub struct UnknownWord {
    /// What was given.
    pub given: String,
    /// The words that exist.
    pub known: String,
}

/// Gives an enum of plain words its spelling, its list and its parser.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$word_doc:meta])* $variant:ident = $text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every word, in order.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The word as it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                $name::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    let known: Vec<&str> = $name::ALL.iter().map(|word| word.as_str()).collect();
                    UnknownWord { given: text.to_owned(), known: known.join(", ") }
                })
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The status of a job: its outer life cycle.
    Status {
        /// Created, not started, not assigned.
        Pending = "PENDING",
        /// An agent is assigned; the run has not begun.
        Assigned = "ASSIGNED",
        /// A run is going on (working, waiting or suspended).
        InProgress = "IN_PROGRESS",
        /// Ended well.
        Completed = "COMPLETED",
        /// Ended by an error.
        Failed = "FAILED",
        /// Ended by a person's no, or by nobody deciding in time.
        Rejected = "REJECTED",
        /// The result was not good enough and somebody has to resubmit.
        ResubmissionRequired = "RESUBMISSION_REQUIRED",
        /// Ended by request.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// The phase of a job in the words of the workflow standard.
    Phase {
        /// Not begun.
        Pending = "pending",
        /// Working.
        Running = "running",
        /// Waiting for a person, a time, an event or another job.
        Waiting = "waiting",
        /// Held by an operator.
        Suspended = "suspended",
        /// Ended by request.
        Cancelled = "cancelled",
        /// Ended by an error.
        Faulted = "faulted",
        /// Ended well.
        Completed = "completed",
    }
}

words! {
    /// What a job waits for, as a stable code.
    WaitCode {
        /// A place among the running jobs.
        Slot = "slot",
        /// The worker is stopped.
        Worker = "worker",
        /// An agent to be assigned.
        Assignment = "assignment",
        /// Somebody to press execute.
        Execution = "execution",
        /// A decision at a checkpoint.
        Checkpoint = "checkpoint",
        /// A person's word about a call whose outcome is unknown.
        InDoubt = "in-doubt",
        /// A point in time.
        Time = "time",
        /// The next attempt after an error.
        Retry = "retry",
        /// An event from outside.
        Event = "event",
        /// A job that this one runs.
        Child = "child",
        /// A call that is under way.
        Call = "call",
        /// An operator to resume it.
        Resume = "resume",
        /// An agent is being looked for.
        Matching = "matching",
        /// No agent was found.
        NoAgent = "no-agent",
        /// The answer of an agent that took the call.
        Callback = "callback",
        /// The judge, which cannot be reached.
        JudgeUnavailable = "judge-unavailable",
        /// A place at an agent that is at capacity.
        AgentBusy = "agent-busy",
        /// The rate limit of an agent.
        AgentRate = "agent-rate",
        /// An agent that fails too often to be called now.
        CircuitOpen = "circuit-open",
        /// An agent that is switched off.
        AgentInactive = "agent-inactive",
    }
}

words! {
    /// The status of a row of a job's log: those of the job, and the searches that found no agent.
    LogStatus {
        /// Created, or to be started again.
        Pending = "PENDING",
        /// An agent is assigned.
        Assigned = "ASSIGNED",
        /// A run is going on.
        InProgress = "IN_PROGRESS",
        /// Ended well.
        Completed = "COMPLETED",
        /// Ended by an error.
        Failed = "FAILED",
        /// Ended by a person's no, or by nobody deciding in time.
        Rejected = "REJECTED",
        /// The result was not good enough.
        ResubmissionRequired = "RESUBMISSION_REQUIRED",
        /// The job or its assignment was ended by request.
        Cancelled = "CANCELLED",
        /// No agent was found.
        MatchingFailed = "MATCHING_FAILED",
    }
}

impl From<Status> for LogStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => LogStatus::Pending,
            Status::Assigned => LogStatus::Assigned,
            Status::InProgress => LogStatus::InProgress,
            Status::Completed => LogStatus::Completed,
            Status::Failed => LogStatus::Failed,
            Status::Rejected => LogStatus::Rejected,
            Status::ResubmissionRequired => LogStatus::ResubmissionRequired,
            Status::Cancelled => LogStatus::Cancelled,
        }
    }
}

impl Status {
    /// Has the job ended in a way that nothing but an override leaves?
    pub const fn is_ended(self) -> bool {
        !matches!(self, Status::Pending | Status::Assigned | Status::InProgress)
    }

    /// Can nothing at all follow?
    pub const fn is_final(self) -> bool {
        matches!(self, Status::Completed | Status::Cancelled)
    }

    /// The word of the agent-job API for it (`RUNNING` for `IN_PROGRESS`).
    pub const fn agent_job_word(self) -> &'static str {
        match self {
            Status::InProgress => "RUNNING",
            other => other.as_str(),
        }
    }

    /// Reads a status in either API's words.
    pub fn parse_either(text: &str) -> Result<Self, UnknownWord> {
        if text == "RUNNING" { Ok(Status::InProgress) } else { text.parse() }
    }
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFor {
    /// The stable code.
    pub code: WaitCode,
    /// One sentence for people.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when at the latest, if time ends it.
    pub until: Option<Timestamp>,
}
