//! A store with weather: it passes everything on, unless it is told to fail.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use holdpoint::model::audit::{AuditEntry, AuditHead, Fact};
use holdpoint::model::event::Recorded;
use holdpoint::model::id::{CheckpointId, JobId};
use holdpoint::model::row::{CheckpointRow, JobRow};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    AppendSeal, AuditPage, AuditQuery, Change, ChangeOutcome, CheckpointQuery, Commit,
    CommitOutcome, Counts, Document, DocumentChange, DocumentOutcome, Health, Item, JobQuery,
    Loaded, Memory, Page, ReadError, Record, Store, StoreError,
};
use tokio::sync::mpsc;

/// What becomes of a commit.
pub enum Fate {
    Pass,
    Unavailable,
    /// It is done, and nobody is told.
    DoneUnseen,
    /// It is not done, and nobody is told.
    LostUnseen,
    /// It is done, nobody is told, and so many questions after it are not answered either.
    DoneThenDown(u32),
    /// It is not done, nobody is told, and so many questions after it are not answered either.
    LostThenDown(u32),
    /// It is not done, and said to be.
    Pretended,
    /// It is done after others had their turns, and told after others had theirs.
    Slow,
    Conflict,
    Panic,
}

type Plan = Box<dyn FnMut(&Commit) -> Fate + Send>;
type Broken = Box<dyn Fn(JobId) -> bool + Send>;

pub struct Weather {
    inner: Arc<dyn Store>,
    plan: Mutex<Plan>,
    broken: Mutex<Broken>,
    down: AtomicBool,
    /// Questions that are not answered any more.
    unanswered: AtomicU32,
    /// Reads of the queue that still panic.
    queue_panics: AtomicU32,
}

impl Weather {
    pub fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        let plan: Plan = Box::new(|_| Fate::Pass);
        let broken: Broken = Box::new(|_| false);
        let (plan, broken) = (Mutex::new(plan), Mutex::new(broken));
        let down = AtomicBool::new(false);
        let (unanswered, queue_panics) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { inner, plan, broken, down, unanswered, queue_panics })
    }

    pub fn new() -> Arc<Self> {
        Self::over(Arc::new(Memory::new()))
    }

    /// The same data after the process that used this one has died: whatever that still tries,
    /// fails.
    pub fn crash(&self) -> Arc<Self> {
        self.set_down(true);
        Self::over(self.inner.clone())
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn plan(&self, plan: impl FnMut(&Commit) -> Fate + Send + 'static) {
        *self.plan.lock().unwrap_or_else(|e| e.into_inner()) = Box::new(plan);
    }

    pub fn panic_at_the_queue(&self, times: u32) {
        self.queue_panics.store(times, Ordering::SeqCst);
    }

    pub fn panics_left(&self) -> u32 {
        self.queue_panics.load(Ordering::SeqCst)
    }

    /// Journals of these jobs cannot be read.
    pub fn corrupt(&self, broken: impl Fn(JobId) -> bool + Send + 'static) {
        *self.broken.lock().unwrap() = Box::new(broken);
    }

    fn up(&self) -> Result<&dyn Store, StoreError> {
        let left = &self.unanswered;
        let one_less = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match self.down.load(Ordering::SeqCst) || one_less.is_ok() {
            true => Err(StoreError::Unavailable("bad weather".to_owned())),
            false => Ok(&*self.inner),
        }
    }

    fn readable(&self, job: JobId) -> Result<&dyn Store, StoreError> {
        match (self.broken.lock().unwrap())(job) {
            true => Err(StoreError::Corrupt {
                table: "journal",
                key: job.to_string(),
                reason: "scripted".to_owned(),
            }),
            false => self.up(),
        }
    }
}

async fn turns_of_others() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Store for Weather {
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        let store = self.up()?;
        let fate = (self.plan.lock().unwrap_or_else(|e| e.into_inner()))(&commit);
        let unseen = || Err(StoreError::Ambiguous("bad weather".to_owned()));
        match fate {
            Fate::Pass => store.commit(commit).await,
            Fate::Unavailable => Err(StoreError::Unavailable("bad weather".to_owned())),
            Fate::DoneUnseen => {
                store.commit(commit).await?;
                unseen()
            }
            Fate::LostUnseen => unseen(),
            Fate::Pretended => Ok(CommitOutcome::Applied { version: commit.row.version, feed: 0 }),
            Fate::DoneThenDown(questions) => {
                store.commit(commit).await?;
                self.unanswered.store(questions, Ordering::SeqCst);
                unseen()
            }
            Fate::LostThenDown(questions) => {
                self.unanswered.store(questions, Ordering::SeqCst);
                unseen()
            }
            Fate::Slow => {
                turns_of_others().await;
                let outcome = store.commit(commit).await;
                turns_of_others().await;
                outcome
            }
            Fate::Conflict => Ok(CommitOutcome::Conflict { version: 0 }),
            Fate::Panic => panic!("a scripted panic"),
        }
    }

    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError> {
        self.readable(job)?.load(job).await
    }

    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.readable(job)?.journal(job, after_seq, max).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        self.up()?.job(job).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError> {
        self.up()?.jobs(query).await
    }

    async fn checkpoint(&self, id: CheckpointId) -> Result<Option<CheckpointRow>, StoreError> {
        self.up()?.checkpoint(id).await
    }

    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError> {
        self.up()?.checkpoints(query).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.up()?.counts().await
    }

    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError> {
        let left = &self.queue_panics;
        let one_less = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(one_less.is_err(), "a scripted panic");
        self.up()?.queue(max).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError> {
        self.up()?.due(now, max).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.up()?.next_wake().await
    }

    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.up()?.active(after, max).await
    }

    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.up()?.nudged(max).await
    }

    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError> {
        self.up()?.clear_nudge(job).await
    }

    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.up()?.subscribers(event_type, after, max).await
    }

    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        self.up()?.changes(after, max).await
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        self.up()?.last_change().await
    }

    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError> {
        self.up()?.put_document(kind, document, expect_version).await
    }

    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.up()?.document(kind, id).await
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.up()?.documents(kind, after, max).await
    }

    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        self.up()?.remove_document(kind, id).await
    }

    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        self.up()?.change_documents(changes, fact, at).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.up()?.audit_head().await
    }

    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.up()?.audit_entries(after, max).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        self.up()?.audit(query).await
    }

    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError> {
        self.up()?.appends(after, max).await
    }

    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        self.up()?.journal_records(job).await
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        self.up()?.store_id().await
    }

    async fn last_time(&self) -> Result<Timestamp, StoreError> {
        self.up()?.last_time().await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.up()?.health().await
    }

    async fn export(&self, to: mpsc::Sender<Item>) -> Result<(), StoreError> {
        self.up()?.export(to).await
    }

    /// Closed for the engine that used it; the data stays for the next one.
    async fn close(&self) -> Result<(), StoreError> {
        self.set_down(true);
        Ok(())
    }
}
