//! Auto-approve rules: which checkpoints need no person.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A rule to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "small invoices", "jobType": "approval-gate",
    "when": ".shown.amount < 100 and .shown.currency == \"EUR\"",
    "expiresAt": "2026-06-30T00:00:00Z", "samplePercent": 5, "maxPerDay": 200
}))]
pub struct NewRule {
    /// What people call it.
    pub name: String,
    /// Of jobs of this workflow; gates are `approval-gate`.
    pub job_type: String,
    /// Opened by this task (JSON Pointer); by any when absent.
    #[serde(default)]
    pub reference: Option<String>,
    /// Of jobs of this owner; of anybody when absent.
    #[serde(default)]
    pub owner: Option<String>,
    /// A jq expression over `{job, shown, title}`. What fails says no.
    pub when: String,
    /// Until when it holds, RFC 3339: at most a year from now.
    pub expires_at: String,
    /// So many of a hundred go to a person nevertheless, chosen by a hash; 0 when absent.
    #[serde(default)]
    pub sample_percent: u8,
    /// Approvals on one day (UTC); as many as come when absent.
    #[serde(default)]
    pub max_per_day: Option<u32>,
}

/// What is to be changed of a rule. What is absent stays; null takes a limit away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"version": 1, "samplePercent": 10}))]
pub struct RuleEdit {
    /// The version that is to be changed; whatever is there when absent.
    #[serde(default)]
    pub version: Option<u64>,
    /// Another name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another task, or null for any.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub reference: Option<Option<String>>,
    /// Another owner, or null for anybody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<Option<String>>,
    /// Another condition.
    #[serde(default)]
    pub when: Option<String>,
    /// Another end.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// Another sample.
    #[serde(default)]
    pub sample_percent: Option<u8>,
    /// Another limit, or null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub max_per_day: Option<Option<u32>>,
}

/// Tells null from what is absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Which rule.
    pub id: String,
    /// Which version of it, from 1.
    pub version: u64,
    /// What people call it.
    pub name: String,
    /// Of jobs of this workflow.
    pub job_type: String,
    /// Opened by this task; by any when null.
    pub reference: Option<String>,
    /// Of jobs of this owner; of anybody when null.
    pub owner: Option<String>,
    /// The condition.
    pub when: String,
    /// Until when it holds.
    pub expires_at: String,
    /// So many of a hundred go to a person nevertheless.
    pub sample_percent: u8,
    /// Approvals on one day; as many as come when null.
    pub max_per_day: Option<u32>,
    /// `ACTIVE`, `EXPIRED` or `REVOKED`.
    pub status: String,
    /// Since when this version holds: it is asked about checkpoints that open after that.
    pub since: String,
    /// Who made this version.
    pub changed_by: String,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// Approvals of today, when there is a limit to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_today: Option<u32>,
}

/// The answer about one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleAnswer {
    /// Always true.
    pub success: bool,
    /// The rule.
    pub rule: Rule,
}

/// A list of rules, or the versions of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleList {
    /// Always true.
    pub success: bool,
    /// The rules, oldest first.
    pub rules: Vec<Rule>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// A rule that is not there yet, to be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"jobType": "approval-gate", "when": ".shown.amount < 100"}))]
pub struct DryRun {
    /// Of jobs of this workflow.
    pub job_type: String,
    /// A jq expression over `{job, shown, title}`.
    pub when: String,
    /// Opened by this task; by any when absent.
    #[serde(default)]
    pub reference: Option<String>,
    /// Of jobs of this owner; of anybody when absent.
    #[serde(default)]
    pub owner: Option<String>,
}

/// What a rule would have said at one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunFinding {
    /// The checkpoint.
    pub checkpoint_id: String,
    /// Its job.
    pub job_id: String,
    /// What was asked.
    pub title: String,
    /// When it opened.
    pub opened_at: String,
    /// How it stands: what people decided.
    pub status: String,
    /// Would the rule have approved?
    pub would_approve: bool,
    /// Why not, if not.
    pub reason: Option<String>,
}

/// The answer of a dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunAnswer {
    /// Always true.
    pub success: bool,
    /// Checkpoints that the rule would have approved.
    pub would_approve: u32,
    /// Of these, how many people rejected or sent back.
    pub against_people: u32,
    /// Every checkpoint of the workflow among the newest, newest first.
    pub findings: Vec<DryRunFinding>,
}
