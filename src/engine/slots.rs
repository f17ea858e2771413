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
    /// By job: the number of its last permit, and its owner. An older permit frees nothing.
    by_job: HashMap<JobId, (u64, Arc<str>)>,
    /// How many jobs of each owner hold one.
    by_owner: HashMap<Arc<str>, usize>,
    granted: u64,
}

/// Who holds a place now. It outlives the scheduler, so that a restarted one grants no place twice.
#[derive(Default)]
pub(crate) struct Slots(Mutex<Held>);

impl Held {
    fn free(&mut self, job: JobId) {
        let Some((_, owner)) = self.by_job.remove(&job) else { return };
        if let Some(count) = self.by_owner.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }
}

impl Slots {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs hold a place.
    pub fn count(&self) -> usize {
        self.held().by_job.len()
    }

    /// How many of these are this owner's?
    pub fn count_of(&self, owner: &str) -> usize {
        self.held().by_owner.get(owner).copied().unwrap_or(0)
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
    pub fn grant(shared: &Arc<Shared>, job: JobId, owner: Arc<str>) -> Self {
        let mut held = shared.slots.held();
        held.free(job);
        held.granted += 1;
        let number = held.granted;
        *held.by_owner.entry(owner.clone()).or_default() += 1;
        held.by_job.insert(job, (number, owner));
        metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(held.by_job.len() as f64);
        Self { shared: shared.clone(), job, number }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.shared.slots.held();
        let is_last = held.by_job.get(&self.job).is_some_and(|(last, _)| *last == self.number);
        if is_last {
            held.free(self.job);
            metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(held.by_job.len() as f64);
        }
        drop(held);
        self.shared.look_at_queue();
    }
}
