//! The in-memory engine: the specification in as few lines as possible. It keeps nothing twice
//! and no index, so that no answer can be stale; it is for tests, never for many jobs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::model::audit::{AuditEntry, AuditHead, Fact};
use crate::model::checkpoint::CheckpointStatus;
use crate::model::event::Recorded;
use crate::model::id::{CheckpointId, CommitId, ContentHash, JobId};
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::answer::{Change, Counts, Document, DocumentOutcome, Health, Loaded};
use crate::store::audit::{
    AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange, Told, link_commit,
};
use crate::store::chain;
use crate::store::codec::{self, BadRecord};
use crate::store::commit::{Commit, CommitOutcome};
use crate::store::error::{ReadError, StoreError};
use crate::store::item::{Item, Record};
use crate::store::page::{self, JobFilter, SortKey, Window};
use crate::store::port::Store;
use crate::store::precondition::{self, Standing, UsedKey};
use crate::store::query::{CheckpointQuery, JobQuery, Page};
use crate::store::rec::Append;

/// A store that is gone with its process.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) jobs: BTreeMap<JobId, Held>,
    pub(super) checkpoints: BTreeMap<CheckpointId, CheckpointRow>,
    pub(super) nudges: BTreeSet<JobId>,
    pub(super) feed: Vec<Change>,
    pub(super) keys: BTreeMap<(String, String), UsedKey>,
    pub(super) documents: BTreeMap<(String, String), Document>,
    /// Records of the audit trail.
    pub(super) audit: Vec<Vec<u8>>,
    pub(super) head: AuditHead,
    pub(super) last_time: Timestamp,
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) row: Arc<JobRow>,
    pub(super) journal: Vec<Recorded>,
    pub(super) snapshot: Option<(u64, Vec<u8>)>,
    pub(super) subscriptions: Vec<String>,
    pub(super) last_commit: CommitId,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        // Every change below is complete before anything can panic, so a poisoned lock guards
        // whole state.
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(StoreError::Unavailable("it is closed".to_owned()));
        }
        Ok(state)
    }
}

impl State {
    fn commit(&mut self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        precondition::check_form(&commit)?;
        let held = self.jobs.get(&commit.job);
        let standing = held.map(|held| Standing {
            version: held.row.version,
            fence: held.row.fence,
            replayed: precondition::replayed_version(
                &commit,
                held.journal.iter().skip(commit.expect_version as usize).map(|e| e.commit_id),
            ),
        });
        let key = commit.key.as_ref().map(|key| (key.owner.clone(), key.key.clone()));
        let used = key.as_ref().and_then(|key| self.keys.get(key)).copied();
        if let Some(outcome) = precondition::refuse(&commit, standing, used) {
            return Ok(outcome);
        }
        let head = held.and_then(|held| held.journal.last()).map(|event| event.hash);
        let events = record(&commit, head).map_err(|bad| bad.at(codec::APPEND, commit.job))?;
        let told = Told::of(commit.events.iter().map(|event| &**event), &commit.checkpoints);
        let (feed, append) = (self.last_change() + 1, events.last().map(|e| e.hash));
        let entry = link_commit(self.head, &commit, &told, feed, append.unwrap_or_default())?;
        self.write_entry(entry);
        if let (Some(name), Some(key)) = (key, &commit.key) {
            self.keys.retain(|_, used| used.used_at >= key.forget_before);
            let used = UsedKey { job: commit.job, digest: key.digest, used_at: commit.at };
            self.keys.insert(name, used);
        }
        self.nudges.remove(&commit.job);
        self.nudges.extend(commit.nudge);
        self.last_time = self.last_time.max(commit.at);
        self.checkpoints.extend(commit.checkpoints.into_iter().map(|row| (row.id, row)));
        let version = commit.row.version;
        let first_seq = commit.expect_version + 1;
        self.feed.push(Change { feed, job: commit.job, first_seq, last_seq: version });
        let earlier = self.jobs.remove(&commit.job);
        let (mut journal, snapshot) =
            earlier.map(|held| (held.journal, held.snapshot)).unwrap_or_default();
        journal.extend(events);
        let held = Held {
            journal,
            snapshot: commit.snapshot.map(|body| (version, body)).or(snapshot),
            row: commit.row,
            subscriptions: commit.subscriptions,
            last_commit: commit.commit_id,
        };
        self.jobs.insert(commit.job, held);
        Ok(CommitOutcome::Applied { version, feed })
    }

    fn last_change(&self) -> u64 {
        self.feed.last().map_or(0, |change| change.feed)
    }

    fn places<T>(&self, pick: impl Fn(&JobRow) -> Option<T>) -> impl Iterator<Item = (T, JobId)> {
        self.jobs.values().filter_map(move |held| Some((pick(&held.row)?, held.row.id)))
    }

    fn counts(&self) -> Counts {
        let job = |status: &Status| {
            let of_status = self.jobs.values().filter(|held| held.row.status == *status);
            (*status, of_status.count() as u64)
        };
        let checkpoint = |status: &CheckpointStatus| {
            let of_status = self.checkpoints.values().filter(|row| row.status == *status);
            (*status, of_status.count() as u64)
        };
        let place = |wanted: fn(&Place) -> bool| {
            self.jobs.values().filter(|held| wanted(&held.row.place)).count() as u64
        };
        Counts {
            jobs: Status::ALL.iter().map(job).collect(),
            checkpoints: CheckpointStatus::ALL.iter().map(checkpoint).collect(),
            queued: place(|place| matches!(place, Place::Queue(_))),
            active: place(|place| matches!(place, Place::Active)),
            parked: place(|place| matches!(place, Place::Parked(_))),
        }
    }

    pub(super) fn put(
        &mut self,
        kind: &str,
        mut document: Document,
        expect: Option<u64>,
    ) -> DocumentOutcome {
        let name = (kind.to_owned(), document.id.clone());
        let version = self.documents.get(&name).map_or(0, |held| held.version);
        if expect.is_some_and(|expected| expected != version) {
            return DocumentOutcome::Conflict(version);
        }
        document.version = version + 1;
        self.last_time = self.last_time.max(document.updated_at);
        self.documents.insert(name, document);
        DocumentOutcome::Written(version + 1)
    }
}

/// The events of a commit as the journal holds them. They go through their records, as on disk.
fn record(commit: &Commit, head: Option<ContentHash>) -> Result<Vec<Recorded>, BadRecord> {
    let events: Result<Vec<_>, BadRecord> =
        commit.events.iter().map(|event| chain::event_json(event)).collect();
    let append = Append {
        first_seq: commit.expect_version + 1,
        previous_hash: head.unwrap_or_else(|| chain::genesis(commit.job)),
        at: commit.at,
        by: Cow::Borrowed(&commit.by),
        commit_id: commit.commit_id,
        events: events?.into(),
    };
    let mut recorded = Vec::with_capacity(append.events.len());
    for (last_seq, record) in chain::link(&append)?.0 {
        recorded.extend(chain::read(last_seq, &record)?.events);
    }
    Ok(recorded)
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>, max: usize) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.truncate(max);
    items
}

/// The page of these rows, by their keys.
fn cut<R: Clone, O: page::Order>(order: O, window: Window, rows: BTreeMap<SortKey, &R>) -> Page<R> {
    let total = rows.len() as u64;
    let (keys, next_cursor) = window.cut(order, rows.keys().copied().collect());
    let rows = keys.iter().filter_map(|key| rows.get(key).map(|row| (*row).clone())).collect();
    Page { rows, total, next_cursor }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        self.open()?.commit(commit)
    }

    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError> {
        Ok(self.open()?.jobs.get(&job).map(|held| {
            let from = held.snapshot.as_ref().map_or(0, |(version, _)| *version as usize);
            Loaded {
                snapshot: held.snapshot.clone(),
                tail: held.journal.iter().skip(from).cloned().collect(),
                last_commit: held.last_commit,
            }
        }))
    }

    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let state = self.open()?;
        let journal = state.jobs.get(&job).into_iter().flat_map(|held| &held.journal);
        Ok(journal.filter(|event| event.seq > after_seq).take(max).cloned().collect())
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        Ok(self.open()?.jobs.get(&job).map(|held| (*held.row).clone()))
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError> {
        let window = Window::new(query.sort, query.limit, query.offset, query.cursor.as_deref())?;
        let (state, filter) = (self.open()?, JobFilter::new(query));
        let rows = state.jobs.values().map(|held| &*held.row).filter(|row| filter.matches(row));
        let rows = rows.map(|row| (page::job_key(query.sort, row), row)).collect();
        Ok(cut(query.sort, window, rows))
    }

    async fn checkpoint(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<Option<CheckpointRow>, StoreError> {
        Ok(self.open()?.checkpoints.get(&checkpoint).cloned())
    }

    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError> {
        let window = Window::new(query.sort, query.limit, query.offset, query.cursor.as_deref())?;
        let state = self.open()?;
        let rows = state.checkpoints.values().filter(|row| page::checkpoint_matches(query, row));
        let rows = rows.map(|row| (page::checkpoint_key(query.sort, row), row)).collect();
        Ok(cut(query.sort, window, rows))
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.open()?.counts())
    }

    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError> {
        let state = self.open()?;
        Ok(sorted(
            state.places(|row| if let Place::Queue(key) = row.place { Some(key) } else { None }),
            max,
        ))
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError> {
        let state = self.open()?;
        let due = |row: &JobRow| wake(row).filter(|at| *at <= now);
        Ok(sorted(state.places(due), max))
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.open()?.places(wake).map(|(at, _)| at).min())
    }

    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError> {
        let state = self.open()?;
        let active = state.places(|row| (row.place == Place::Active).then_some(()));
        Ok(active.map(|(_, job)| job).filter(|job| Some(*job) > after).take(max).collect())
    }

    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError> {
        Ok(self.open()?.nudges.iter().take(max).copied().collect())
    }

    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError> {
        self.open()?.nudges.remove(&job);
        Ok(())
    }

    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        let state = self.open()?;
        let listens = |row: &&Held| row.subscriptions.iter().any(|t| t == event_type || t == "*");
        let jobs = state.jobs.values().filter(listens).map(|held| held.row.id);
        Ok(jobs.filter(|job| Some(*job) > after).take(max).collect())
    }

    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        let state = self.open()?;
        Ok(state.feed.iter().filter(|change| change.feed > after).take(max).cloned().collect())
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        Ok(self.open()?.last_change())
    }

    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError> {
        Ok(self.open()?.put(kind, document, expect_version))
    }

    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.open()?.documents.get(&(kind.to_owned(), id.to_owned())).cloned())
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let state = self.open()?;
        let of_kind =
            state.documents.iter().filter(|((of, id), _)| of == kind && Some(id.as_str()) > after);
        Ok(of_kind.map(|(_, document)| document.clone()).take(max).collect())
    }

    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        Ok(self.open()?.documents.remove(&(kind.to_owned(), id.to_owned())).is_some())
    }

    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        self.open()?.change(changes, fact, at)
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        Ok(self.open()?.head)
    }

    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.open()?.entries(after, max)
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        self.open()?.audit_page(query)
    }

    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError> {
        Ok(self.open()?.appends(after, max))
    }

    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        self.open()?.journal_records(job)
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        Ok("memory".to_owned())
    }

    async fn last_time(&self) -> Result<Timestamp, StoreError> {
        Ok(self.open()?.last_time)
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let commits = self.open()?.feed.len() as u64;
        Ok(Health {
            engine: "memory",
            location: "memory".to_owned(),
            bytes: 0,
            free_bytes: None,
            commits,
            groups: commits,
            group_micros_mean: 0,
            cache_bytes: None,
            read_only: None,
        })
    }

    async fn export(&self, to: mpsc::Sender<Item>) -> Result<(), StoreError> {
        let items = self.open()?.items()?;
        for item in items {
            if to.send(item).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn import(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut state = self.open()?;
        items.into_iter().try_for_each(|item| state.import(item))
    }

    async fn remove_jobs(
        &self,
        jobs: Vec<(JobId, u64)>,
        at: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        self.open()?.remove_jobs(&jobs, at)
    }

    async fn prune_feed(&self, after: u64, max: usize) -> Result<Option<u64>, StoreError> {
        Ok(self.open()?.prune_feed(after, max))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.open()?.closed = true;
        Ok(())
    }
}

fn wake(row: &JobRow) -> Option<Timestamp> {
    if let Place::Parked(at) = row.place { at } else { None }
}
