//! What is counted of decisions, and how it is shown. Rates are of all checkpoints that ended by a
//! decision or by nobody deciding.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::engine::statistics::Latency;

/// By what figures are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OversightBy {
    /// The name of the workflow.
    Workflow,
    /// The agent of the job, by id; jobs without one are left out.
    Agent,
    /// Whoever decided, by user id.
    Reviewer,
}

impl fmt::Display for OversightBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OversightBy::Workflow => "workflow",
            OversightBy::Agent => "agent",
            OversightBy::Reviewer => "reviewer",
        })
    }
}

impl FromStr for OversightBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "workflow" => Ok(OversightBy::Workflow),
            "agent" => Ok(OversightBy::Agent),
            "reviewer" => Ok(OversightBy::Reviewer),
            _ => Err(format!("{text:?} is not one of workflow, agent, reviewer")),
        }
    }
}

/// Checkpoints that wait for a person, by how long they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// What became of checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decisions {
    /// Decisions by people.
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
    /// 0 to 1; none while nothing ended.
    pub approval_rate: Option<f64>,
    /// The same for rejections that sent the work back.
    pub send_back_rate: Option<f64>,
    /// The same for decisions that changed what was shown.
    pub edit_rate: Option<f64>,
    /// The same for those that nobody decided.
    pub expiry_rate: Option<f64>,
    /// Overrides for each checkpoint that ended; may be above 1.
    pub override_rate: Option<f64>,
    /// The time that half of the decisions did not exceed, milliseconds, to an eighth.
    pub time_to_decide_p50_ms: Option<u64>,
    /// The same for 95 of 100.
    pub time_to_decide_p95_ms: Option<u64>,
}

/// The figures of one workflow, agent or reviewer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OversightRow {
    /// Which one.
    pub name: String,
    /// What waits for it now.
    pub open: OpenByAge,
    /// What became of the others.
    pub decisions: Decisions,
}

/// Figures of a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Oversight {
    /// By name.
    pub rows: Vec<OversightRow>,
    /// All together.
    pub total: OversightRow,
}

/// Counts, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Figures {
    pub(super) approved: u64,
    pub(super) rejected: u64,
    pub(super) sent_back: u64,
    pub(super) edited: u64,
    pub(super) votes: u64,
    pub(super) expired: u64,
    pub(super) overrides: u64,
    pub(super) sub_second: u64,
    pub(super) latency: Latency,
}

impl Figures {
    pub(super) fn merge(&mut self, other: &Self) {
        self.approved += other.approved;
        self.rejected += other.rejected;
        self.sent_back += other.sent_back;
        self.edited += other.edited;
        self.votes += other.votes;
        self.expired += other.expired;
        self.overrides += other.overrides;
        self.sub_second += other.sub_second;
        self.latency.merge(&other.latency);
    }

    pub(super) fn shown(&self) -> Decisions {
        let decided = self.approved + self.rejected + self.sent_back;
        let ended = decided + self.expired;
        let rate = |count: u64| (ended > 0).then(|| count as f64 / ended as f64);
        Decisions {
            decided,
            approved: self.approved,
            rejected: self.rejected,
            sent_back: self.sent_back,
            edited: self.edited,
            votes: self.votes,
            expired: self.expired,
            overrides: self.overrides,
            sub_second_approvals: self.sub_second,
            approval_rate: rate(self.approved),
            send_back_rate: rate(self.sent_back),
            edit_rate: rate(self.edited),
            expiry_rate: rate(self.expired),
            override_rate: rate(self.overrides),
            time_to_decide_p50_ms: self.latency.quantile(50),
            time_to_decide_p95_ms: self.latency.quantile(95),
        }
    }
}

/// The counts of one day, by what they are told apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Day {
    pub(super) all: Figures,
    pub(super) workflows: BTreeMap<String, Figures>,
    pub(super) agents: BTreeMap<String, Figures>,
    pub(super) reviewers: BTreeMap<String, Figures>,
}

impl Day {
    pub(super) fn by(&self, by: OversightBy) -> &BTreeMap<String, Figures> {
        match by {
            OversightBy::Workflow => &self.workflows,
            OversightBy::Agent => &self.agents,
            OversightBy::Reviewer => &self.reviewers,
        }
    }

    /// Counts the same for everything that it is about.
    pub(super) fn count(&mut self, about: &About, with: impl Fn(&mut Figures)) {
        with(&mut self.all);
        with(self.workflows.entry(about.workflow.clone()).or_default());
        if let Some(agent) = &about.agent {
            with(self.agents.entry(agent.clone()).or_default());
        }
        if let Some(reviewer) = &about.reviewer {
            with(self.reviewers.entry(reviewer.clone()).or_default());
        }
    }
}

/// What something that is counted is about.
pub(super) struct About {
    pub(super) workflow: String,
    pub(super) agent: Option<String>,
    pub(super) reviewer: Option<String>,
}
