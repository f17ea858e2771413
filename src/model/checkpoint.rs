//! Checkpoints: what a person is asked, what was shown, and what was decided. Bound to a digest,
//! never to a screen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::id::{CheckpointId, ContentHash, FrameId};
use crate::model::principal::Principal;
use crate::model::status::UnknownWord;
use crate::model::status::words;
use crate::model::time::{Span, Timestamp};
use std::fmt;
use std::str::FromStr;

words! {
    /// Where a checkpoint stands.
    CheckpointStatus {
        /// Nobody has decided.
        Pending = "PENDING",
        /// Approved.
        Approved = "APPROVED",
        /// Rejected.
        Rejected = "REJECTED",
        /// Sent back for rework.
        SentBack = "SENT_BACK",
        /// Nobody decided in time. Never a person's no.
        Expired = "EXPIRED",
        /// Its job moved on without it.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// What a person decides.
    Verdict {
        /// Yes.
        Approve = "approve",
        /// No.
        Reject = "reject",
        /// Not yet: rework it.
        SendBack = "send-back",
    }
}

words! {
    /// What happens when nobody decides in time.
    OnExpiry {
        /// The task fails with the error `expired`; uncaught, the job is REJECTED.
        Reject = "reject",
        /// The task goes on as if approved.
        Approve = "approve",
        /// The task fails with the error `timeout`; uncaught, the job is FAILED.
        Fault = "fault",
        /// It is asked again of the role `admin` with a new deadline; the second time it is
        /// rejected.
        Escalate = "escalate",
    }
}

words! {
    /// Why the checkpoint exists.
    Purpose {
        /// A gate of the workflow: it holds the run.
        Gate = "gate",
        /// A review: recorded and shown, it holds nothing.
        Review = "review",
        /// A call whose outcome is unknown after a crash: a person says what happened.
        InDoubt = "in-doubt",
        /// A result that neither rules nor a judge decided about: a person says whether it is good
        /// enough.
        Evaluation = "evaluation",
    }
}

impl Verdict {
    /// The status that this verdict leads to.
    pub const fn status(self) -> CheckpointStatus {
        match self {
            Verdict::Approve => CheckpointStatus::Approved,
            Verdict::Reject => CheckpointStatus::Rejected,
            Verdict::SendBack => CheckpointStatus::SentBack,
        }
    }
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// By whom.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// The reason or comment, if one was given.
    pub comment: Option<String>,
    /// What the person entered, if anything.
    #[serde(default, with = "crate::model::optional_data")]
    pub input: Option<Arc<Value>>,
}

/// A checkpoint of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Derived from job, run and frame.
    pub id: CheckpointId,
    /// The run that opened it.
    pub run: u32,
    /// The frame that opened it.
    pub frame: FrameId,
    /// The task that opened it.
    pub reference: Arc<str>,
    /// Why it exists.
    pub purpose: Purpose,
    /// What is asked, one line.
    pub title: String,
    /// What is asked, as Markdown text.
    pub summary: Option<String>,
    /// What is shown, frozen when it opened.
    pub shown: Arc<Value>,
    /// SHA-256 of the canonical JSON (RFC 8785) of `shown`.
    pub digest: ContentHash,
    /// Who may decide: roles and users, as the document names them.
    pub assignees: Vec<String>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// How long it waits, once more after an escalation.
    pub expiry: Option<Span>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// Was it asked again of others?
    pub escalated: bool,
    /// Where it stands.
    pub status: CheckpointStatus,
    /// When it left PENDING, by a decision or without one.
    pub closed_at: Option<Timestamp>,
    /// The decision, if a person made one.
    pub decision: Option<Decision>,
}

impl Checkpoint {
    /// Does it hold its run?
    pub fn is_blocking(&self) -> bool {
        self.purpose != Purpose::Review
    }
}
