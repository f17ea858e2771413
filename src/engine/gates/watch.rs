//! Whoever waits for a job is woken by its commits, and by no others: to wait costs nothing while
//! nothing happens. A wake may be missed after a commit whose outcome was unknown, so a waiter
//! looks once more when its time is over.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::engine::Engine;
use crate::engine::shared::Shared;
use crate::model::id::JobId;

/// Who waits for which job.
#[derive(Default)]
pub(crate) struct Watchers {
    jobs: Mutex<HashMap<JobId, Watched>>,
    /// Jobs that somebody waits for: commits look at this alone when there are none.
    count: AtomicUsize,
}

struct Watched {
    commits: watch::Sender<u64>,
    watchers: usize,
}

impl Watchers {
    /// Something was committed for this job.
    pub fn wake(&self, job: JobId) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(watched) = self.jobs().get(&job) {
            watched.commits.send_modify(|commits| *commits += 1);
        }
    }

    fn enter(&self, job: JobId) -> watch::Receiver<u64> {
        let mut jobs = self.jobs();
        let watched = jobs
            .entry(job)
            .or_insert_with(|| Watched { commits: watch::channel(0).0, watchers: 0 });
        watched.watchers += 1;
        let receiver = watched.commits.subscribe();
        self.count.store(jobs.len(), Ordering::Release);
        receiver
    }

    fn leave(&self, job: JobId) {
        let mut jobs = self.jobs();
        if let Some(watched) = jobs.get_mut(&job) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                jobs.remove(&job);
            }
        }
        self.count.store(jobs.len(), Ordering::Release);
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        // The map is valid whatever the holder was doing when it died.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place to wait for the next commit of one job. Take it before the job is read.
pub struct JobWatch {
    shared: Arc<Shared>,
    job: JobId,
    commits: watch::Receiver<u64>,
}

impl JobWatch {
    /// Waits until something was committed since the last time this was asked.
    pub async fn changed(&mut self) {
        // The sender lives as long as there is a watcher, and this is one.
        self.commits.changed().await.ok();
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        self.shared.watchers.leave(self.job);
    }
}

impl Engine {
    /// Begins to wait for commits of this job.
    pub fn watch_job(&self, job: JobId) -> JobWatch {
        let commits = self.shared.watchers.enter(job);
        JobWatch { shared: self.shared.clone(), job, commits }
    }
}
