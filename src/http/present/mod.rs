//! From what the engine shows to what the API shows. Pure; the only place that knows both.

/// The actor tree.
pub mod actor;
/// Agents.
pub mod agent;
/// The audit trail and oversight.
pub mod audit;
/// Backups.
pub mod backup;
/// Batches.
pub mod batch;
/// Checkpoints.
pub mod checkpoint;
/// Diffs of shown files.
pub mod diff;
/// What a look at the store found.
pub mod doctor;
/// Gates.
pub mod gate;
/// Jobs.
pub mod job;
/// Signed links.
pub mod link;
/// Log rows and timelines.
pub mod log;
/// Approval rules.
pub mod rule;
/// The server.
pub mod status;
/// Templates.
pub mod template;
/// API tokens.
pub mod token;
/// Accounts and who asks.
pub mod user;
/// The worker.
pub mod worker;
/// Workflow documents.
pub mod workflow;

use crate::api::page::Pagination;
use crate::model::time::Timestamp;

/// A time as the API shows it.
fn time(at: Timestamp) -> String {
    at.to_rfc3339()
}

/// Where a page of the engine stands.
pub fn pagination(limit: u32, offset: u64, total: u64, next_cursor: Option<String>) -> Pagination {
    Pagination { limit, offset, total, next_cursor }
}
