//! The audit trail's words: who did what, from where, and the entry that says so. Pure data; it
//! never decides and never writes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::Event;
use crate::model::id::{ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;

/// Where a wish came from, as far as the door knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The address of the caller, as far as it can be trusted.
    pub address: Option<String>,
    /// By what the caller was known: `session:<short hash>`, `token:<id>`, `link:<id>`, `cli` or
    /// `system`. Never a secret.
    pub via: String,
}

/// Who wishes something, and from where. Every wish has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// By whom.
    pub by: Principal,
    /// From where; none for what Holdpoint does by itself.
    pub origin: Option<Origin>,
}

impl Author {
    /// A part of Holdpoint.
    pub fn system(part: &str) -> Self {
        Principal::system(part).into()
    }
}

impl Author {
    /// Whoever has the files of a stopped server: the command line, which knows no account.
    pub fn of_command_line() -> Self {
        let origin = Origin { address: None, via: "cli".to_owned() };
        Self { by: Principal::system("operator"), origin: Some(origin) }
    }
}

impl From<Principal> for Author {
    fn from(by: Principal) -> Self {
        Self { by, origin: None }
    }
}

/// Something that was done beside the journals of jobs: a login, a user, a token, a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// By whom.
    pub by: Principal,
    /// What, as `noun.verb`: `user.create`, `token.revoke`, `login.failed`.
    pub action: String,
    /// To what: an id, a name, an address.
    pub target: String,
    /// What else is to be known of it, without any secret. Null: nothing.
    pub detail: Value,
    /// From where.
    pub origin: Option<Origin>,
}

impl Fact {
    /// What this author did to that.
    pub fn new(
        author: impl Into<Author>,
        action: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        let Author { by, origin } = author.into();
        Self { by, action: action.into(), target: target.into(), detail: Value::Null, origin }
    }

    /// The same with what else is to be known of it.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// The commit of a job that an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitPlace {
    /// The job.
    pub job: JobId,
    /// The place of the commit in the feed.
    pub feed: u64,
    /// The last event of the commit.
    pub last_seq: u64,
}

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom. There is no fact without an author.
    pub by: Principal,
    /// What: the most telling event of a commit, or the action of a fact.
    pub action: String,
    /// To what: the id of a job, or the target of a fact.
    pub target: String,
    /// The commit, if it is one.
    pub commit: Option<CommitPlace>,
    /// SHA-256 of the append of the commit, or of the detail of a fact.
    pub digest: ContentHash,
    /// The digest of what was shown at the checkpoint that a commit decided.
    pub shown: Option<ContentHash>,
    /// Was a reason given?
    pub has_reason: bool,
    /// The detail of a fact; null when it has none.
    pub detail: Value,
    /// From where.
    pub origin: Option<Origin>,
    /// The link of the entry before it.
    pub previous_hash: ContentHash,
    /// SHA-256 of the content of this entry.
    pub content_hash: ContentHash,
    /// The link of this entry: SHA-256 of `previous_hash` and `content_hash`.
    pub hash: ContentHash,
}

/// How far the audit trail goes: the number of its entries and the link of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditHead {
    /// Entries so far.
    pub count: u64,
    /// The link of the last one.
    pub hash: ContentHash,
}

impl Default for AuditHead {
    fn default() -> Self {
        Self::genesis()
    }
}

impl AuditHead {
    /// Before the first entry. It is the same for every store, so that an import keeps the trail.
    pub fn genesis() -> Self {
        Self { count: 0, hash: ContentHash::of(b"holdpoint audit trail") }
    }

    /// The head after one more entry with this content.
    #[must_use]
    pub fn after(self, content: ContentHash) -> Self {
        let mut link = [0u8; 64];
        link[..32].copy_from_slice(&self.hash.0);
        link[32..].copy_from_slice(&content.0);
        Self { count: self.count + 1, hash: ContentHash::of(&link) }
    }
}

/// What a commit is remembered as: the most telling of its events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Telling<'e> {
    /// The word for it.
    pub action: &'static str,
    /// Was a reason given?
    pub has_reason: bool,
    /// The event.
    pub event: &'e Event,
}

/// The most telling of these events: what a person did before what followed from it, an end before
/// the steps that led there. None of none.
pub fn telling<'e>(events: impl IntoIterator<Item = &'e Event>) -> Option<Telling<'e>> {
    let mut found: Option<(u8, &Event)> = None;
    for event in events {
        let weight = weight(event.name());
        if found.is_none_or(|(held, _)| weight > held) {
            found = Some((weight, event));
        }
    }
    found.map(|(_, event)| Telling { action: action(event), has_reason: has_reason(event), event })
}

/// How telling an event is. By name, so that one that is added later counts as a step.
fn weight(event: &str) -> u8 {
    match event {
        "decided" => 9,
        "voted" | "edited" | "delegated" | "claimed" | "released" | "commented" | "rearmed" => 8,
        "expired" | "escalated" | "reminded" => 7,
        "created" | "resubmitted" | "suspended" | "resumed" | "executionRequested" => 6,
        "completed" | "failed" | "rejected" | "cancelled" | "resubmissionRequired" => 5,
        "assigned" | "assignmentCancelled" | "interrupted" | "evaluated" => 4,
        "checkpointOpened" | "callSettled" | "callRetried" | "callAccepted" => 3,
        "runStarted" | "runCompleted" | "runFaulted" | "runCancelled" | "matchingFailed" => 2,
        "taskStarted" | "taskSkipped" | "scopeEntered" | "taskCompleted" => 0,
        _ => 1,
    }
}

/// The word for an event: an override by its verb, anything else by its own name.
fn action(event: &Event) -> &'static str {
    match event {
        Event::Completed { forced: Some(_), .. } => "forceCompleted",
        Event::Cancelled { .. } => "terminated",
        other => other.name(),
    }
}

fn has_reason(event: &Event) -> bool {
    let is_given = |reason: &Option<String>| reason.as_ref().is_some_and(|text| !text.is_empty());
    match event {
        Event::Completed { forced: reason, .. }
        | Event::Assigned { reason, .. }
        | Event::AssignmentCancelled { reason }
        | Event::CallRetried { reason, .. } => is_given(reason),
        Event::Decided { decision, .. } | Event::Voted { decision, .. } => {
            is_given(&decision.comment)
        }
        Event::Rearmed { reason, .. }
        | Event::Suspended { reason }
        | Event::Cancelled { reason }
        | Event::Resubmitted { reason } => !reason.is_empty(),
        _ => false,
    }
}

/// A head with a signature: whoever keeps it notices when the trail before it is changed or cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedHead {
    /// The random id of the store.
    pub store_id: String,
    /// How often the store had been restored or imported.
    pub generation: u64,
    /// Entries so far.
    pub count: u64,
    /// The link of the last one.
    pub hash: ContentHash,
    /// When it was signed, RFC 3339 in UTC.
    pub at: String,
    /// The public key (Ed25519, hex).
    pub key: String,
    /// The signature of `message` (Ed25519, hex).
    pub signature: String,
}

impl SignedHead {
    /// What is signed.
    pub fn message(&self) -> String {
        let Self { store_id, generation, count, hash, at, .. } = self;
        format!("holdpoint audit head 1\n{store_id}\n{generation}\n{count}\n{hash}\n{at}\n")
    }
}
