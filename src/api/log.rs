//! What happened to a job: log rows, and the timeline of its tasks. Both are views of the journal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::page::Pagination;
use crate::model::problem::Problem as JobError;

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "seq": 2, "timestamp": "2026-01-15T10:30:00.120Z", "by": "system:worker",
    "status": "IN_PROGRESS", "event": "runStarted", "message": "Run 1 began",
    "reference": null, "agentId": null, "requestPayload": null, "responsePayload": null
}))]
pub struct LogRow {
    /// Its place in the journal of the job, from 1.
    pub seq: u64,
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// By whom: a user id, `agent:…` or `system:…`.
    pub by: String,
    /// Where the job stood after it, or `MATCHING_FAILED`.
    pub status: String,
    /// What happened, as the journal names it.
    pub event: String,
    /// One sentence for people.
    pub message: String,
    /// JSON Pointer of the task that it is about.
    pub reference: Option<String>,
    /// The agent that it is about, as the assignment or the call names it.
    pub agent_id: Option<String>,
    /// What was sent; for owners without addresses, headers and credentials.
    #[schema(value_type = Option<Value>)]
    pub request_payload: Option<Arc<Value>>,
    /// What came back.
    #[schema(value_type = Option<Value>)]
    pub response_payload: Option<Arc<Value>>,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogList {
    /// Always true.
    pub success: bool,
    /// The rows, oldest first.
    pub logs: Vec<LogRow>,
    /// Where the page stands; the cursor is the place in the journal to go on after.
    pub pagination: Pagination,
}

/// One task, or one round of it, in the order of start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "run": 1, "reference": "/do/0/review", "name": "review", "phase": "waiting", "attempt": 0,
    "iteration": [], "startedAt": "2026-01-15T10:30:00.120Z", "endedAt": null, "waitedMs": 0,
    "output": null, "error": null
}))]
pub struct TimelineRow {
    /// The run, from 1.
    pub run: u32,
    /// JSON Pointer of the task.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// `running`, `waiting`, `completed`, `faulted`, `cancelled` or `skipped`.
    pub phase: String,
    /// Calls started for it.
    pub attempt: u32,
    /// Indexes of the loops around it, outermost first.
    pub iteration: Vec<u32>,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How much of that it waited, milliseconds.
    pub waited_ms: u64,
    /// What it returned.
    #[schema(value_type = Option<Value>)]
    pub output: Option<Arc<Value>>,
    /// The error that ended it.
    #[schema(value_type = Option<Value>)]
    pub error: Option<JobError>,
}

/// The timeline of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineAnswer {
    /// Always true.
    pub success: bool,
    /// Tasks of all runs in the order of start.
    pub timeline: Vec<TimelineRow>,
}
