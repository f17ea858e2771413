//! What reads answer with. Plain data, the same from every engine.

use crate::model::checkpoint::CheckpointStatus;
use crate::model::event::Recorded;
use crate::model::id::{CommitId, JobId};
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// What a journal holds, ready to be folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// A folded job and the version it stands at.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// The events after it, in order.
    pub tail: Vec<Recorded>,
    /// Id of the last commit.
    pub last_commit: CommitId,
}

/// Rows by what they stand at, kept up to date in every commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Jobs now in each status.
    pub jobs: Vec<(Status, u64)>,
    /// Checkpoints now in each status.
    pub checkpoints: Vec<(CheckpointStatus, u64)>,
    /// Jobs in the queue.
    pub queued: u64,
    /// Jobs that an actor must hold.
    pub active: u64,
    /// Jobs that only wait.
    pub parked: u64,
}

/// An entry of the feed of all commits.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place in the feed, from 1, without gaps.
    pub feed: u64,
    /// The job that changed.
    pub job: JobId,
    /// Its first new event.
    pub first_seq: u64,
    /// Its last new event.
    pub last_seq: u64,
}

/// A document: a user, a session, a workflow, a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its id within its kind.
    pub id: String,
    /// Changes so far, from 1.
    pub version: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its content, as JSON bytes.
    pub body: Vec<u8>,
}

/// What became of writing a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentOutcome {
    /// It is on disk, with this version.
    Written(u64),
    /// It has another version.
    Conflict(u64),
}

/// The state of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Which engine.
    pub engine: &'static str,
    /// Where, for people.
    pub location: String,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Bytes free on its disk; none when that is unknown.
    pub free_bytes: Option<u64>,
    /// Commits since it was opened.
    pub commits: u64,
    /// Transactions since it was opened (a group of commits each).
    pub groups: u64,
    /// Mean time of a transaction, microseconds.
    pub group_micros_mean: u64,
    /// Bytes of its file that are held in memory, to read them only once; none when that is
    /// unknown.
    pub cache_bytes: Option<u64>,
    /// Why it takes no writes, if it takes none.
    pub read_only: Option<String>,
}
