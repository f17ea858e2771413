//! Schema version 1. No serde attributes, no JSON values, no maps, no `usize`: bincode writes
//! such types and then cannot read them, or reads them as something else.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is borrowed when it is written and owned when it was read.
pub(crate) type Text<'a> = Cow<'a, str>;

/// Bytes as one piece; `Vec<u8>` would go through serde byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Bytes<'a>(pub Cow<'a, [u8]>);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Owned;
        impl Visitor<'_> for Owned {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Owned).map(|bytes| Self(Cow::Owned(bytes)))
    }
}

/// Who: 1 a person, 2 an agent, 3 a part of the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Author<'a> {
    pub kind: u8,
    pub id: Text<'a>,
}

/// An event in a journal. `body` is the event as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope<'a> {
    pub seq: u64,
    pub at: i64,
    pub by: Author<'a>,
    pub commit_id: u128,
    pub kind: Text<'a>,
    pub previous_hash: [u8; 32],
    pub body: Bytes<'a>,
}

/// An error of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem<'a> {
    pub kind: Text<'a>,
    pub status: u16,
    pub title: Option<Text<'a>>,
    pub detail: Option<Text<'a>>,
    pub instance: Option<Text<'a>>,
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitingFor<'a> {
    pub code: u8,
    pub text: Text<'a>,
    pub since: i64,
    pub until: Option<i64>,
}

/// Where a job is kept: 1 in the queue (`at` is its key), 2 active, 3 parked (`at` is its wake),
/// 4 ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub kind: u8,
    pub at: Option<i64>,
}

/// The row of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRow<'a> {
    pub id: u128,
    pub version: u64,
    pub fence: u64,
    pub job_type: Text<'a>,
    pub definition: [u8; 32],
    pub name: Text<'a>,
    pub description: Text<'a>,
    pub status: u8,
    pub phase: u8,
    pub waiting_for: Option<WaitingFor<'a>>,
    pub place: Place,
    pub priority: u8,
    pub labels: Vec<(Text<'a>, Text<'a>)>,
    pub owner: Text<'a>,
    pub agent: Option<Text<'a>>,
    pub parent: Option<u128>,
    pub run_number: u32,
    pub attempts: u32,
    pub pending_checkpoints: u32,
    pub error: Option<Problem<'a>>,
    pub created_at: i64,
    pub updated_at: i64,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub due_at: Option<i64>,
}

/// A job: its row, the hash of the last event of its journal, its last commit, what it listens to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job<'a> {
    pub row: JobRow<'a>,
    pub head_hash: [u8; 32],
    pub last_commit: u128,
    pub subscriptions: Vec<Text<'a>>,
}

/// The row of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointRow<'a> {
    pub id: u128,
    pub job: u128,
    pub job_type: Text<'a>,
    pub job_name: Text<'a>,
    pub owner: Text<'a>,
    pub reference: Text<'a>,
    pub purpose: u8,
    pub title: Text<'a>,
    pub status: u8,
    pub digest: [u8; 32],
    pub assignees: Vec<Text<'a>>,
    pub opened_at: i64,
    pub expires_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub decided_by: Option<Text<'a>>,
    pub comment: Option<Text<'a>>,
}

/// A folded job, as its owner wrote it, and the version it stands at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot<'a> {
    pub job: u128,
    pub version: u64,
    pub body: Bytes<'a>,
}

/// An idempotency key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key<'a> {
    pub owner: Text<'a>,
    pub key: Text<'a>,
    pub job: u128,
    pub digest: [u8; 32],
    pub used_at: i64,
}

/// A document. `body` is its content as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document<'a> {
    pub kind: Text<'a>,
    pub id: Text<'a>,
    pub version: u64,
    pub updated_at: i64,
    pub body: Bytes<'a>,
}

/// Where a wish came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin<'a> {
    pub address: Option<Text<'a>>,
    pub via: Text<'a>,
}

/// The commit of a job that an entry of the audit trail is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditedCommit {
    pub job: u128,
    pub feed: u64,
    pub last_seq: u64,
}

/// An entry of the audit trail. `detail` is JSON. `previous_hash` stays the last member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditEntry<'a> {
    pub seq: u64,
    pub at: i64,
    pub by: Author<'a>,
    pub action: Text<'a>,
    pub target: Text<'a>,
    pub commit: Option<AuditedCommit>,
    pub digest: [u8; 32],
    pub shown: Option<[u8; 32]>,
    pub has_reason: bool,
    pub detail: Option<Bytes<'a>>,
    pub origin: Option<Origin<'a>>,
    pub previous_hash: [u8; 32],
}
