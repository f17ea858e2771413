//! The audit trail, and whether it holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Where a wish came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The address of the caller, as far as it can be trusted.
    pub address: Option<String>,
    /// `session:…`, `token:…`, `link:…`, `cli` or `system`.
    pub via: String,
}

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// By whom: a user id, `agent:…` or `system:…`. Never null.
    pub by: String,
    /// What: the most telling event of a commit of a job, or the action of a fact.
    pub action: String,
    /// To what: the id of a job, a user, a name.
    pub target: String,
    /// The last event of the commit in the journal of its job; null when it is about no commit.
    pub last_event: Option<u64>,
    /// SHA-256 of the append of the commit, or of the detail of the fact.
    pub digest: String,
    /// The digest of what was shown at the checkpoint that the commit decided.
    pub shown: Option<String>,
    /// Was a reason given?
    pub has_reason: bool,
    /// What else is to be known of the fact.
    pub detail: Value,
    /// From where; null for what Holdpoint does by itself.
    pub origin: Option<Origin>,
    /// The link of the entry: SHA-256 of the link before it and of its content.
    pub hash: String,
}

/// A page of the trail, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// Always true.
    pub success: bool,
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Entries in the whole trail.
    pub total: u64,
    /// Send it as `cursor` to go on; null at the end. A page may be short although more follow.
    pub next_cursor: Option<String>,
}

/// Something that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditFinding {
    /// The entry; null when it is about none.
    pub entry: Option<u64>,
    /// A stable word: `damaged-entry`, `missing-entry`, `broken-link`, `cut-off`, `wrong-order`,
    /// `journal-differs`, `journal-damaged`, `journal-missing`, `unlogged-commit`, `forged-head`,
    /// `head-differs`.
    pub kind: String,
    /// What is wrong.
    pub what: String,
}

/// Whether the trail holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Is everything what was written?
    pub holds: bool,
    /// The random id of the store.
    pub store_id: String,
    /// How often it was restored or imported.
    pub generation: u64,
    /// Entries that were followed.
    pub entries: u64,
    /// Commits of journals that are what their entries say.
    pub commits: u64,
    /// Commits whose jobs were removed when their time was over.
    pub removed: u64,
    /// Signed heads that hold.
    pub heads: u64,
    /// The public key that signed them.
    pub key: Option<String>,
    /// What is wrong, by entry: the first is the first one changed.
    pub findings: Vec<AuditFinding>,
    /// What is worth knowing and is no damage.
    pub notes: Vec<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerifyAnswer {
    /// Always true: that the trail does not hold is no failure of the request.
    pub success: bool,
    /// What was found.
    pub verification: AuditVerification,
}
