//! Jobs, in the words of both job resources: `/api/jobs`, and `/api/agent-jobs` with
//! `taskDescription`
//! for `description` and `RUNNING` for `IN_PROGRESS`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::checkpoint::Checkpoint;
use crate::api::log::{LogRow, TimelineRow};
use crate::api::page::Pagination;
use crate::model::problem::Problem as JobError;

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// A stable code: `slot`, `worker`, `assignment`, `execution`, `checkpoint`, `in-doubt`,
    /// `time`, `retry`, `event`, `child`, `call`, `resume`, `matching`, `no-agent`, `callback`,
    /// `judge-unavailable`, `agent-busy`, `agent-rate`, `circuit-open` or `agent-inactive`.
    pub code: String,
    /// One sentence for people.
    pub text: String,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// Until when at the latest, if time ends it.
    pub until: Option<String>,
}

/// The workflow document that a job runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobWorkflow {
    /// `document.namespace`, when the document is still registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `document.version`, when the document is still registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the canonical JSON of the document, pinned when the job was created.
    pub hash: String,
}

/// A job in lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// Which job (a UUID).
    pub id: String,
    /// The name of its workflow.
    pub job_type: String,
    /// One line for people.
    pub name: String,
    /// What is to be done (in `/api/jobs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is to be done (in `/api/agent-jobs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_description: Option<String>,
    /// Where it stands: `PENDING`, `ASSIGNED`, `IN_PROGRESS` (`RUNNING` in `/api/agent-jobs`),
    /// `COMPLETED`,
    /// `FAILED`, `REJECTED`, `RESUBMISSION_REQUIRED` or `CANCELLED`.
    pub status: String,
    /// The same in the words of the workflow standard.
    pub phase: String,
    /// What it waits for; null when it works or has ended.
    pub waiting_for: Option<WaitingFor>,
    /// 0 to 9, higher first.
    pub priority: u8,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The user who owns it.
    pub user_id: String,
    /// The agent that is to carry it out.
    pub assigned_agent_id: Option<String>,
    /// The job that runs this one.
    pub parent_job_id: Option<String>,
    /// The number of its last run; 0 before the first.
    pub run_number: u32,
    /// Calls started over all runs.
    pub attempts: u32,
    /// Checkpoints that wait for a person.
    pub pending_checkpoints: u32,
    /// The error that ended it, as problem details.
    #[schema(value_type = Option<Value>)]
    pub error: Option<JobError>,
    /// When it was created, RFC 3339 in UTC.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// When its first run began.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
    /// When it is wanted.
    pub due_at: Option<String>,
    /// The document that it runs.
    pub workflow: JobWorkflow,
}

/// A job in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "jobType": "simple-task",
    "name": "Process user data", "taskDescription": "Process user data", "status": "PENDING",
    "phase": "pending", "waitingFor": {"code": "slot", "text": "It waits for a free slot",
        "since": "2026-01-15T10:30:00.000Z", "until": null},
    "priority": 5, "labels": {}, "userId": "0198c7a2-0000-7000-8000-000000000001",
    "assignedAgentId": null, "parentJobId": null, "runNumber": 0, "attempts": 0,
    "pendingCheckpoints": 0, "error": null, "createdAt": "2026-01-15T10:30:00.000Z",
    "updatedAt": "2026-01-15T10:30:00.000Z", "startedAt": null, "completedAt": null, "dueAt": null,
    "workflow": {"hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    "acceptanceCriteria": "", "acceptanceRules": null, "autoExecute": true,
    "inputData": {"userId": "user-123", "action": "update-profile"}, "result": null
}))]
pub struct Job {
    /// What lists show.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// When the result is good enough, in words.
    pub acceptance_criteria: String,
    /// When the result is good enough, as rules.
    #[schema(value_type = Value)]
    pub acceptance_rules: Arc<Value>,
    /// Does an assigned job start by itself?
    pub auto_execute: bool,
    /// The input of the workflow.
    #[schema(value_type = Value)]
    pub input_data: Arc<Value>,
    /// The result, once COMPLETED.
    #[schema(value_type = Option<Value>)]
    pub result: Option<Arc<Value>>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobAnswer {
    /// Always true.
    pub success: bool,
    /// The job.
    pub job: Job,
    /// One sentence for people, after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One job with what was asked to be included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    /// Always true.
    pub success: bool,
    /// The job.
    pub job: Job,
    /// Its checkpoints in the order in which they opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<Vec<Checkpoint>>,
    /// Its log, oldest first; `logsTotal` says whether there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogRow>>,
    /// Rows of the log in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs_total: Option<u64>,
    /// Its tasks in the order of start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineRow>>,
}

/// A list of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// Always true.
    pub success: bool,
    /// The jobs.
    pub jobs: Vec<JobSummary>,
    /// Where the page stands.
    pub pagination: Pagination,
}

/// The jobs of all owners in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "total": 3, "byStatus": {"COMPLETED": 2, "PENDING": 1}, "queued": 1, "active": 0, "parked": 0,
    "pendingCheckpoints": 0
}))]
pub struct JobMetrics {
    /// Jobs in all.
    pub total: u64,
    /// Jobs now in each status.
    pub by_status: BTreeMap<String, u64>,
    /// Jobs in the queue for a slot.
    pub queued: u64,
    /// Jobs that are being worked on.
    pub active: u64,
    /// Jobs that only wait.
    pub parked: u64,
    /// Checkpoints that wait for a person.
    pub pending_checkpoints: u64,
}

/// The jobs of all owners in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobMetricsAnswer {
    /// Always true.
    pub success: bool,
    /// The figures.
    pub metrics: JobMetrics,
}

/// A job to be created, in the words of `/api/agent-jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "jobType": "simple-task", "taskDescription": "Process user data",
    "inputData": {"userId": "user-123", "action": "update-profile"}, "priority": 5
}))]
pub struct NewAgentJob {
    /// The name of the workflow.
    pub job_type: String,
    /// What is to be done; its first line is the name of the job.
    pub task_description: String,
    /// The input of the workflow; an empty object when absent.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub input_data: Option<Arc<Value>>,
    /// 0 to 9, higher first; 5 when absent.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A job to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "Process user data", "description": "Update the profile",
    "acceptanceCriteria": "The profile is updated", "jobType": "simple-task",
    "inputData": {"userId": "user-123", "action": "update-profile"}, "priority": 5
}))]
pub struct NewJob {
    /// One line for people.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// When the result is good enough, in words.
    pub acceptance_criteria: String,
    /// When the result is good enough, as rules: `[{name, when | schema, message}]`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>)]
    pub acceptance_rules: Option<Arc<Value>>,
    /// The name of the workflow; `agent-task` when absent.
    #[serde(default)]
    pub job_type: Option<String>,
    /// The input of the workflow; an empty object when absent.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub input_data: Option<Arc<Value>>,
    /// 0 to 9, higher first; 5 when absent.
    #[serde(default)]
    pub priority: Option<u8>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Does the job start by itself once it is assigned? True when absent.
    #[serde(default)]
    pub auto_execute: Option<bool>,
    /// When it is wanted, RFC 3339.
    #[serde(default)]
    pub due_at: Option<String>,
    /// The agent that is to carry it out, by id or name: the job is created and assigned, and
    /// gives the agent its `inputData`.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// A template, by id or name: what the request does not say is taken from it.
    #[serde(default)]
    pub template: Option<String>,
}

/// Why something is done to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Not needed any more"}))]
pub struct Reason {
    /// Why; it is kept in the journal.
    pub reason: String,
}

/// Why something is done to a job, if there is anything to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The agent is back"}))]
pub struct OptionalReason {
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}
