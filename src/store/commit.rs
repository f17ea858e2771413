//! One decision as a store takes it, and what became of it. Data only: nothing here decides or
//! writes.

use std::sync::Arc;

use crate::model::audit::Origin;
use crate::model::event::Event;
use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;

/// One decision to be made durable: all of it or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The job whose journal grows.
    pub job: JobId,
    /// The version (events so far) that the decision was made on; 0 creates the job.
    pub expect_version: u64,
    /// The fence that the decision was made under.
    pub fence: u64,
    /// Names this commit, so that an unseen outcome can be looked up.
    pub commit_id: CommitId,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// From where; none for what Holdpoint does by itself.
    pub origin: Option<Origin>,
    /// What happened, in order. Never empty.
    pub events: Vec<Arc<Event>>,
    /// The job's row after it. It carries the new version, fence and place: queue and wake follow
    /// from it.
    pub row: Arc<JobRow>,
    /// Checkpoint rows that it opened or changed.
    pub checkpoints: Vec<CheckpointRow>,
    /// Every event type that the job now listens to (`*`: any). Replaces the earlier set.
    pub subscriptions: Vec<String>,
    /// The folded job after this commit, when it is time for a snapshot.
    pub snapshot: Option<Vec<u8>>,
    /// A job that must look at its children after this commit. Every commit of a job clears its
    /// own nudge.
    pub nudge: Option<JobId>,
    /// The idempotency key that this creation uses up.
    pub key: Option<IdempotencyKey>,
}

/// A client's key for one creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Who used it: keys of different owners never meet.
    pub owner: String,
    /// The key.
    pub key: String,
    /// Digest of the request that it came with.
    pub digest: ContentHash,
    /// Keys older than this are forgotten.
    pub forget_before: Timestamp,
}

/// What became of a commit. Data, not an error.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitOutcome {
    /// It is on disk.
    Applied {
        /// The version of the job now.
        version: u64,
        /// Its place in the feed of all commits.
        feed: u64,
    },
    /// The very same commit is on disk already.
    Replayed {
        /// The version of the job after that commit.
        version: u64,
    },
    /// The journal has another version.
    Conflict {
        /// The version of the journal; 0 when there is none.
        version: u64,
    },
    /// The job has another owner now.
    Fenced {
        /// The fence of the job.
        fence: u64,
    },
    /// The idempotency key was used for this job.
    Duplicate {
        /// The job that it created.
        job: JobId,
        /// Was the request the same?
        same_request: bool,
    },
}
