//! What is on disk for sure: every journal as it was seen after a sync, folded once more, and
//! compared with what was sent, with the row beside it, and with itself after every crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdpoint::machine::{due, evolve, job_row};
use holdpoint::model::event::{Event, Recorded};
use holdpoint::model::id::{CommitId, ContentHash, FrameId, JobId};
use holdpoint::model::job::{FrameState, Job, Listening};
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Commit, JobQuery, JobSort, ReadError, Redb, Store, StoreError};

use super::calls::{Calls, Started};
use super::world::{World, lock};

/// The queue, the jobs that an actor holds, the wakes.
type Places = (Vec<(i64, JobId)>, Vec<JobId>, Vec<(Timestamp, JobId)>);

/// Commits between two looks at the places: a look costs a few reads, and a job that is kept
/// nowhere stays so until somebody looks.
const PLACES_EVERY: u64 = 8;
/// What a store says that its engine has closed.
const CLOSED: &str = "it is closed";

struct Known {
    job: Job,
    /// Hash of the last fact.
    head: ContentHash,
    at: Timestamp,
}

#[derive(Default)]
pub struct History {
    jobs: BTreeMap<JobId, Known>,
    /// Every commit that was ever sent to a store.
    sent: BTreeMap<CommitId, Vec<Arc<Event>>>,
    calls: Calls,
    /// Every event from outside, by its id, with the task that took it.
    consumed: BTreeSet<(JobId, FrameId, String)>,
    /// Facts learned so far, to tell whether a start finds some that nobody had heard of.
    facts: u64,
    /// Commits that were answered.
    commits: u64,
}

impl History {
    pub fn sent(&mut self, commit: &Commit) {
        self.sent.insert(commit.commit_id, commit.events.clone());
    }

    pub fn was_sent(&self, commit: CommitId) -> bool {
        self.sent.contains_key(&commit)
    }

    pub fn started(&self, key: &str) -> Option<Started> {
        self.calls.started(key)
    }

    /// Every task that listens.
    pub fn listeners(&self) -> impl Iterator<Item = (JobId, FrameId, &Listening)> {
        self.jobs().flat_map(|job| {
            let frames = job.run.iter().flat_map(|run| &run.frames);
            frames.filter_map(|(frame, open)| match &open.state {
                FrameState::Listen(listening) => Some((job.id, *frame, listening)),
                _ => None,
            })
        })
    }

    pub fn has_consumed(&self, job: JobId, frame: FrameId, event: &str) -> bool {
        self.consumed.contains(&(job, frame, event.to_owned()))
    }

    /// Counts a commit; says whether the places are to be looked at after it.
    fn committed(&mut self) -> bool {
        self.commits += 1;
        self.commits.is_multiple_of(PLACES_EVERY)
    }

    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().map(|known| &known.job)
    }

    fn version(&self, id: JobId) -> u64 {
        self.jobs.get(&id).map_or(0, |known| known.job.version)
    }

    /// Where the jobs are kept, as their journals have it.
    fn places(&self) -> Places {
        let (mut queue, mut active, mut wakes) = Places::default();
        for job in self.jobs() {
            match due(job).place(job) {
                Place::Queue(key) => queue.push((key, job.id)),
                Place::Active => active.push(job.id),
                Place::Parked(Some(at)) => wakes.push((at, job.id)),
                Place::Parked(None) | Place::Ended => {}
            }
        }
        queue.sort_unstable();
        active.sort_unstable();
        wakes.sort_unstable();
        (queue, active, wakes)
    }

    /// Takes what follows in a journal.
    fn learn(&mut self, id: JobId, facts: &[Recorded]) -> Result<(), String> {
        for fact in facts {
            let known = self.jobs.remove(&id);
            let (version, before) =
                known.as_ref().map_or((0, Timestamp(0)), |known| (known.job.version, known.at));
            if fact.seq != version + 1 {
                return Err(format!("job {id}: event {} follows {version}", fact.seq));
            }
            if fact.at < before {
                return Err(format!("job {id}: event {} is dated before its forerunner", fact.seq));
            }
            let sent = self.sent.get(&fact.commit_id);
            if !sent.is_some_and(|events| events.contains(&fact.event)) {
                return Err(format!("job {id}: nobody ever sent event {}", fact.seq));
            }
            let job = known.as_ref().map(|known| &known.job);
            self.calls.learn(job, &fact.event).map_err(|what| format!("job {id}: {what}"))?;
            if let Event::EventConsumed { frame, id: event, .. } = &*fact.event {
                self.consumed.insert((id, *frame, event.clone()));
            }
            let job = evolve(known.map(|known| known.job), id, &fact.event, fact.at);
            let job = job.map_err(|corrupt| format!("job {id}: {corrupt}"))?;
            self.jobs.insert(id, Known { job, head: fact.hash, at: fact.at });
            self.facts += 1;
        }
        Ok(())
    }

    /// What stands in the row must follow from the journal, and the job must be kept in one place.
    fn check_row(&self, id: JobId, row: Option<&JobRow>) -> Result<(), String> {
        let (known, row) = match (self.jobs.get(&id), row) {
            (None, None) => return Ok(()),
            (Some(known), Some(row)) => (known, row),
            (known, row) => {
                let (known, row) = (known.is_some(), row.is_some());
                return Err(format!("job {id}: journal {known}, row {row}"));
            }
        };
        if job_row(&known.job) != *row {
            let wanted = job_row(&known.job);
            return Err(format!("job {id}: its journal says {wanted:?}, its row {row:?}"));
        }
        kept_once(&known.job, row)
    }
}

/// D6: no live job without exactly one of owner, wait, due wake, place in the queue.
fn kept_once(job: &Job, row: &JobRow) -> Result<(), String> {
    let due = due(job);
    let waits = row.waiting_for.is_some() || (job.status.is_ended() && due.wake.is_some());
    let fits = match row.place {
        Place::Queue(key) => job.is_ready() && key == job.queue_key(),
        Place::Active => !job.is_ready() && due.is_active(),
        Place::Ended => job.status.is_ended() && !due.is_active() && due.wake.is_none(),
        // Somebody can say what it waits for, and when it is looked at again.
        Place::Parked(wake) => !job.is_ready() && !due.is_active() && wake == due.wake && waits,
    };
    let wrong = || format!("job {} is {} and kept in {:?}: {due:?}", job.id, job.status, row.place);
    if fits { Ok(()) } else { Err(wrong()) }
}

impl World {
    /// Reads what is new in a journal. Nothing of it is ever waited for.
    pub async fn catch_up(&self, id: JobId) {
        let Some(store) = self.store() else { return };
        if let Err(what) = self.try_to_catch_up(&store, id).await {
            self.violated(what);
        }
    }

    async fn try_to_catch_up(&self, store: &Redb, id: JobId) -> Result<(), String> {
        let after = lock(&self.history).version(id);
        let facts = match store.journal(id, after, usize::MAX).await {
            Ok(facts) => facts,
            Err(error) => return self.unanswered(error),
        };
        let row = match store.job(id).await {
            Ok(row) => row,
            Err(error) => return self.unanswered(error),
        };
        if facts.is_empty() {
            return lock(&self.history).check_row(id, row.as_ref());
        }
        for commit in facts.chunk_by(|left, right| left.commit_id == right.commit_id) {
            let names: Vec<_> = commit.iter().map(|fact| fact.event.name()).collect();
            let last = commit.last().map_or(0, |fact| fact.seq);
            self.note(format!("job {id} v{last}: {}", names.join(" ")));
        }
        for fact in &facts {
            self.count_fact(&fact.event);
        }
        let mut history = lock(&self.history);
        history.learn(id, &facts)?;
        history.check_row(id, row.as_ref())
    }

    /// A disk without power says nothing, and neither does a store that its engine has closed. No
    /// other read may fail: the faults of this weather are those of writes.
    fn unanswered(&self, error: impl Into<ReadError>) -> Result<(), String> {
        let error = error.into();
        let is_closed = matches!(
            &error,
            ReadError::Store(StoreError::Unavailable(reason)) if reason == CLOSED
        );
        if is_closed || self.disk().is_dead() {
            return Ok(());
        }
        Err(format!("the store does not answer: {error}"))
    }

    fn count_fact(&self, event: &Event) {
        match event {
            Event::Expired { .. } => self.count("checkpoint expired"),
            Event::Escalated { .. } => self.count("checkpoint escalated"),
            Event::Interrupted { .. } => self.count("call interrupted"),
            Event::CallStarted { attempt, .. } if *attempt > 1 => {
                self.count("call in doubt made again");
            }
            _ => {}
        }
    }

    /// After a start: nothing that was on disk is gone or another, and what is new was sent.
    pub async fn compare_with_disk(&self) -> Result<(), String> {
        let Some(store) = self.store() else { return Ok(()) };
        let heads: Vec<(JobId, u64, ContentHash)> = lock(&self.history)
            .jobs
            .iter()
            .map(|(id, known)| (*id, known.job.version, known.head))
            .collect();
        for (id, version, head) in heads {
            let found = store.journal(id, version - 1, 1).await.map_err(|e| e.to_string())?;
            match found.first() {
                Some(fact) if fact.seq == version && fact.hash == head => {}
                Some(_) => return Err(format!("job {id}: event {version} is another one now")),
                None => return Err(format!("job {id}: event {version} was on disk and is lost")),
            }
        }
        let before = lock(&self.history).facts;
        for id in all_jobs(&store).await? {
            self.try_to_catch_up(&store, id).await?;
        }
        let found = lock(&self.history).facts - before;
        lock(&self.tally).add("commit found after a crash", found.min(1));
        self.check_places().await
    }

    /// After a commit that was answered, now and then: the places.
    pub async fn check_places_at_times(&self) {
        let is_time = lock(&self.history).committed();
        if is_time && let Err(what) = self.check_places().await {
            self.violated(what);
        }
    }

    /// The indexes say the same as the rows: every live job stands in exactly one of them.
    pub async fn check_places(&self) -> Result<(), String> {
        let Some(store) = self.store() else { return Ok(()) };
        let found = match places_on_disk(&store).await {
            Ok(found) => found,
            Err(error) => return self.unanswered(error),
        };
        let places = lock(&self.history).places();
        if places == found {
            return Ok(());
        }
        // A commit may be on disk that nobody heard of.
        let (before, now) = (entries(&places), entries(&found));
        let moved: BTreeSet<JobId> =
            before.symmetric_difference(&now).map(|entry| entry.0).collect();
        for id in moved {
            self.try_to_catch_up(&store, id).await?;
        }
        let places = lock(&self.history).places();
        if places == found {
            return Ok(());
        }
        Err(format!("the journals say {places:?}, the indexes {found:?}"))
    }
}

async fn places_on_disk(store: &Redb) -> Result<Places, StoreError> {
    let queue = store.queue(usize::MAX).await?;
    let active = store.active(None, usize::MAX).await?;
    let wakes = store.due(Timestamp(i64::MAX), usize::MAX).await?;
    Ok((queue, active, wakes))
}

/// Every job that is kept somewhere, with where that is.
fn entries((queue, active, wakes): &Places) -> BTreeSet<(JobId, &'static str, i64)> {
    let queue = queue.iter().map(|(key, id)| (*id, "queue", *key));
    let active = active.iter().map(|id| (*id, "active", 0));
    let wakes = wakes.iter().map(|(at, id)| (*id, "wakes", at.0));
    queue.chain(active).chain(wakes).collect()
}

/// Every job of a store, in order of id.
pub async fn all_jobs(store: &Redb) -> Result<Vec<JobId>, String> {
    let (mut jobs, mut cursor) = (Vec::new(), None);
    loop {
        let sort = JobSort::CreatedAscending;
        let query = JobQuery { sort, limit: 100, cursor: cursor.take(), ..JobQuery::default() };
        let page = store.jobs(&query).await.map_err(|error| error.to_string())?;
        jobs.extend(page.rows.iter().map(|row| row.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            jobs.sort_unstable();
            return Ok(jobs);
        }
    }
}
