//! The worker with the jobs that there are.

use crate::api::worker::{Worker, WorkerAnswer};
use crate::engine::{Counts, WorkerStatus};
use crate::http::present::status::{by_status, held};
use crate::model::status::Status;

/// The worker and its work.
pub fn answer(status: WorkerStatus, counts: &Counts, message: Option<&str>) -> WorkerAnswer {
    WorkerAnswer {
        success: true,
        worker: Worker {
            is_running: status.is_running,
            active_jobs: status.active_jobs,
            max_concurrent_jobs: status.max_concurrent_jobs,
            poll_interval: status.poll_interval_ms,
            held: status.hold.map(held),
        },
        jobs: by_status(&counts.jobs, Status::ALL, word),
        message: message.map(str::to_owned),
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Assigned => "assigned",
        Status::InProgress => "running",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Rejected => "rejected",
        Status::ResubmissionRequired => "resubmissionRequired",
        Status::Cancelled => "cancelled",
    }
}
