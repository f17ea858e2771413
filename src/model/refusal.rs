//! Refusals: why a wish was not granted. Each has a stable code; the user can act on it.

use crate::model::checkpoint::{CheckpointStatus, Verdict};
use crate::model::id::ContentHash;
use crate::model::status::Status;
use crate::model::time::Timestamp;

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
    /// Others may decide.
    #[error("this checkpoint is for others: {}", named(assignees))]
    NotAssigned {
        /// Who may.
        assignees: Vec<String>,
    },
    /// The content, the job or the request is theirs.
    #[error(
        "four eyes: the owner of the job, who requested it and the last editor of what is shown \
         cannot decide here, whatever their role; somebody else has to"
    )]
    FourEyes,
    /// Only a person decides.
    #[error("{who} is no person and cannot decide")]
    NotAPerson {
        /// Who tried.
        who: String,
    },
    /// This door does not lead to this decision.
    #[error("{reason}")]
    WrongDoor {
        /// Why not, and what to do.
        reason: String,
    },
    /// It takes another role.
    #[error("this needs the role {role}")]
    NeedsRole {
        /// Which one.
        role: &'static str,
    },
    /// Somebody else claimed the checkpoint.
    #[error("{by} has claimed the checkpoint until {until}; wait, or let an admin break the claim")]
    ClaimedByOther {
        /// Who.
        by: String,
        /// Until when.
        until: Timestamp,
    },
    /// They said something else before.
    #[error("{voter} has voted {first} already; {verdict} cannot take its place")]
    AlreadyVoted {
        /// Who.
        voter: String,
        /// What they said.
        first: Verdict,
        /// What was asked now.
        verdict: Verdict,
    },
    /// Someone else spoke for the same person.
    #[error("the vote of {of} was given by {by} already; one standing counts once")]
    StandingUsed {
        /// Whose standing.
        of: String,
        /// Who used it.
        by: String,
    },
    /// The input does not fit the form.
    #[error("the input does not fit the form of the checkpoint: {}", all_of(violations))]
    Form {
        /// Every violation, with its JSON Pointer into the input.
        violations: Vec<(String, String)>,
    },
    /// The decision has to name the digest of what was seen.
    #[error("this decision must name the digest of what was seen ({shown} is shown now): {why}")]
    NeedsDigest {
        /// The digest of what is shown.
        shown: ContentHash,
        /// Why.
        why: &'static str,
    },
    /// The edit changes what must not be changed.
    #[error(
        "only what is at or below {} may be edited; this changes {}",
        named(editable),
        named(outside)
    )]
    NotEditable {
        /// The JSON Pointers that may be edited.
        editable: Vec<String>,
        /// The ones that the edit changes beside them.
        outside: Vec<String>,
    },
    /// The task was sent back as often as it may be.
    #[error(
        "the task was sent back {most} times, which is the most (`reworks`); approve or reject it"
    )]
    ReworksSpent {
        /// How often it may be.
        most: u32,
    },
    /// The checkpoint is closed, so this cannot be done with it any more.
    #[error("the checkpoint is {status}: {hint}")]
    CheckpointClosed {
        /// Where it stands.
        status: CheckpointStatus,
        /// What can be done instead.
        hint: String,
    },
    /// The wish came before its time.
    #[error("nothing to do yet: {0}")]
    NotDue(&'static str),
}

fn named(names: &[String]) -> String {
    if names.is_empty() { "nobody and nothing".to_owned() } else { names.join(", ") }
}

fn all_of(violations: &[(String, String)]) -> String {
    let lines = violations.iter().map(|(pointer, message)| format!("{pointer}: {message}"));
    lines.collect::<Vec<_>>().join("; ")
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
            Refusal::NotAssigned { .. } => "not-assigned",
            Refusal::FourEyes => "four-eyes",
            Refusal::NotAPerson { .. } => "not-a-person",
            Refusal::WrongDoor { .. } => "wrong-door",
            Refusal::NeedsRole { .. } => "needs-role",
            Refusal::ClaimedByOther { .. } => "claimed-by-other",
            Refusal::AlreadyVoted { .. } => "already-voted",
            Refusal::StandingUsed { .. } => "standing-used",
            Refusal::Form { .. } => "invalid-form",
            Refusal::NeedsDigest { .. } => "digest-needed",
            Refusal::NotEditable { .. } => "not-editable",
            Refusal::ReworksSpent { .. } => "reworks-spent",
            Refusal::CheckpointClosed { .. } => "checkpoint-closed",
            Refusal::NotDue(_) => "not-due",
        }
    }
}
