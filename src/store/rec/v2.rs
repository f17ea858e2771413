//! Schema version 2: what changed since version 1. The rules are those of version 1.

use serde::{Deserialize, Serialize};

use crate::store::rec::v1::{Author, Bytes};

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
