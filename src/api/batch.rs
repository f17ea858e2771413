//! The same wish for many jobs, and how far it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Which jobs a batch is about, as lists are filtered.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(example = json!({"status": "PENDING", "label": "team:blue"}))]
pub struct BatchFilter {
    /// Statuses, separated by commas.
    pub status: Option<String>,
    /// The name of a workflow.
    pub job_type: Option<String>,
    /// The agent that the jobs are assigned to.
    pub agent_id: Option<String>,
    /// Labels `key:value`, separated by commas.
    pub label: Option<String>,
    /// A text in name or description.
    pub q: Option<String>,
}

/// A wish for many jobs.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "action": "terminate", "ids": ["0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11"], "reason": "Not needed"
}))]
pub struct NewBatch {
    /// `create`, `assign`, `auto-assign`, `execute`, `cancel` or `terminate`.
    pub action: String,
    /// The jobs, by id.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// The jobs, by a filter, as they are found now; instead of `ids`.
    #[serde(default)]
    pub filter: Option<BatchFilter>,
    /// For `create`: the jobs, each as in POST /api/jobs without `agentId` and `template`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>)]
    pub jobs: Option<Vec<Value>>,
    /// For `assign`: the agent, by id or name.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// For `assign`: what each job gives its agent.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub inputs: Option<Arc<Value>>,
    /// For `terminate` required, for `cancel` optional: why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A wish that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchFailure {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// The job, if it is about one that exists.
    pub job_id: Option<String>,
    /// Why it was refused.
    pub reason: String,
}

/// A batch and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "action": "execute", "total": 3, "done": 2,
    "failed": 1, "jobIds": ["0198c7a2-0000-7000-8000-000000000001"],
    "failures": [{"index": 2, "jobId": null, "reason": "there is no such job"}],
    "createdAt": "2026-01-15T10:30:00.000Z", "endedAt": "2026-01-15T10:30:01.000Z"
}))]
pub struct Batch {
    /// Which batch (a UUID).
    pub id: String,
    /// What is wished.
    pub action: String,
    /// Wishes in all.
    pub total: u64,
    /// Wishes that were done.
    pub done: u64,
    /// Wishes that were refused.
    pub failed: u64,
    /// The jobs of the wishes that were done, in order.
    pub job_ids: Vec<String>,
    /// Every wish that was refused.
    pub failures: Vec<BatchFailure>,
    /// When it was taken, RFC 3339 in UTC.
    pub created_at: String,
    /// When its last wish ended; null while it is under way.
    pub ended_at: Option<String>,
}

/// One batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// Always true.
    pub success: bool,
    /// The batch.
    pub batch: Batch,
}
