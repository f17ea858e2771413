//! Checkpoints: what a person is asked, what is shown, what was decided.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::checkpoint_people::{Claim, People};
use crate::api::log::LogRow;
use crate::api::page::Pagination;

/// A checkpoint. Lists leave out what only its journal knows (`summary`, `shown`, `run`, …).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "6f9619ff-8b86-8011-b42d-00c04fc964ff", "jobId": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11",
    "jobType": "code-generation", "jobName": "Generate auth module", "status": "PENDING",
    "purpose": "gate", "blocking": true, "title": "Review the generated files",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "assignees": ["role:reviewer"], "reference": "/do/1/review",
    "createdAt": "2026-01-15T10:30:00.000Z", "expiresAt": "2026-01-16T10:30:00.000Z",
    "approvedBy": null, "approvedAt": null, "rejectedBy": null, "rejectionReason": null,
    "comment": null, "decidedAt": null, "quorum": 1, "approvals": 0, "claim": null,
    "escalatesAt": null, "group": "3f1c9a0b7d2e4f56"
}))]
pub struct Checkpoint {
    /// Which checkpoint.
    pub id: String,
    /// Its job.
    pub job_id: String,
    /// The workflow of the job.
    pub job_type: String,
    /// The name of the job.
    pub job_name: String,
    /// `PENDING`, `APPROVED`, `REJECTED`, `SENT_BACK`, `EXPIRED` or `CANCELLED`.
    pub status: String,
    /// `gate` (holds the run), `review` (holds nothing), `in-doubt` (what became of a call?) or
    /// `evaluation` (is a result good enough?).
    pub purpose: String,
    /// Does it hold the run?
    pub blocking: bool,
    /// What is asked, one line.
    pub title: String,
    /// SHA-256 of the canonical JSON of what is shown now; a decision names it.
    pub digest: String,
    /// Roles, groups and users that may decide, as the document names them.
    pub assignees: Vec<String>,
    /// JSON Pointer of the task that opened it.
    pub reference: String,
    /// When it opened, RFC 3339 in UTC.
    pub created_at: String,
    /// When it expires.
    pub expires_at: Option<String>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<String>,
    /// Who rejected it or sent it back.
    pub rejected_by: Option<String>,
    /// Why it was rejected or sent back.
    pub rejection_reason: Option<String>,
    /// The comment of the decision.
    pub comment: Option<String>,
    /// When it left PENDING, by a decision or without one.
    pub decided_at: Option<String>,
    /// Approvals of different people that it takes.
    pub quorum: u32,
    /// Approvals so far, while more are needed.
    pub approvals: u32,
    /// Who keeps others from deciding now.
    pub claim: Option<Claim>,
    /// When the next one is asked too.
    pub escalates_at: Option<String>,
    /// The same for checkpoints that ask the same of the same kind of job.
    pub group: String,
    /// What is asked, as Markdown text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What is shown: frozen when it opened, changed by edits alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub shown: Option<Arc<Value>>,
    /// The run that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// What happens when nobody decides in time: `reject`, `approve`, `fault` or `escalate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_expiry: Option<String>,
    /// Who decides and how, and who did what so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Box<People>>,
    /// What the person entered with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub input: Option<Arc<Value>>,
}

/// What changes in one of the files that are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// The path of the file.
    pub path: String,
    /// The unified diff against its last approved version; null when it is too large to compute.
    pub diff: Option<String>,
}

/// A list of checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointList {
    /// Always true.
    pub success: bool,
    /// The checkpoints.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the page stands.
    pub pagination: Pagination,
}

/// One checkpoint with all that a person needs to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointDetail {
    /// Always true.
    pub success: bool,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// What changes in the files that are shown, when files are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Vec<FileDiff>>,
    /// The log of its job, oldest first.
    pub logs: Vec<LogRow>,
    /// Every checkpoint of the job that was decided so far.
    pub decisions: Vec<Checkpoint>,
}

/// The answer to a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecisionAnswer {
    /// Always true.
    pub success: bool,
    /// The checkpoint; PENDING still when others have to decide as well.
    pub checkpoint: Checkpoint,
    /// One sentence for people.
    #[schema(example = "Checkpoint approved successfully")]
    pub message: String,
}

/// An approval. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"comment": "Looks right"}))]
pub struct Approval {
    /// The digest of what was seen; the approval is refused when something else is shown now.
    #[serde(default)]
    pub digest: Option<String>,
    /// Why.
    #[serde(default)]
    pub comment: Option<String>,
    /// What the person enters; the task returns it.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub input: Option<Arc<Value>>,
    /// The whole of what is shown, as it should be instead: it may differ at and below `editable`
    /// only. Votes for what was shown before are void.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub edit: Option<Arc<Value>>,
    /// The paths of the shown files that are approved; the others are recorded as not approved.
    #[serde(default)]
    pub files: Option<Vec<String>>,
}

/// A rejection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Code doesn't meet security standards"}))]
pub struct Rejection {
    /// Why.
    pub reason: String,
    /// The digest of what was seen.
    #[serde(default)]
    pub digest: Option<String>,
}

/// A decision of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "decision": "send-back",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "reason": "Add a test for the empty password"
}))]
pub struct Decision {
    /// `approve`, `reject` or `send-back`.
    pub decision: String,
    /// The digest of what was seen.
    pub digest: String,
    /// Why; required to reject or send back.
    #[serde(default)]
    pub reason: Option<String>,
    /// Another word for `reason`.
    #[serde(default)]
    pub comment: Option<String>,
    /// What the person enters; the task returns it.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub input: Option<Arc<Value>>,
    /// The whole of what is shown, as it should be instead: it may differ at and below `editable`
    /// only. Votes for what was shown before are void.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub edit: Option<Arc<Value>>,
    /// The paths of the shown files that are approved; the others are recorded as not approved.
    #[serde(default)]
    pub files: Option<Vec<String>>,
}
