//! What was acknowledged, kept beside the store, and what the store must therefore say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use holdpoint::machine::evolve;
use holdpoint::model::event::{Event, Recorded};
use holdpoint::model::id::{CheckpointId, CommitId, JobId};
use holdpoint::model::job::Job;
use holdpoint::model::principal::Principal;
use holdpoint::model::row::{CheckpointRow, JobRow};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Change, Commit, Document, IdempotencyKey, Loaded, Redb, Store, StoreError};

/// The kind of every document here.
pub const KIND: &str = "setting";
/// More than there is of anything.
const ALL: usize = 100_000;

/// A commit, and the job that it leads to.
#[derive(Clone, Debug)]
pub struct Draft {
    pub commit: Commit,
    pub job: Job,
}

/// What somebody wants written.
#[derive(Clone, Debug)]
pub enum Wish {
    Commit(Box<Draft>),
    /// A document; its version is the one that must be there.
    Put(Document),
    Remove(String),
    ClearNudge(JobId),
}

impl Wish {
    pub fn commit(commit: Commit, job: Job) -> Self {
        Wish::Commit(Box::new(Draft { commit, job }))
    }

    /// What it concerns.
    pub fn subject(&self) -> String {
        match self {
            Wish::Commit(draft) => draft.commit.job.to_string(),
            Wish::Put(document) => document.id.clone(),
            Wish::Remove(id) => id.clone(),
            Wish::ClearNudge(job) => format!("nudge {job}"),
        }
    }
}

/// An event without its hash: that is the store's own.
type Entry = (u64, Timestamp, Principal, CommitId, Arc<Event>);

fn entry(recorded: Recorded) -> Entry {
    (recorded.seq, recorded.at, recorded.by, recorded.commit_id, recorded.event)
}

/// A job as it was acknowledged.
#[derive(Clone, Debug)]
pub struct Known {
    pub job: Job,
    pub row: JobRow,
    journal: Vec<Entry>,
    checkpoints: BTreeMap<CheckpointId, CheckpointRow>,
}

/// Everything that was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub jobs: BTreeMap<JobId, Known>,
    pub documents: BTreeMap<String, Document>,
    pub nudged: BTreeSet<JobId>,
    pub keys: Vec<(IdempotencyKey, JobId, Timestamp)>,
    feed: Vec<Change>,
}

/// What reading everything back gave.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Answers that are not what was acknowledged.
    pub wrong: Vec<String>,
    /// Reads that gave an error instead of an answer.
    pub failed: Vec<String>,
}

impl Inspection {
    fn see<T: PartialEq + Debug>(
        &mut self,
        what: impl FnOnce() -> String,
        found: Result<T, StoreError>,
        wanted: &T,
    ) {
        match found {
            Ok(found) if found == *wanted => {}
            Ok(found) => {
                self.wrong.push(format!("{}:\nfound  {found:?}\nwanted {wanted:?}", what()));
            }
            Err(error) => self.failed.push(format!("{}: {error}", what())),
        }
    }
}

impl Ledger {
    /// The place in the feed that the next commit takes.
    pub fn next_feed(&self) -> u64 {
        self.feed.len() as u64 + 1
    }

    /// It was acknowledged.
    pub fn take(&mut self, wish: &Wish) {
        match wish {
            Wish::Commit(draft) => self.take_commit(draft),
            Wish::Put(document) => {
                let next = Document { version: document.version + 1, ..document.clone() };
                self.documents.insert(next.id.clone(), next);
            }
            Wish::Remove(id) => drop(self.documents.remove(id)),
            Wish::ClearNudge(job) => drop(self.nudged.remove(job)),
        }
    }

    fn take_commit(&mut self, draft: &Draft) {
        let Draft { commit, job } = draft;
        let known = self.jobs.remove(&job.id);
        let (mut journal, mut checkpoints) =
            known.map_or_else(Default::default, |known| (known.journal, known.checkpoints));
        let first_seq = commit.expect_version + 1;
        for (seq, event) in (first_seq..).zip(&commit.events) {
            journal.push((seq, commit.at, commit.by.clone(), commit.commit_id, event.clone()));
        }
        checkpoints.extend(commit.checkpoints.iter().map(|row| (row.id, row.clone())));
        let row = (*commit.row).clone();
        self.jobs.insert(job.id, Known { job: job.clone(), row, journal, checkpoints });
        self.nudged.remove(&job.id);
        self.nudged.extend(commit.nudge);
        if let Some(key) = &commit.key {
            self.keys.push((key.clone(), job.id, commit.at));
        }
        let last_seq = commit.row.version;
        let feed = self.next_feed();
        self.feed.push(Change { feed, job: job.id, first_seq, last_seq });
    }

    /// Whether a store has what nobody saw acknowledged; none where it does not show.
    pub async fn is_there(&self, store: &Redb, wish: &Wish) -> Result<Option<bool>, String> {
        let failed = |error: StoreError| format!("{error} when looking for {wish:?}");
        Ok(match wish {
            Wish::Commit(draft) => {
                let row = store.job(draft.commit.job).await.map_err(failed)?;
                Some(row.map_or(0, |row| row.version) >= draft.commit.row.version)
            }
            Wish::Put(document) => {
                let held = store.document(KIND, &document.id).await.map_err(failed)?;
                Some(held.map_or(0, |held| held.version) > document.version)
            }
            Wish::Remove(id) => Some(store.document(KIND, id).await.map_err(failed)?.is_none()),
            Wish::ClearNudge(job) => {
                let nudged = store.nudged(ALL).await.map_err(failed)?;
                Some(!nudged.contains(job))
            }
        })
    }

    /// Reads everything and compares it.
    pub async fn inspect(&self, store: &Redb) -> Inspection {
        let mut seen = Inspection::default();
        for (id, known) in &self.jobs {
            let journal = store.journal(*id, 0, ALL).await;
            let journal = journal.map(|journal| journal.into_iter().map(entry).collect::<Vec<_>>());
            seen.see(|| format!("the journal of {id}"), journal, &known.journal);
        }
        self.inspect_folded(store, &mut seen).await;
        seen
    }

    /// Compares everything, journals by what they fold to.
    async fn inspect_folded(&self, store: &Redb, seen: &mut Inspection) {
        for (id, known) in &self.jobs {
            self.inspect_job(store, *id, known, seen).await;
        }
        let feed = store.changes(0, ALL).await;
        seen.see(|| "the feed".to_owned(), feed, &self.feed);
        let last = store.last_change().await;
        seen.see(|| "the end of the feed".to_owned(), last, &(self.feed.len() as u64));
        let documents = store.documents(KIND, None, ALL).await;
        let wanted: Vec<Document> = self.documents.values().cloned().collect();
        seen.see(|| "the documents".to_owned(), documents, &wanted);
        let nudged: Vec<JobId> = self.nudged.iter().copied().collect();
        seen.see(|| "the nudges".to_owned(), store.nudged(ALL).await, &nudged);
        let total = store.counts().await;
        let total = total.map(|counts| counts.jobs.iter().map(|(_, number)| number).sum());
        seen.see(|| "the number of jobs".to_owned(), total, &(self.jobs.len() as u64));
    }

    async fn inspect_job(&self, store: &Redb, id: JobId, known: &Known, seen: &mut Inspection) {
        let folded = store.load(id).await.and_then(|loaded| fold(id, loaded));
        seen.see(|| format!("the fold of {id}"), folded, &Some(known.job.clone()));
        let row = store.job(id).await;
        seen.see(|| format!("the row of {id}"), row, &Some(known.row.clone()));
        for (checkpoint, wanted) in &known.checkpoints {
            let row = store.checkpoint(*checkpoint).await;
            seen.see(|| format!("checkpoint {checkpoint}"), row, &Some(wanted.clone()));
        }
    }

    /// Everything is there, nothing else is, and every index, chain and number agrees with it.
    pub async fn check(&self, store: &Redb) -> Result<(), String> {
        self.judge(store, self.inspect(store).await)
    }

    /// The same for half the price: a journal is what it folds to.
    pub async fn check_folded(&self, store: &Redb) -> Result<(), String> {
        let mut seen = Inspection::default();
        self.inspect_folded(store, &mut seen).await;
        self.judge(store, seen)
    }

    fn judge(&self, store: &Redb, seen: Inspection) -> Result<(), String> {
        if let Some(first) = seen.wrong.iter().chain(&seen.failed).next() {
            let all = seen.wrong.len() + seen.failed.len();
            return Err(format!("{all} answers are wrong, the first one: {first}"));
        }
        match store.defects() {
            Ok(defects) if defects.is_empty() => Ok(()),
            Ok(defects) => Err(format!("the check of the store finds {defects:?}")),
            Err(error) => Err(format!("the check of the store: {error}")),
        }
    }
}

fn fold(id: JobId, loaded: Option<Loaded>) -> Result<Option<Job>, StoreError> {
    let Some(loaded) = loaded else { return Ok(None) };
    let corrupt = |reason: String| StoreError::Corrupt {
        table: "journal",
        key: id.to_string(),
        reason: format!("it does not fold: {reason}"),
    };
    let snapshot = loaded.snapshot.map(|(_, bytes)| serde_json::from_slice::<Job>(&bytes));
    let mut job = snapshot.transpose().map_err(|error| corrupt(error.to_string()))?;
    for fact in loaded.tail {
        let folded = evolve(job, id, &fact.event, fact.at);
        job = Some(folded.map_err(|error| corrupt(error.to_string()))?);
    }
    Ok(job)
}
