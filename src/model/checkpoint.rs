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
use crate::model::voter::{Delegate, Door};
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

/// How many send-backs one task may get when its document does not say.
pub const REWORKS: u32 = 10;

/// A decision that was made, or a vote towards one.
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
    /// The digest of what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ContentHash>,
    /// The paths that it approves of the files that are shown; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// On whose behalf, when not their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_for: Option<String>,
    /// How they came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<Door>,
}

/// What the document says about who decides and how. It never changes while a checkpoint is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Policy {
    /// Approvals of different people that it takes, from 1.
    #[serde(skip_serializing_if = "is_one")]
    pub quorum: u32,
    /// May neither the owner of the job, nor who requested it, nor the last editor of what is
    /// shown decide?
    #[serde(skip_serializing_if = "is_false")]
    pub four_eyes: bool,
    /// The owner and the requester, by id, when they may not decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// JSON Schema of what an approval has to bring as its input.
    #[serde(with = "crate::model::optional_data", skip_serializing_if = "Option::is_none")]
    pub form: Option<Arc<Value>>,
    /// JSON Pointers at and below which an approval may change what is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub editable: Vec<String>,
    /// How often the task may be sent back in one run.
    #[serde(skip_serializing_if = "is_usual")]
    pub reworks: u32,
    /// May a signed link with a typed confirmation decide?
    #[serde(skip_serializing_if = "is_false")]
    pub link_confirm: bool,
    /// How long until people are reminded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remind_after: Option<Span>,
    /// How long until the next of `escalate_to` is asked too, each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate_after: Option<Span>,
    /// Who is asked too, one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<String>,
}

impl Default for Policy {
    /// One approval by anybody who is named: what a checkpoint was before it had a policy.
    fn default() -> Self {
        Self {
            quorum: 1,
            four_eyes: false,
            excluded: Vec::new(),
            form: None,
            editable: Vec::new(),
            reworks: REWORKS,
            link_confirm: false,
            remind_after: None,
            escalate_after: None,
            escalate_to: Vec::new(),
        }
    }
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_usual(reworks: &u32) -> bool {
    *reworks == REWORKS
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Somebody who keeps others from deciding, for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Who.
    pub by: Principal,
    /// Since when.
    pub at: Timestamp,
    /// Until when, at the latest.
    pub until: Timestamp,
}

/// A right to decide that was given to somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegation {
    /// From whom, to whom, until when.
    #[serde(flatten)]
    pub right: Delegate,
    /// When it was given.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A remark that decides nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    /// Whose.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
}

/// A place in what is shown that a person changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// JSON Pointer of the place.
    pub pointer: String,
    /// What stood there; absent when nothing did.
    #[serde(default, with = "crate::model::optional_data")]
    pub before: Option<Arc<Value>>,
    /// What stands there now; absent when nothing does.
    #[serde(default, with = "crate::model::optional_data")]
    pub after: Option<Arc<Value>>,
}

/// A change of what is shown, made with an approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// By whom.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// The digest of what was shown before.
    pub from: ContentHash,
    /// The digest of what is shown since.
    pub digest: ContentHash,
    /// What differs.
    pub changes: Vec<Changed>,
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
    /// What is shown: frozen when it opened, changed by `edits` alone.
    pub shown: Arc<Value>,
    /// SHA-256 of the canonical JSON (RFC 8785) of `shown`.
    pub digest: ContentHash,
    /// Who may decide: roles, groups and users, as the document names them.
    pub assignees: Vec<String>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// How long it waits, once more after an escalation.
    pub expiry: Option<Span>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// Was it asked again of others because its time was over?
    pub escalated: bool,
    /// Where it stands.
    pub status: CheckpointStatus,
    /// When it left PENDING, by a decision or without one.
    pub closed_at: Option<Timestamp>,
    /// The decision, if one was made: with a quorum the one that completed or ended it.
    pub decision: Option<Decision>,
    /// Who decides and how.
    #[serde(default)]
    pub policy: Policy,
    /// Send-backs of the same task in the same run before it opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// Approvals of a quorum that is not complete; voided by an edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Decision>,
    /// Who keeps others from deciding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Rights given to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegations: Vec<Delegation>,
    /// Remarks, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Remark>,
    /// Changes of what is shown, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// When people are reminded next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// When the next of `policy.escalate_to` is asked too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_at: Option<Timestamp>,
    /// How many of `policy.escalate_to` were asked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub escalations: u32,
    /// Raised when what was sent out about it must no longer decide: an edit, a new deadline.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
}

impl Checkpoint {
    /// Does it hold its run?
    pub fn is_blocking(&self) -> bool {
        self.purpose != Purpose::Review
    }

    /// Is it open?
    pub fn is_pending(&self) -> bool {
        self.status == CheckpointStatus::Pending
    }

    /// The claim that holds at this time.
    pub fn claim_at(&self, now: Timestamp) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| now < claim.until)
    }

    /// Ids of the people who may not decide: by the policy, and as the last editor.
    pub fn excluded(&self) -> Vec<String> {
        let mut excluded = self.policy.excluded.clone();
        let editor = self.edits.last().filter(|_| self.policy.four_eyes);
        excluded.extend(editor.map(|edit| edit.by.id().to_owned()));
        excluded
    }

    /// Rights given to others.
    pub fn delegates(&self) -> Vec<Delegate> {
        self.delegations.iter().map(|given| given.right.clone()).collect()
    }

    /// Approvals that are still missing.
    pub fn missing(&self) -> u32 {
        let votes = u32::try_from(self.votes.len()).unwrap_or(u32::MAX);
        self.policy.quorum.saturating_sub(votes)
    }
}
