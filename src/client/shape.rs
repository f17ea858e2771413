//! What the server answers, as far as a client reads it. Unknown members are passed over, so that
//! an older client reads a newer server; the whole answer stays in `Answer::raw`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::time::Timestamp;

/// `{"job": …}`, with what `include` asked for beside or inside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobBody {
    /// The job.
    pub job: Job,
    /// Its checkpoints.
    #[serde(default)]
    pub checkpoints: Vec<Checkpoint>,
    /// Its log.
    #[serde(default)]
    pub logs: Vec<LogRow>,
    /// Its tasks in order of start.
    #[serde(default, alias = "executionTimeline")]
    pub timeline: Vec<TimelineRow>,
}

/// A page of jobs.
#[derive(Clone, Debug, Deserialize)]
pub struct JobsBody {
    /// The rows.
    pub jobs: Vec<Job>,
    /// Where the page stands.
    #[serde(default)]
    pub pagination: Pagination,
}

/// A page of the log of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct LogsBody {
    /// The rows.
    pub logs: Vec<LogRow>,
    /// Where the page stands.
    #[serde(default)]
    pub pagination: Pagination,
}

/// `{"checkpoint": …}`.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckpointBody {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// What happened, for people.
    #[serde(default)]
    pub message: Option<String>,
}

/// A page of checkpoints.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckpointsBody {
    /// The rows.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the page stands.
    #[serde(default)]
    pub pagination: Pagination,
}

/// Where a page stands in its list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pagination {
    /// Rows asked for.
    pub limit: u64,
    /// Rows before it.
    pub offset: u64,
    /// Rows in all.
    pub total: u64,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The name of its workflow.
    pub job_type: String,
    /// One line for people.
    pub name: String,
    /// What is to be done, in the words of `/api/jobs`.
    pub description: Option<String>,
    /// The same in the words of `/api/agent-jobs`.
    pub task_description: Option<String>,
    /// Its status (`RUNNING` or `IN_PROGRESS` by API).
    pub status: String,
    /// The standard's word for it.
    pub phase: String,
    /// What it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// 0 to 9.
    pub priority: u8,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its owner.
    pub user_id: Option<String>,
    /// The agent that carries it out.
    pub assigned_agent_id: Option<String>,
    /// The number of its last run.
    pub run_number: u32,
    /// Calls started over all runs.
    pub attempts: u32,
    /// What it returned.
    pub result: Option<Value>,
    /// The error that ended it.
    pub error: Option<JobError>,
    /// When it was created.
    #[serde(deserialize_with = "time")]
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    #[serde(deserialize_with = "time")]
    pub updated_at: Option<Timestamp>,
    /// When its first run began.
    #[serde(deserialize_with = "time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "time")]
    pub completed_at: Option<Timestamp>,
}

/// What a job waits for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct WaitingFor {
    /// The stable code.
    pub code: String,
    /// One sentence.
    pub text: String,
    /// Since when.
    #[serde(deserialize_with = "time")]
    pub since: Option<Timestamp>,
    /// Until when at the latest.
    #[serde(deserialize_with = "time")]
    pub until: Option<Timestamp>,
}

/// The error that ended a job.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct JobError {
    /// What kind of error: a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its status code.
    pub status: u16,
    /// One line.
    pub title: Option<String>,
    /// What happened this time.
    pub detail: Option<String>,
    /// The task that raised it.
    pub instance: Option<String>,
}

/// A row of the log of a job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogRow {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    #[serde(alias = "createdAt", deserialize_with = "time")]
    pub at: Option<Timestamp>,
    /// The status after it.
    pub status: String,
    /// What happened, as the journal names it.
    pub event: String,
    /// One sentence for people.
    pub message: String,
    /// The task that it is about.
    pub reference: Option<String>,
}

/// A task of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimelineRow {
    /// The run.
    pub run: u32,
    /// JSON Pointer of the task.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub phase: String,
    /// Calls started for it.
    pub attempt: u32,
    /// When it began.
    #[serde(deserialize_with = "time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "time")]
    pub ended_at: Option<Timestamp>,
}

/// A checkpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Checkpoint {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job_id: String,
    /// The name of the job's workflow.
    pub job_type: Option<String>,
    /// The name of the job.
    pub job_name: Option<String>,
    /// What is asked.
    pub title: String,
    /// What is asked, as Markdown.
    pub summary: Option<String>,
    /// Where it stands.
    pub status: String,
    /// Does it hold its job?
    pub blocking: Option<bool>,
    /// SHA-256 of what is shown.
    pub digest: String,
    /// What is shown.
    pub shown: Option<Value>,
    /// Who may decide.
    pub assignees: Vec<String>,
    /// When it opened.
    #[serde(deserialize_with = "time")]
    pub created_at: Option<Timestamp>,
    /// When it expires.
    #[serde(deserialize_with = "time")]
    pub expires_at: Option<Timestamp>,
    /// Who approved.
    pub approved_by: Option<String>,
    /// Who rejected.
    pub rejected_by: Option<String>,
    /// Why.
    pub rejection_reason: Option<String>,
}

/// How the worker is, and the jobs by where they stand.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkerBody {
    /// The worker.
    pub worker: Worker,
    /// Jobs by where they stand.
    #[serde(default)]
    pub jobs: BTreeMap<String, u64>,
}

/// The worker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Worker {
    /// Does it start runs?
    pub is_running: bool,
    /// Runs that are going on.
    pub active_jobs: u64,
    /// How many there may be.
    pub max_concurrent_jobs: u64,
    /// Period of the safety sweep, milliseconds.
    pub poll_interval: u64,
}

/// Registered workflows.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkflowsBody {
    /// By name and version.
    pub workflows: Vec<Workflow>,
}

/// A registered workflow.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Workflow {
    /// `document.namespace`.
    pub namespace: String,
    /// `document.name`.
    pub name: String,
    /// `document.version`.
    pub version: String,
    /// Its title.
    pub title: Option<String>,
    /// What is wrong with it.
    pub defects: Vec<Value>,
}

impl Job {
    /// What is to be done, in whichever API's words.
    pub fn description(&self) -> &str {
        self.description.as_deref().or(self.task_description.as_deref()).unwrap_or_default()
    }

    /// Has it ended, unless somebody overrides that?
    pub fn is_ended(&self) -> bool {
        crate::model::status::Status::parse_either(&self.status)
            .is_ok_and(crate::model::status::Status::is_ended)
    }
}

impl Checkpoint {
    /// Does a person still have to decide, and does the job wait for it?
    pub fn holds(&self) -> bool {
        self.status == "PENDING" && self.blocking.unwrap_or(true)
    }
}

/// A time of the API: RFC 3339, null or absent. Another text counts as absent: a client must be
/// able to show the rest.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.as_deref().and_then(Timestamp::parse_rfc3339))
}
