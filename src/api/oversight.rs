//! How people decide.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Checkpoints that wait for a person, by how long they have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenByAge {
    /// All of them.
    pub total: u64,
    /// Less than an hour.
    pub under1h: u64,
    /// From one to four hours.
    pub under4h: u64,
    /// From four hours to a day.
    pub under24h: u64,
    /// From one day to three.
    pub under3d: u64,
    /// Three days and more.
    pub older: u64,
}

/// What became of checkpoints. Rates are of those that ended by a decision or by nobody deciding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decisions {
    /// Decisions by people and rules.
    pub decided: u64,
    /// Approvals among them.
    pub approved: u64,
    /// Rejections.
    pub rejected: u64,
    /// Sent back for rework.
    pub sent_back: u64,
    /// Decisions that changed what was shown.
    pub edited: u64,
    /// Votes that did not decide yet.
    pub votes: u64,
    /// Checkpoints that nobody decided in time.
    pub expired: u64,
    /// What people did to jobs against their course.
    pub overrides: u64,
    /// Approvals within a second of the opening: nobody reads that fast.
    pub sub_second_approvals: u64,
    /// 0 to 1; null while nothing ended.
    pub approval_rate: Option<f64>,
    /// Of those that were sent back.
    pub send_back_rate: Option<f64>,
    /// Of decisions that changed what was shown.
    pub edit_rate: Option<f64>,
    /// Of those that nobody decided.
    pub expiry_rate: Option<f64>,
    /// Overrides for each checkpoint that ended; may be above 1.
    pub override_rate: Option<f64>,
    /// The time that half of the decisions did not exceed, milliseconds, to an eighth.
    pub time_to_decide_p50_ms: Option<u64>,
    /// The same for 95 of 100.
    pub time_to_decide_p95_ms: Option<u64>,
}

/// The figures of one workflow, agent or reviewer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OversightRow {
    /// Its name: that of a workflow, the id of an agent or of a user. What waits for a reviewer is
    /// told under the assignees as the document names them.
    pub name: String,
    /// What waits now.
    pub open: OpenByAge,
    /// What became of the others.
    pub decisions: Decisions,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OversightAnswer {
    /// Always true.
    pub success: bool,
    /// `workflow`, `agent` or `reviewer`.
    pub by: String,
    /// By name.
    pub rows: Vec<OversightRow>,
    /// All together.
    pub total: OversightRow,
}
