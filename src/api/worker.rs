//! The worker: the dispatcher that starts runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::status::Held;

/// How the worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Does it start runs?
    pub is_running: bool,
    /// Runs in the phase `running`.
    pub active_jobs: u64,
    /// How many there may be.
    pub max_concurrent_jobs: u64,
    /// Period of the safety sweep, milliseconds.
    pub poll_interval: u64,
    /// Present while the store is held: then nothing starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// The worker and what there is for it to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "success": true,
    "worker": {"isRunning": true, "activeJobs": 1, "maxConcurrentJobs": 3, "pollInterval": 5000},
    "jobs": {"pending": 5, "assigned": 0, "running": 1, "completed": 42, "failed": 2,
             "rejected": 0, "resubmissionRequired": 0, "cancelled": 0}
}))]
pub struct WorkerAnswer {
    /// Always true.
    pub success: bool,
    /// The worker.
    pub worker: Worker,
    /// Jobs now in each status.
    pub jobs: BTreeMap<String, u64>,
    /// One sentence for people, after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
