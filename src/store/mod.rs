//! Floor 2: the store port and its engines. A store stores; it never thinks: ids, times, rows and wakes arrive
//! computed, and one commit is one transaction over all of them.

use async_trait::async_trait;

use std::sync::Arc;

use crate::model::checkpoint::CheckpointStatus;
use crate::model::event::{Event, Recorded};
use crate::model::id::{CheckpointId, CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::status::{Phase, Status};
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
    /// What happened, in order. Never empty.
    pub events: Vec<Arc<Event>>,
    /// The job's row after it. It carries the new version, fence and place: queue and wake follow from it.
    pub row: JobRow,
    /// Checkpoint rows that it opened or changed.
    pub checkpoints: Vec<CheckpointRow>,
    /// Every event type that the job now listens to (`*`: any). Replaces the earlier set.
    pub subscriptions: Vec<String>,
    /// The folded job after this commit, when it is time for a snapshot.
    pub snapshot: Option<Vec<u8>>,
    /// A job that must look at its children after this commit. Every commit of a job clears its own nudge.
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

/// The world failed. An error is never to be read as absence.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot answer now (disk full, I/O error, shutting down). Nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It is unknown whether the commit is on disk: look its id up.
    #[error("the outcome of the commit is unknown: {0}")]
    Ambiguous(String),
    /// A record does not have the form or the checksum that it was written with.
    #[error("damaged record in {table}, key {key}: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key, readable.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

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

/// A page of something.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins; opaque.
    pub next_cursor: Option<String>,
}

/// Which jobs, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobQuery {
    /// Any of these; empty for all.
    pub statuses: Vec<Status>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// Of this workflow.
    pub job_type: Option<String>,
    /// Of this owner.
    pub owner: Option<String>,
    /// Assigned to this agent.
    pub agent: Option<String>,
    /// With all of these labels.
    pub labels: Vec<(String, String)>,
    /// With this text in name or description, whatever the case.
    pub text: Option<String>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_to: Option<Timestamp>,
    /// Waiting for a person.
    pub waiting_for_person: bool,
    /// In which order.
    pub sort: JobSort,
    /// Rows on the page.
    pub limit: u32,
    /// Rows to skip; ignored with a cursor.
    pub offset: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// The order of a list of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobSort {
    /// Newest first.
    #[default]
    CreatedDescending,
    /// Oldest first.
    CreatedAscending,
    /// Last changed first.
    UpdatedDescending,
    /// Most urgent first.
    PriorityDescending,
}

/// Which checkpoints, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointQuery {
    /// Any of these; empty for all.
    pub statuses: Vec<CheckpointStatus>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Of jobs of this owner.
    pub owner: Option<String>,
    /// That this role or user may decide.
    pub assignee: Option<String>,
    /// In which order.
    pub sort: CheckpointSort,
    /// Rows on the page.
    pub limit: u32,
    /// Rows to skip; ignored with a cursor.
    pub offset: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// The order of a list of checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointSort {
    /// Oldest first.
    #[default]
    Age,
    /// The next to expire first.
    Expiry,
}

/// A query that cannot be answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor {0:?} is not one of this list")]
pub struct BadCursor(pub String);

/// Why a read failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The query is wrong.
    #[error(transparent)]
    Cursor(#[from] BadCursor),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// Why it takes no writes, if it takes none.
    pub read_only: Option<String>,
}

/// The port. Every method is one transaction; none leaks. Object-safe.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes one decision durable. A failed precondition is an outcome and spares the commits beside it.
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError>;

    /// The journal of a job from its last snapshot on; nothing when there is no such job.
    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError>;

    /// Events of a journal after `after_seq`, at most `max`, in order.
    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// The row of a job.
    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError>;

    /// A page of jobs.
    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError>;

    /// The row of a checkpoint.
    async fn checkpoint(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<Option<CheckpointRow>, StoreError>;

    /// A page of checkpoints.
    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError>;

    /// What stands where.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// The head of the queue: (queue key, job), smallest key first.
    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError>;

    /// Jobs whose wake is at or before `now`, earliest first.
    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError>;

    /// The earliest wake of all.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Jobs that an actor must hold, in order of id, after this one.
    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError>;

    /// Jobs that were nudged and have not committed since.
    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError>;

    /// Clears a nudge that had nothing to say.
    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError>;

    /// Jobs that listen to this event type (or to any), in order of id, after this one.
    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError>;

    /// The feed after this place, at most `max`.
    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError>;

    /// The end of the feed.
    async fn last_change(&self) -> Result<u64, StoreError>;

    /// Writes a document. `expect_version` 0: it must not exist; `None`: whatever is there.
    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError>;

    /// A document.
    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Documents of a kind in order of id, after this one.
    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError>;

    /// Removes a document. Says whether it was there.
    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError>;

    /// The latest time in the store: no later fact may be dated before it.
    async fn last_time(&self) -> Result<Timestamp, StoreError>;

    /// How it is.
    async fn health(&self) -> Result<Health, StoreError>;

    /// Answers what was asked, then closes. Later calls are `Unavailable`.
    async fn close(&self) -> Result<(), StoreError>;
}
