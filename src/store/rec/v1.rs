//! Schema version 1. No serde attributes, no JSON values, no maps, no `usize`: bincode writes
//! such types and then cannot read them, or reads them as something else.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes as one piece; `Vec<u8>` would go through serde byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Owned;
        impl Visitor<'_> for Owned {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Owned)
    }
}

/// Who: 1 a person, 2 an agent, 3 a part of the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Author {
    pub kind: u8,
    pub id: String,
}

/// An event in a journal. `body` is the event as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub seq: u64,
    pub at: i64,
    pub by: Author,
    pub commit_id: u128,
    pub kind: String,
    pub previous_hash: [u8; 32],
    pub body: Bytes,
}

/// An error of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    pub kind: String,
    pub status: u16,
    pub title: Option<String>,
    pub detail: Option<String>,
    pub instance: Option<String>,
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitingFor {
    pub code: u8,
    pub text: String,
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
pub(crate) struct JobRow {
    pub id: u128,
    pub version: u64,
    pub fence: u64,
    pub job_type: String,
    pub definition: [u8; 32],
    pub name: String,
    pub description: String,
    pub status: u8,
    pub phase: u8,
    pub waiting_for: Option<WaitingFor>,
    pub place: Place,
    pub priority: u8,
    pub labels: Vec<(String, String)>,
    pub owner: String,
    pub agent: Option<String>,
    pub parent: Option<u128>,
    pub run_number: u32,
    pub attempts: u32,
    pub pending_checkpoints: u32,
    pub error: Option<Problem>,
    pub created_at: i64,
    pub updated_at: i64,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub due_at: Option<i64>,
}

/// A job: its row, the hash of the last event of its journal, its last commit, what it listens to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub row: JobRow,
    pub head_hash: [u8; 32],
    pub last_commit: u128,
    pub subscriptions: Vec<String>,
}

/// The row of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointRow {
    pub id: u128,
    pub job: u128,
    pub job_type: String,
    pub job_name: String,
    pub owner: String,
    pub reference: String,
    pub purpose: u8,
    pub title: String,
    pub status: u8,
    pub digest: [u8; 32],
    pub assignees: Vec<String>,
    pub opened_at: i64,
    pub expires_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub decided_by: Option<String>,
    pub comment: Option<String>,
}

/// A folded job, as its owner wrote it, and the version it stands at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub job: u128,
    pub version: u64,
    pub body: Bytes,
}

/// An idempotency key that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub owner: String,
    pub key: String,
    pub job: u128,
    pub digest: [u8; 32],
    pub used_at: i64,
}

/// A document. `body` is its content as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub kind: String,
    pub id: String,
    pub version: u64,
    pub updated_at: i64,
    pub body: Bytes,
}
