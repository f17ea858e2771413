//! The places among the jobs that work. A permit is the only way to hold one, and it frees its
//! place however it ends: used up, dropped in a mailbox that nobody reads any more, or lost with an
//! actor that failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::shared::Shared;
use crate::model::id::JobId;
use crate::model::metric_names as names;

#[derive(Default)]
struct Held {
    /// By job: the number of its last permit. An older one frees nothing.
    by_job: HashMap<JobId, u64>,
    granted: u64,
}

/// Who holds a place now. It outlives the scheduler, so that a restarted one grants no place twice.
#[derive(Default)]
pub(crate) struct Slots(Mutex<Held>);

impl Slots {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs hold a place.
    pub fn count(&self) -> usize {
        self.held().by_job.len()
    }

    /// Does this job hold one?
    pub fn holds(&self, job: JobId) -> bool {
        self.held().by_job.contains_key(&job)
    }
}

/// The right of one job to work.
pub(crate) struct Permit {
    shared: Arc<Shared>,
    job: JobId,
    number: u64,
}

impl Permit {
    /// A permit for this job. One that it holds already is replaced.
    pub fn grant(shared: &Arc<Shared>, job: JobId) -> Self {
        let mut held = shared.slots.held();
        held.granted += 1;
        let number = held.granted;
        held.by_job.insert(job, number);
        metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(held.by_job.len() as f64);
        Self { shared: shared.clone(), job, number }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.shared.slots.held();
        if held.by_job.get(&self.job) == Some(&self.number) {
            held.by_job.remove(&self.job);
            metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(held.by_job.len() as f64);
        }
        drop(held);
        self.shared.look_at_queue();
    }
}
