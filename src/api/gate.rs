//! Approval gates: one question for people, asked by another program.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::page::Pagination;
use crate::model::problem::Problem;

/// A gate to be opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "title": "Pay invoice 4711?",
    "summary": "The agent wants to pay EUR 12,400 to Example GmbH.",
    "show": {"invoice": 4711, "amount": 12400, "currency": "EUR"},
    "assignees": ["group:finance"],
    "expiresAfter": "PT4H",
    "callback": {"url": "https://agent.example/decisions"}
}))]
pub struct NewGate {
    /// What is asked, one line.
    pub title: String,
    /// What is asked, as Markdown text.
    #[serde(default)]
    pub summary: Option<String>,
    /// What is shown: any JSON. `files [{path, content, before?}]` is shown as a diff.
    #[schema(value_type = Value)]
    pub show: Arc<Value>,
    /// Roles, groups and users who may decide; the role `reviewer` when absent.
    #[serde(default)]
    pub assignees: Option<Vec<String>>,
    /// Approvals of different people that it takes; 1 when absent.
    #[serde(default)]
    pub quorum: Option<u32>,
    /// May the last editor of what is shown not approve either? Who opened the gate never may.
    #[serde(default)]
    pub four_eyes: Option<bool>,
    /// JSON Schema of what an approval has to bring as its input.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub form: Option<Value>,
    /// A JSON Pointer into `show`, or a list of them, at and below which an approval may change
    /// what is shown.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub editable: Option<Value>,
    /// How long people have, ISO 8601; `PT24H` when absent.
    #[serde(default)]
    pub expires_after: Option<String>,
    /// What happens then: `reject` (the gate is EXPIRED), `approve`, `fault` or `escalate`.
    #[serde(default)]
    pub on_expiry: Option<String>,
    /// How long until people are reminded, ISO 8601.
    #[serde(default)]
    pub remind_after: Option<String>,
    /// How long until the next of `escalateTo` is asked too, ISO 8601.
    #[serde(default)]
    pub escalate_after: Option<String>,
    /// Who is asked too, one after the other; the role `admin` when absent.
    #[serde(default)]
    pub escalate_to: Option<Vec<String>>,
    /// May a signed link decide with a typed confirmation, without a login?
    #[serde(default)]
    pub link_confirm: Option<bool>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Who is told of the decision.
    #[serde(default)]
    pub callback: Option<NewCallback>,
}

/// Who is told of a decision.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCallback {
    /// Where the message is posted, signed as Standard Webhooks 1.0.0 says.
    pub url: String,
    /// The secret that it is signed with: `whsec_` and 24 to 64 bytes as base64. One is drawn, and
    /// shown in this answer only, when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for NewCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCallback").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "title": "Pay invoice 4711?",
    "status": "APPROVED", "checkpointId": "6f9619ff-8b86-8011-b42d-00c04fc964ff",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "decision": {"by": "0198c7a2-0000-7b3a-9f5e-2f6d1d7a0c22", "at": "2026-01-15T10:31:00.000Z",
        "comment": "Looks right", "input": null, "value": {"invoice": 4711, "amount": 12400}},
    "createdAt": "2026-01-15T10:30:00.000Z", "expiresAt": "2026-01-15T14:30:00.000Z",
    "url": "https://holdpoint.example/api/gates/0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11",
    "labels": {}
}))]
pub struct Gate {
    /// Which gate; also the id of its job.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// `PENDING`, `APPROVED`, `REJECTED`, `SENT_BACK`, `EXPIRED` or `CANCELLED`.
    pub status: String,
    /// What people decide at; null before it opened.
    pub checkpoint_id: Option<String>,
    /// SHA-256 of the canonical JSON of what is shown.
    pub digest: Option<String>,
    /// The decision; null while there is none.
    pub decision: Option<GateDecision>,
    /// When it was opened, RFC 3339 in UTC.
    pub created_at: String,
    /// When people have had their time.
    pub expires_at: Option<String>,
    /// Where to ask for it.
    pub url: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// How far the callback is; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// Why it could not be asked, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub error: Option<Problem>,
}

/// The decision of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateDecision {
    /// Who decided; null when nobody did in time.
    pub by: Option<String>,
    /// When.
    pub at: Option<String>,
    /// The reason or comment.
    pub comment: Option<String>,
    /// What the person entered.
    #[schema(value_type = Option<Value>)]
    pub input: Option<Arc<Value>>,
    /// What was approved, after any edit; null when it was not.
    #[schema(value_type = Option<Value>)]
    pub value: Option<Value>,
}

/// The callback of a gate.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// Where it goes.
    pub url: String,
    /// `PENDING`, `DELIVERED` or `FAILED`. A callback that fails changes no decision.
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// The job that delivers it; to resubmit that job sends it again.
    pub job_id: Option<String>,
    /// The secret that was drawn for it. In the answer that opened the gate only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Callback");
        shown.field("url", &self.url).field("status", &self.status).finish_non_exhaustive()
    }
}

/// The answer about one gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateAnswer {
    /// Always true.
    pub success: bool,
    /// The gate.
    pub gate: Gate,
}

/// A list of gates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateList {
    /// Always true.
    pub success: bool,
    /// The gates.
    pub gates: Vec<Gate>,
    /// Where the page stands.
    pub pagination: Pagination,
}

/// A fact of a gate, as `data` of a server-sent event. Its name is the name of the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateEvent {
    /// Which gate.
    pub gate_id: String,
    /// Where it stood after the fact.
    pub status: String,
    /// When it happened.
    pub at: String,
    /// By whom.
    pub by: String,
    /// One sentence for people.
    pub message: String,
}
