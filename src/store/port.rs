//! The store port: every question and every wish, each one transaction. It names no engine.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::model::audit::{AuditEntry, AuditHead, Fact};
use crate::model::event::Recorded;
use crate::model::id::{CheckpointId, JobId};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;
use crate::store::answer::{Change, Counts, Document, DocumentOutcome, Health, Loaded};
use crate::store::audit::{AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange};
use crate::store::backup::{BackupError, BackupOrder, Manifest};
use crate::store::commit::{Commit, CommitOutcome};
use crate::store::error::{ReadError, StoreError};
use crate::store::item::{Item, Record};
use crate::store::query::{CheckpointQuery, JobQuery, Page};

/// The port. Every method is one transaction; none leaks. Object-safe.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes one decision durable. A failed precondition is an outcome and spares the commits
    /// beside it.
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

    /// Makes all of these changes of documents and writes the entry of this fact, or nothing at
    /// all. `at` is the time of the fact; each document brings its own.
    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError>;

    /// How far the audit trail goes, as it was noted with its last entry.
    async fn audit_head(&self) -> Result<AuditHead, StoreError>;

    /// Entries of the audit trail after this place, at most `max`, in order.
    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// A page of the audit trail, newest first.
    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError>;

    /// What the journals have of the commits after this place of the feed, at most `max`, in order.
    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError>;

    /// The records of a journal, each with the place of its last event, in order.
    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError>;

    /// The random id of the store.
    async fn store_id(&self) -> Result<String, StoreError>;

    /// The latest time in the store: no later fact may be dated before it.
    async fn last_time(&self) -> Result<Timestamp, StoreError>;

    /// How it is.
    async fn health(&self) -> Result<Health, StoreError>;

    /// Writes a consistent copy of itself into a file of its own kind while everything goes on:
    /// what was committed before it began is in it, whole. Engines without files refuse.
    async fn backup(&self, order: BackupOrder) -> Result<Manifest, BackupError> {
        let _ = order;
        Err(BackupError::Unsupported(self.health().await?.engine))
    }

    /// Gives every piece of the store as it is at one moment, in order, until nobody takes more.
    async fn export(&self, to: mpsc::Sender<Item>) -> Result<(), StoreError> {
        let _ = to;
        Err(unable("export"))
    }

    /// Takes pieces in, in the order in which `export` gives them: into a store that holds nothing
    /// but earlier pieces of the same export. Nobody else may use the store before the last one.
    async fn import(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let _ = items;
        Err(unable("import"))
    }

    /// Removes each of these jobs with its journal and checkpoints, if it stands at this version
    /// and has ended; says which. The job of the last change stays until another one follows. An
    /// entry of the audit trail names the jobs that went; their own entries stay.
    async fn remove_jobs(
        &self,
        jobs: Vec<(JobId, u64)>,
        at: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        let _ = (jobs, at);
        Err(unable("remove jobs"))
    }

    /// Looks at so many entries of the feed after this place and forgets those about jobs that are
    /// gone, but never the last one. Says up to which place it looked; nothing at the end.
    async fn prune_feed(&self, after: u64, max: usize) -> Result<Option<u64>, StoreError> {
        let _ = (after, max);
        Err(unable("forget changes"))
    }

    /// Answers what was asked, then closes. Later calls are `Unavailable`.
    async fn close(&self) -> Result<(), StoreError>;
}

/// A store that cannot do what is not asked of every store.
fn unable(what: &str) -> StoreError {
    StoreError::Unavailable(format!("this store cannot {what}"))
}
