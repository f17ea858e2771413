//! The `[worker]` section: how many runs go on at once. It says nothing about single jobs.

use serde::Deserialize;

use super::check::{Complaints, HOUR_MS};

/// The dispatcher of runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Runs in phase `running` at once.
    pub max_concurrent_jobs: u32,
    /// Of these, runs of one owner's jobs; 0: as many as there are.
    pub max_per_owner: u32,
    /// Period of the safety sweep.
    pub poll_interval_ms: u64,
    /// Whether the worker starts with the server.
    pub autostart: bool,
    /// How long running calls may take when the worker stops.
    pub drain_timeout_ms: u64,
}

impl Worker {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        let jobs = self.max_concurrent_jobs.into();
        complaints.range("worker.max_concurrent_jobs", jobs, 1..=10_000);
        complaints.range("worker.max_per_owner", self.max_per_owner.into(), 0..=10_000);
        complaints.range("worker.poll_interval_ms", self.poll_interval_ms, 100..=HOUR_MS);
        complaints.range("worker.drain_timeout_ms", self.drain_timeout_ms, 0..=HOUR_MS);
    }
}
