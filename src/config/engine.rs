//! The `[engine]` section: how long actors live, how often they are restarted and how many there
//! may be. Limits of the machine itself are no settings and stand in `model::limits`.

use serde::Deserialize;

use super::check::{Complaints, HOUR_MS};

/// The actors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Restarts of one job within the window before it is parked as poisoned.
    pub restarts_max: u32,
    /// Length of that window.
    pub restart_window_ms: u64,
    /// Pause before the first restart; doubled with each further one.
    pub restart_backoff_ms: u64,
    /// Most jobs in memory.
    pub live_jobs_max: u32,
    /// Most jobs that wait for a slot.
    pub queue_max: u32,
}

impl Engine {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        complaints.range("engine.restarts_max", self.restarts_max.into(), 0..=100);
        complaints.range("engine.restart_window_ms", self.restart_window_ms, 100..=HOUR_MS);
        complaints.range("engine.restart_backoff_ms", self.restart_backoff_ms, 1..=HOUR_MS);
        complaints.range("engine.live_jobs_max", self.live_jobs_max.into(), 1..=1_000_000);
        complaints.range("engine.queue_max", self.queue_max.into(), 1..=100_000_000);
    }
}
