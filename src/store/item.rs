//! What a store consists of, apart from any engine: records as they are held, each with its place.
//! Indexes, counts and queues are no part of it: they follow from the rows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::id::{CheckpointId, JobId};
use crate::model::time::Timestamp;
use crate::store::codec;

/// A record with its header and checksum, as every engine holds it; base64 in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(pub Vec<u8>);

impl Record {
    /// The schema version and the body of a record of a journal, whose checksum holds.
    pub fn append_body(&self) -> Result<(u16, &[u8]), String> {
        codec::open(codec::APPEND, &self.0).map_err(|bad| bad.to_string())
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// One piece of a store. A store gives its pieces in the order of these variants, and within each
/// in the order of their keys; a job comes before its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Item {
    /// A document.
    Document {
        /// Its kind.
        kind: String,
        /// Its id within the kind.
        id: String,
        /// The document.
        record: Record,
    },
    /// A job: its row, the head of its journal, what it listens to.
    Job {
        /// Which job.
        job: JobId,
        /// The job.
        record: Record,
    },
    /// A part of the journal of a job, in order.
    Journal {
        /// Whose.
        job: JobId,
        /// Place and record of each.
        records: Vec<(u64, Record)>,
    },
    /// The last folded job.
    Snapshot {
        /// Which job.
        job: JobId,
        /// The folded job.
        record: Record,
    },
    /// A checkpoint.
    Checkpoint {
        /// Which one.
        checkpoint: CheckpointId,
        /// The checkpoint.
        record: Record,
    },
    /// A used idempotency key.
    Key {
        /// Who used it.
        owner: String,
        /// The key.
        key: String,
        /// What it was used for.
        record: Record,
    },
    /// A job that must look at its children.
    Nudge {
        /// Which job.
        job: JobId,
    },
    /// An entry of the feed.
    Change {
        /// Its place.
        feed: u64,
        /// The job that changed.
        job: JobId,
        /// Its first new event.
        first_seq: u64,
        /// Its last new event.
        last_seq: u64,
    },
    /// An entry of the audit trail.
    Audit {
        /// Its place.
        seq: u64,
        /// The entry.
        record: Record,
    },
    /// The latest time of any fact.
    Time {
        /// That time, microseconds.
        last: Timestamp,
    },
}
