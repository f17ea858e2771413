//! The store of an engine that is to be killed: it passes everything on, until the process dies at
//! a commit. From then on nobody gets an answer.

use std::sync::Arc;

use async_trait::async_trait;

use crate::app::drill::world::World;
use crate::model::audit::{AuditEntry, AuditHead, Fact};
use crate::model::event::Recorded;
use crate::model::id::{CheckpointId, JobId};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;
use crate::store::{
    AppendSeal, AuditPage, AuditQuery, Change, ChangeOutcome, CheckpointQuery, Commit,
    CommitOutcome, Counts, Document, DocumentChange, DocumentOutcome, Health, JobQuery, Loaded,
    Page, ReadError, Record, Store, StoreError,
};

/// A store with a world that watches it.
pub(super) struct Witness {
    world: Arc<World>,
    inner: Arc<dyn Store>,
}

impl Witness {
    /// Watched by this world.
    pub fn over(world: Arc<World>, inner: Arc<dyn Store>) -> Self {
        Self { world, inner }
    }

    async fn inner(&self) -> &dyn Store {
        self.world.alive().await;
        &*self.inner
    }
}

#[async_trait]
impl Store for Witness {
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        self.world.alive().await;
        self.world.before_commit().await;
        let outcome = self.inner.commit(commit.clone()).await;
        if let Ok(CommitOutcome::Applied { .. }) = &outcome {
            self.world.after_commit(&commit).await;
        }
        outcome
    }

    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError> {
        self.inner().await.load(job).await
    }

    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.inner().await.journal(job, after_seq, max).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        self.inner().await.job(job).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError> {
        self.inner().await.jobs(query).await
    }

    async fn checkpoint(&self, id: CheckpointId) -> Result<Option<CheckpointRow>, StoreError> {
        self.inner().await.checkpoint(id).await
    }

    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError> {
        self.inner().await.checkpoints(query).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.inner().await.counts().await
    }

    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError> {
        self.inner().await.queue(max).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError> {
        self.inner().await.due(now, max).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner().await.next_wake().await
    }

    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.inner().await.active(after, max).await
    }

    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.inner().await.nudged(max).await
    }

    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError> {
        self.inner().await.clear_nudge(job).await
    }

    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.inner().await.subscribers(event_type, after, max).await
    }

    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        self.inner().await.changes(after, max).await
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        self.inner().await.last_change().await
    }

    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError> {
        self.inner().await.put_document(kind, document, expect_version).await
    }

    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.inner().await.document(kind, id).await
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.inner().await.documents(kind, after, max).await
    }

    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        self.inner().await.remove_document(kind, id).await
    }

    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        self.inner().await.change_documents(changes, fact, at).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.inner().await.audit_head().await
    }

    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner().await.audit_entries(after, max).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        self.inner().await.audit(query).await
    }

    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError> {
        self.inner().await.appends(after, max).await
    }

    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        self.inner().await.journal_records(job).await
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        self.inner().await.store_id().await
    }

    async fn last_time(&self) -> Result<Timestamp, StoreError> {
        self.inner().await.last_time().await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.inner().await.health().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner().await.close().await
    }
}
