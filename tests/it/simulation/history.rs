//! What is on disk for sure: every journal as it was seen after a sync, folded once more, and
//! compared with what was sent, with the row beside it, and with itself after every crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdpoint::machine::{due, evolve, job_row};
use holdpoint::model::event::{Event, Recorded};
use holdpoint::model::id::{CommitId, ContentHash, JobId};
use holdpoint::model::job::Job;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Commit, JobQuery, JobSort, Redb, Store};

use super::world::{World, lock};

/// The queue, the jobs that an actor holds, the wakes.
type Places = (Vec<(i64, JobId)>, Vec<JobId>, Vec<(Timestamp, JobId)>);

/// A call that is on disk as started.
#[derive(Clone, Debug, Default)]
pub struct Started {
    pub arguments: String,
    /// How often its start was written: once, and once for each `retry` of a person.
    pub times: u64,
}

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
    started: BTreeMap<String, Started>,
    /// Every status that ever ended a job, to count jobs that ended twice.
    pub facts: u64,
}

impl History {
    pub fn sent(&mut self, commit: &Commit) {
        self.sent.insert(commit.commit_id, commit.events.clone());
    }

    pub fn was_sent(&self, commit: CommitId) -> bool {
        self.sent.contains_key(&commit)
    }

    pub fn started(&self, key: &str) -> Option<Started> {
        self.started.get(key).cloned()
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
            if let Event::CallStarted { key, arguments, .. } = &*fact.event {
                let started = self.started.entry(key.clone()).or_default();
                let arguments = arguments.to_string();
                if started.times > 0 && started.arguments != arguments {
                    return Err(format!("key {key} stands for two bodies"));
                }
                started.arguments = arguments;
                started.times += 1;
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
        // Reads of a disk that has just died say nothing.
        let Ok(facts) = store.journal(id, after, usize::MAX).await else { return Ok(()) };
        let Ok(row) = store.job(id).await else { return Ok(()) };
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

    /// The indexes say the same as the rows: every live job stands in exactly one of them.
    pub async fn check_places(&self) -> Result<(), String> {
        let Some(store) = self.store() else { return Ok(()) };
        let what = |error: holdpoint::store::StoreError| error.to_string();
        let queue = store.queue(usize::MAX).await.map_err(what)?;
        let active = store.active(None, usize::MAX).await.map_err(what)?;
        let wakes = store.due(Timestamp(i64::MAX), usize::MAX).await.map_err(what)?;
        let found = (queue, active, wakes);
        if lock(&self.history).places() == found {
            return Ok(());
        }
        // A commit may be on disk that nobody heard of.
        for id in all_jobs(&store).await? {
            self.try_to_catch_up(&store, id).await?;
        }
        let places = lock(&self.history).places();
        if places == found {
            return Ok(());
        }
        Err(format!("the journals say {places:?}, the indexes {found:?}"))
    }
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
