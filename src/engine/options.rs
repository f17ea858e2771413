//! What an operator may set about the engine.

use crate::model::time::Span;

/// The engine's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs that may be in the phase `running` at once.
    pub concurrent_jobs_max: usize,
    /// Of these, runs of one owner's jobs; 0: as many as there are.
    pub jobs_per_owner_max: usize,
    /// Where agents reach this server, without a slash at the end: they bring results there. None:
    /// they cannot.
    pub public_url: Option<String>,
    /// Does the worker start with the engine?
    pub autostart: bool,
    /// How often the safety sweep looks for due jobs that sit idle.
    pub poll_interval: Span,
    /// How long stopping waits for calls that are under way.
    pub drain_timeout: Span,
    /// Restarts of one job within the window before it is parked as poisoned.
    pub restarts_max: u32,
    /// That window.
    pub restart_window: Span,
    /// The pause before the first restart; it doubles each time.
    pub restart_backoff: Span,
    /// Jobs that actors may hold at once; more are refused with Retry-After.
    pub live_jobs_max: usize,
    /// Jobs in the queue before new ones are refused with Retry-After.
    pub queue_max: u64,
    /// The folder that backups are written to on request; none: there are none on request.
    pub backups: Option<std::path::PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrent_jobs_max: 3,
            jobs_per_owner_max: 0,
            public_url: None,
            autostart: true,
            poll_interval: Span::from_millis(5_000),
            drain_timeout: Span::from_secs(30),
            restarts_max: 5,
            restart_window: Span::from_secs(60),
            restart_backoff: Span::from_millis(100),
            live_jobs_max: 10_000,
            queue_max: 1_000_000,
            backups: None,
        }
    }
}
