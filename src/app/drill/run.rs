//! All jobs, all kill points: each job is rehearsed once in peace, then once for each side of each
//! of its commits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::Handle;

use crate::app::drill::life::{Ending, rehearse};
use crate::app::drill::reader;
use crate::app::drill::recording::Recording;
use crate::app::drill::report::{Failure, Kind, Remark, Report};
use crate::app::drill::world::{Kill, Side};
use crate::calls::Secrets;
use crate::clock::Stopwatch;
use crate::model::id::JobId;
use crate::model::status::Status;
use crate::store::{JobQuery, JobSort, ReadError, Store, StoreError};

/// Rows read at a time.
const PAGE: u32 = 200;
/// Boundaries of one job at which the engine is killed. Each costs a rehearsal from the start, so
/// all those of a long job would take the square of its length; they are spread evenly.
const BOUNDARIES_MAX: u64 = 250;

/// Which jobs.
#[derive(Clone, Debug)]
pub struct Order {
    /// The last so many that have ended, without the children of others.
    pub jobs: usize,
    /// Of this workflow only.
    pub workflow: Option<String>,
}

/// Makes an empty store for one rehearsal.
pub type Scratch = dyn Fn() -> Arc<dyn Store> + Send + Sync;

/// Drills the last jobs of a store, which is only read. `secrets` are those of the server: the
/// documents name them, and nothing else is done with them.
///
/// # Errors
/// When the store cannot be read.
pub async fn drill(
    store: Arc<dyn Store>,
    order: Order,
    secrets: Secrets,
    scratch: Arc<Scratch>,
) -> Result<Report, StoreError> {
    let watch = Stopwatch::start();
    let jobs = last_jobs(&*store, &order).await?;
    let handle = Handle::current();
    let drilled = tokio::task::spawn_blocking(move || {
        let crew = Crew { store, handle, secrets, scratch, jobs, next: AtomicUsize::new(0) };
        crew.drill_all()
    });
    let drilled = drilled.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut report = Report::default();
    for (_, one) in drilled? {
        one.into(&mut report);
    }
    report.took = watch.elapsed();
    Ok(report)
}

/// The last jobs that have ended, the latest first.
async fn last_jobs(store: &dyn Store, order: &Order) -> Result<Vec<(JobId, String)>, StoreError> {
    let ended = Status::ALL.iter().copied().filter(|status| status.is_ended());
    let mut query = JobQuery {
        statuses: ended.collect(),
        job_type: order.workflow.clone(),
        sort: JobSort::UpdatedDescending,
        limit: PAGE,
        ..JobQuery::default()
    };
    let mut jobs = Vec::new();
    while jobs.len() < order.jobs {
        let page = store.jobs(&query).await.map_err(|error| match error {
            ReadError::Store(error) => error,
            ReadError::Cursor(bad) => StoreError::Unavailable(bad.to_string()),
        })?;
        let roots = page.rows.into_iter().filter(|row| row.parent.is_none());
        jobs.extend(roots.map(|row| (row.id, row.job_type)));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    jobs.truncate(order.jobs);
    Ok(jobs)
}

/// What became of one job.
enum One {
    Skipped(Remark),
    Differs(Remark),
    Drilled { workflow: String, boundaries: u64, tally: Tally },
}

#[derive(Default)]
struct Tally {
    recovered: u64,
    asked: u64,
    failures: Vec<Failure>,
}

impl One {
    fn into(self, report: &mut Report) {
        match self {
            One::Skipped(remark) => {
                report.of(&remark.workflow).skipped += 1;
                report.skipped.push(remark);
            }
            One::Differs(remark) => {
                report.of(&remark.workflow).differs += 1;
                report.differs.push(remark);
            }
            One::Drilled { workflow, boundaries, tally } => {
                let of = |kind| tally.failures.iter().filter(|f| f.kind == kind).count() as u64;
                let (lost, doubled) = (of(Kind::Lost), of(Kind::Doubled));
                let line = report.of(&workflow);
                line.jobs += 1;
                line.boundaries += boundaries;
                line.kill_points += tally.recovered + lost + doubled;
                line.recovered += tally.recovered;
                line.lost += lost;
                line.doubled += doubled;
                line.asked += tally.asked;
                report.failures.extend(tally.failures);
            }
        }
    }
}

/// Threads that take one job after another. Each rehearsal has a runtime of its own.
struct Crew {
    store: Arc<dyn Store>,
    handle: Handle,
    secrets: Secrets,
    scratch: Arc<Scratch>,
    jobs: Vec<(JobId, String)>,
    next: AtomicUsize,
}

impl Crew {
    /// Everything, in the order of the jobs.
    fn drill_all(&self) -> Result<Vec<(usize, One)>, StoreError> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let done = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..threads.min(self.jobs.len()) {
                scope.spawn(|| {
                    while let Some((number, one)) = self.take_one() {
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.push(one.map(|one| (number, one)));
                    }
                });
            }
        });
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut done = done.into_iter().collect::<Result<Vec<_>, _>>()?;
        done.sort_by_key(|(number, _)| *number);
        Ok(done)
    }

    fn take_one(&self) -> Option<(usize, Result<One, StoreError>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (job, workflow) = self.jobs.get(number)?;
        let read = self.handle.block_on(reader::read(&*self.store, *job));
        Some((number, read.map(|read| self.drill_one(*job, workflow, read))))
    }

    fn drill_one(&self, job: JobId, workflow: &str, read: reader::Read) -> One {
        let remark = |reason| Remark { job, workflow: workflow.to_owned(), reason };
        let recording: Arc<Recording> = match read {
            Ok(recording) => Arc::from(recording),
            Err(reason) => return One::Skipped(remark(reason)),
        };
        let peace = rehearse(&recording, None, &self.secrets, (self.scratch)());
        if let Some(reason) = difference(&recording, &peace) {
            return One::Differs(remark(reason));
        }
        let mut tally = Tally::default();
        for commit in spread(peace.seen.commits) {
            for side in [Side::Before, Side::After] {
                let kill = Kill { commit, side };
                let ending = rehearse(&recording, Some(kill), &self.secrets, (self.scratch)());
                let what = peace.seen.boundaries.get(commit as usize - 1);
                let what = what.map(String::as_str).unwrap_or_default();
                tally.judge(&recording, workflow, kill, what, &ending);
            }
        }
        let boundaries = peace.seen.commits;
        One::Drilled { workflow: workflow.to_owned(), boundaries, tally }
    }
}

impl Tally {
    fn judge(
        &mut self,
        recording: &Recording,
        workflow: &str,
        kill: Kill,
        what: &str,
        ending: &Ending,
    ) {
        let doubled = ending.seen.doubled.first().cloned();
        let (kind, reason) = match (doubled, difference(recording, ending)) {
            (Some(reason), _) => (Kind::Doubled, reason),
            (None, Some(reason)) => (Kind::Lost, reason),
            (None, None) => {
                // One that came to its end before it could be killed proves nothing.
                self.recovered += u64::from(ending.seen.has_died);
                self.asked += ending.seen.asked;
                return;
            }
        };
        let side = if kill.side == Side::Before { "before" } else { "after" };
        let killed = format!("{side} commit {} ({what})", kill.commit);
        let (job, workflow) = (recording.id, workflow.to_owned());
        self.failures.push(Failure { job, workflow, killed, kind, reason });
    }
}

/// What is not as it was recorded.
fn difference(recording: &Recording, ending: &Ending) -> Option<String> {
    let seen = &ending.seen;
    if let Some(reason) = seen.strange.first().or(seen.doubled.first()) {
        return Some(reason.clone());
    }
    match &ending.end {
        Ok(end) => recording.difference(end),
        Err(reason) => Some(reason.clone()),
    }
}

/// The boundaries at which the engine is killed: all, or as many as there may be.
fn spread(commits: u64) -> impl Iterator<Item = u64> {
    let taken = commits.min(BOUNDARIES_MAX);
    (1..=taken).map(move |number| number * commits / taken)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::calls::{Call, Caller, Outcome, StandIn};
    use crate::clock::System;
    use crate::dsl::Format;
    use crate::engine::{Engine, NewJob, Options, Parts};
    use crate::model::event;
    use crate::model::principal::Principal;
    use crate::store::Memory;

    struct One;

    #[async_trait]
    impl StandIn for One {
        async fn run(&self, _: &Call) -> Outcome {
            Outcome::Succeeded(json!({ "a": 1 }))
        }
    }

    /// A job of one call, recorded by an engine of its own.
    async fn recorded() -> Recording {
        let store = Arc::new(Memory::new());
        let parts = Parts {
            store: store.clone(),
            clock: Arc::new(System::new()),
            caller: Caller::standing_in(Arc::new(One)),
            workflows: None,
            options: Options::default(),
        };
        let engine = Engine::start(parts).await.unwrap();
        let document = json!({
            "document": {
                "dsl": "1.0.3", "namespace": "test", "name": "one", "version": "1.0.0",
            },
            "do": [{ "ask": {
                "call": "http", "with": { "method": "get", "endpoint": "http://agent.example" },
            } }],
        });
        let me = || Principal::Person("vera".to_owned());
        let registered = engine.register_workflow(&document.to_string(), Format::Json, me()).await;
        registered.unwrap().unwrap();
        let new = NewJob {
            job_type: "one".to_owned(),
            name: "one".to_owned(),
            description: String::new(),
            acceptance_criteria: String::new(),
            acceptance_rules: Arc::new(json!([])),
            input: Arc::new(json!({})),
            priority: 5,
            labels: BTreeMap::new(),
            owner: "vera".to_owned(),
            due_at: None,
            auto_execute: true,
        };
        let mut feed = engine.feed();
        let job = engine.submit(new, me(), None).await.unwrap().job.row.id;
        while !engine.job_row(job).await.unwrap().status.is_ended() {
            feed.changed().await.unwrap();
        }
        *reader::read(&*store, job).await.unwrap().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_that_was_changed_shows_in_the_end_of_the_job() {
        let recording = recorded().await;
        let played = |recording: Recording| {
            let rehearsal = move || {
                let recording = Arc::new(recording);
                let store: Arc<dyn Store> = Arc::new(Memory::new());
                difference(&recording, &rehearse(&recording, None, &Secrets::default(), store))
            };
            tokio::task::spawn_blocking(rehearsal)
        };
        assert_eq!(played(recording.clone()).await.unwrap(), None);
        let mut changed = recording.clone();
        for call in changed.calls.values_mut() {
            call.outcome = event::Outcome::Succeeded(Arc::new(json!({ "a": 2 })));
        }
        let found = played(changed).await.unwrap();
        assert_eq!(found, Some("its result differs at /a".to_owned()));
        let mut forgotten = recording;
        forgotten.calls.clear();
        let found = played(forgotten).await.unwrap().unwrap();
        assert!(found.contains("was never recorded"), "{found}");
    }

    #[test]
    fn long_jobs_are_killed_at_boundaries_from_the_first_to_the_last() {
        assert_eq!(spread(0).count(), 0);
        assert!(spread(7).eq(1..=7));
        let spread: Vec<u64> = spread(1_000_000).collect();
        assert_eq!(spread.len() as u64, BOUNDARIES_MAX);
        assert_eq!(spread.last(), Some(&1_000_000));
    }
}
