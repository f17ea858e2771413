//! Schema version 2: what changed since version 1. The rules are those of version 1.

use serde::{Deserialize, Serialize};

use crate::store::rec::v1::{self, Author, Bytes, Text};

/// The events of one append to a journal. Each of `events` is an event as JSON; the first has the
/// place `first_seq`. In version 1 every event had a record of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Append<'a> {
    pub first_seq: u64,
    pub at: i64,
    pub by: Author<'a>,
    pub commit_id: u128,
    pub previous_hash: [u8; 32],
    pub events: Vec<Bytes<'a>>,
}

/// A right given at a checkpoint: from whom, to whom, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delegate<'a> {
    pub from: Text<'a>,
    pub to: Text<'a>,
    pub until: Option<i64>,
}

/// The row of a checkpoint: that of version 1 and, since several people may decide, who may and who
/// has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointRow<'a> {
    pub row: v1::CheckpointRow<'a>,
    pub quorum: u32,
    pub voters: Vec<Text<'a>>,
    pub excluded: Vec<Text<'a>>,
    pub delegates: Vec<Delegate<'a>>,
    pub claim: Option<(Text<'a>, i64)>,
    pub escalates_at: Option<i64>,
}
