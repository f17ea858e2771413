//! Refusals: why a wish was not granted. Each has a stable code; the user can act on it.

use crate::model::checkpoint::{CheckpointStatus, Verdict};
use crate::model::id::ContentHash;
use crate::model::status::Status;

/// Why the machine said no.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such job.
    #[error("there is no such job")]
    NoSuchJob,
    /// A job with this id exists already.
    #[error("the job exists already")]
    AlreadyCreated,
    /// The life cycle has no such step.
    #[error("a job that is {status} cannot {wish}: {hint}")]
    Illegal {
        /// Where the job stands.
        status: Status,
        /// What was asked.
        wish: &'static str,
        /// What can be done instead.
        hint: String,
    },
    /// The answer belongs to an attempt, frame or round that is gone.
    #[error("the job has moved on; this answer belongs to {what}")]
    Stale {
        /// What is gone.
        what: String,
    },
    /// There is no such checkpoint.
    #[error("there is no such checkpoint")]
    NoSuchCheckpoint,
    /// The checkpoint was decided, differently.
    #[error("the checkpoint was {first} already{}; {verdict} cannot be applied", by_whom(.by))]
    AlreadyDecided {
        /// How it was closed.
        first: CheckpointStatus,
        /// By whom, if by a person.
        by: Option<String>,
        /// What was asked now.
        verdict: Verdict,
    },
    /// The decision names other content than what is shown.
    #[error("the decision is about {given}, but the checkpoint shows {shown}; look at it again")]
    WrongDigest {
        /// The digest in the decision.
        given: ContentHash,
        /// The digest of what is shown.
        shown: ContentHash,
    },
    /// A decision lacks something or has something wrong.
    #[error("{member}: {message}")]
    BadDecision {
        /// The member of the decision.
        member: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The wish came before its time.
    #[error("nothing to do yet: {0}")]
    NotDue(&'static str),
}

fn by_whom(by: &Option<String>) -> String {
    by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default()
}

impl Refusal {
    /// The stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoSuchJob => "no-such-job",
            Refusal::AlreadyCreated => "already-created",
            Refusal::Illegal { .. } => "illegal-transition",
            Refusal::Stale { .. } => "stale",
            Refusal::NoSuchCheckpoint => "no-such-checkpoint",
            Refusal::AlreadyDecided { .. } => "already-decided",
            Refusal::WrongDigest { .. } => "wrong-digest",
            Refusal::BadDecision { .. } => "bad-decision",
            Refusal::NotDue(_) => "not-due",
        }
    }
}
