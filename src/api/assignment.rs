//! Who carries out a job, and what an admin may do to one against its course.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An agent for a job.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"agentId": "invoices", "inputs": {"task": "Sum the invoices"}}))]
pub struct Assignment {
    /// The agent, by id or name.
    pub agent_id: String,
    /// What it gets: checked by its input schema.
    #[schema(value_type = Value)]
    pub inputs: Arc<Value>,
}

/// Another agent for a job.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "agentId": "invoices", "inputs": {"task": "Sum the invoices"}, "reason": "The first is down"
}))]
pub struct Reassignment {
    /// The agent, by id or name.
    pub agent_id: String,
    /// What it gets: checked by its input schema.
    #[schema(value_type = Value)]
    pub inputs: Arc<Value>,
    /// Why; it is kept in the journal.
    pub reason: String,
}

/// A result by decree.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"result": {"text": "by hand"}, "reason": "The answer is known"}))]
pub struct Completion {
    /// The result of the job.
    #[schema(value_type = Value)]
    pub result: Arc<Value>,
    /// Why; it is kept in the journal.
    pub reason: String,
}

/// What became of a callback.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallbackAnswer {
    /// Always true: the outcome is on disk.
    pub success: bool,
    /// One sentence for people.
    pub message: String,
}
