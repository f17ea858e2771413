//! A rule as it is kept: every change is a new version, and old versions stay.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::principal::Principal;
use crate::model::time::Timestamp;

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRule {
    /// What people call it.
    pub name: String,
    /// Of jobs of this workflow.
    pub job_type: String,
    /// Opened by this task; by any when absent.
    pub reference: Option<String>,
    /// Of jobs of this owner; of anybody when absent.
    pub owner: Option<String>,
    /// A jq expression over `{job, shown, title}`.
    pub when: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// So many of a hundred go to a person nevertheless.
    pub sample_percent: u8,
    /// Approvals on one day (UTC); as many as come when absent.
    pub max_per_day: Option<u32>,
}

/// What is to be changed of a rule. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleEdit {
    /// Another name.
    pub name: Option<String>,
    /// Another task, or any.
    pub reference: Option<Option<String>>,
    /// Another owner, or anybody.
    pub owner: Option<Option<String>>,
    /// Another condition.
    pub when: Option<String>,
    /// Another end.
    pub expires_at: Option<Timestamp>,
    /// Another sample.
    pub sample_percent: Option<u8>,
    /// Another limit, or none.
    pub max_per_day: Option<Option<u32>>,
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Which rule.
    pub id: Uuid,
    /// Which version of it, from 1.
    pub version: u64,
    /// What it says.
    #[serde(flatten)]
    pub says: NewRule,
    /// Since when this version holds: it is asked about checkpoints that opened after that.
    pub since: Timestamp,
    /// Who made this version.
    pub by: Principal,
    /// When it was revoked: this version approves nothing.
    pub revoked_at: Option<Timestamp>,
}

impl Rule {
    /// Does it approve anything at this time?
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.says.expires_at
    }

    /// The author of its decisions.
    pub fn principal(&self) -> Principal {
        Principal::System(format!("approval-rule:{}", self.id))
    }

    /// The next version.
    pub(super) fn edited(&self, edit: RuleEdit, by: Principal, now: Timestamp) -> Rule {
        let says = self.says.clone();
        let says = NewRule {
            name: edit.name.unwrap_or(says.name),
            reference: edit.reference.unwrap_or(says.reference),
            owner: edit.owner.unwrap_or(says.owner),
            when: edit.when.unwrap_or(says.when),
            expires_at: edit.expires_at.unwrap_or(says.expires_at),
            sample_percent: edit.sample_percent.unwrap_or(says.sample_percent),
            max_per_day: edit.max_per_day.unwrap_or(says.max_per_day),
            job_type: says.job_type,
        };
        Rule { version: self.version + 1, says, since: now, by, ..self.clone() }
    }
}
