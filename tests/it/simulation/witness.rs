//! The store as the engine sees it: the real one on the simulated disk, with the time that a disk
//! takes and with rough weather, and nothing at all once the process is dead.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use holdpoint::model::audit::{AuditEntry, AuditHead, Fact};
use holdpoint::model::event::Recorded;
use holdpoint::model::id::{CheckpointId, JobId};
use holdpoint::model::row::{CheckpointRow, JobRow};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    AppendSeal, AuditPage, AuditQuery, Change, ChangeOutcome, CheckpointQuery, Commit,
    CommitOutcome, Counts, Document, DocumentChange, DocumentOutcome, Health, JobQuery, Loaded,
    Page, ReadError, Record, Redb, Store, StoreError,
};

use super::dice::Dice;
use super::world::{World, lock};

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Pass,
    Unavailable,
    DoneUnseen,
    LostUnseen,
    Conflict,
    Panic,
}

pub struct Witness {
    world: Arc<World>,
    inner: Arc<Redb>,
    dice: Mutex<Dice>,
}

impl Witness {
    pub fn over(world: &Arc<World>, inner: Arc<Redb>, life: u64) -> Arc<Self> {
        let dice = Mutex::new(world.dice(("store", life)));
        Arc::new(Self { world: world.clone(), inner, dice })
    }

    /// Now and then a read takes time, and others come first.
    async fn read(&self) -> &Redb {
        let pause = {
            let mut dice = lock(&self.dice);
            if dice.percent(10) { dice.between(1, 20) } else { 0 }
        };
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.world.alive().await;
        &self.inner
    }

    /// Nobody hears the answer of a disk that died in the middle.
    async fn heard<T>(&self, answer: T) -> T {
        if self.inner_is_dead() {
            self.world.die();
        }
        self.world.alive().await;
        answer
    }

    fn inner_is_dead(&self) -> bool {
        self.world.disk().is_dead()
    }

    fn may_conflict(&self, commit: &Commit) -> bool {
        commit.expect_version > 0 && !lock(&self.world.history).was_sent(commit.commit_id)
    }

    fn fate(&self) -> (Fate, Duration, Duration) {
        let mut dice = lock(&self.dice);
        let millis = |dice: &mut Dice| match dice.weighted(&[(50, 0), (40, 1), (10, 2)]) {
            0 => 0,
            1 => dice.between(1, 8),
            _ => dice.between(8, 400),
        };
        let (before, after) = (millis(&mut dice), millis(&mut dice));
        let rough = self.world.rough.load(Ordering::SeqCst);
        let fate = if dice.per_mille(rough) {
            let fates = [
                (4, Fate::Unavailable),
                (3, Fate::DoneUnseen),
                (3, Fate::LostUnseen),
                (2, Fate::Conflict),
                (1, Fate::Panic),
            ];
            dice.weighted(&fates)
        } else {
            Fate::Pass
        };
        (fate, Duration::from_millis(before), Duration::from_millis(after))
    }
}

fn unseen() -> StoreError {
    StoreError::Ambiguous("bad weather".to_owned())
}

#[async_trait]
impl Store for Witness {
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        self.world.alive().await;
        let (fate, before, after) = self.fate();
        tokio::time::sleep(before).await;
        self.world.alive().await;
        match fate {
            Fate::Unavailable => {
                self.world.count("commit unavailable");
                return Err(StoreError::Unavailable("bad weather".to_owned()));
            }
            Fate::LostUnseen => {
                self.world.count("commit lost unseen");
                return Err(unseen());
            }
            // Another writer: of a job that exists, and before this commit was ever tried.
            Fate::Conflict if self.may_conflict(&commit) => {
                self.world.count("commit in conflict");
                return Ok(CommitOutcome::Conflict { version: 0 });
            }
            Fate::Panic => {
                self.world.count("panic in the store's answer");
                std::panic::resume_unwind(Box::new("a scripted panic"))
            }
            Fate::Pass | Fate::DoneUnseen | Fate::Conflict => {}
        }
        let job = commit.job;
        lock(&self.world.history).sent(&commit);
        if commit.snapshot.is_some() {
            self.world.count("snapshot");
        }
        let answer = self.inner.commit(commit).await;
        // What is answered is on disk, whoever hears of it.
        if let Ok(CommitOutcome::Applied { .. } | CommitOutcome::Replayed { .. }) = &answer {
            self.world.catch_up(job).await;
            self.world.check_places_at_times().await;
        }
        let answer = self.heard(answer).await;
        tokio::time::sleep(after).await;
        self.world.alive().await;
        if fate == Fate::DoneUnseen {
            self.world.count("commit done unseen");
            return Err(unseen());
        }
        answer
    }

    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError> {
        let answer = self.read().await.load(job).await;
        self.heard(answer).await
    }

    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let answer = self.read().await.journal(job, after_seq, max).await;
        self.heard(answer).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        let answer = self.read().await.job(job).await;
        self.heard(answer).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError> {
        let answer = self.read().await.jobs(query).await;
        self.heard(answer).await
    }

    async fn checkpoint(&self, id: CheckpointId) -> Result<Option<CheckpointRow>, StoreError> {
        let answer = self.read().await.checkpoint(id).await;
        self.heard(answer).await
    }

    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError> {
        let answer = self.read().await.checkpoints(query).await;
        self.heard(answer).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        let answer = self.read().await.counts().await;
        self.heard(answer).await
    }

    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError> {
        let answer = self.read().await.queue(max).await;
        self.heard(answer).await
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError> {
        let answer = self.read().await.due(now, max).await;
        self.heard(answer).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let answer = self.read().await.next_wake().await;
        self.heard(answer).await
    }

    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError> {
        let answer = self.read().await.active(after, max).await;
        self.heard(answer).await
    }

    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError> {
        let answer = self.read().await.nudged(max).await;
        self.heard(answer).await
    }

    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError> {
        let answer = self.read().await.clear_nudge(job).await;
        self.heard(answer).await
    }

    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let answer = self.read().await.subscribers(event_type, after, max).await;
        self.heard(answer).await
    }

    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        let answer = self.read().await.changes(after, max).await;
        self.heard(answer).await
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        let answer = self.read().await.last_change().await;
        self.heard(answer).await
    }

    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError> {
        let answer = self.read().await.put_document(kind, document, expect_version).await;
        self.heard(answer).await
    }

    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let answer = self.read().await.document(kind, id).await;
        self.heard(answer).await
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let answer = self.read().await.documents(kind, after, max).await;
        self.heard(answer).await
    }

    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        let answer = self.read().await.remove_document(kind, id).await;
        self.heard(answer).await
    }

    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        let answer = self.read().await.change_documents(changes, fact, at).await;
        self.heard(answer).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        let answer = self.read().await.audit_head().await;
        self.heard(answer).await
    }

    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let answer = self.read().await.audit_entries(after, max).await;
        self.heard(answer).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let answer = self.read().await.audit(query).await;
        self.heard(answer).await
    }

    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError> {
        let answer = self.read().await.appends(after, max).await;
        self.heard(answer).await
    }

    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        let answer = self.read().await.journal_records(job).await;
        self.heard(answer).await
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        let answer = self.read().await.store_id().await;
        self.heard(answer).await
    }

    async fn last_time(&self) -> Result<Timestamp, StoreError> {
        let answer = self.read().await.last_time().await;
        self.heard(answer).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.read().await.health().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let answer = self.read().await.close().await;
        self.heard(answer).await
    }
}
