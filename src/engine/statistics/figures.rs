//! What is counted for each agent, and how it is shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::latency::Latency;

/// What became of the work of one agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatistics {
    /// Calls that ended.
    pub calls: u64,
    /// Those of them that ended with an error.
    pub failed_calls: u64,
    /// Attempts that failed and were made again.
    pub retries: u64,
    /// Results that were found good enough.
    pub accepted: u64,
    /// Results that were not.
    pub rejected: u64,
    /// The accepted ones of all with a verdict, 0 to 1; none without a verdict.
    pub acceptance_rate: Option<f64>,
    /// Calls that were made because an earlier result was not good enough.
    pub resubmissions: u64,
    /// The time that half of the successful calls did not exceed, milliseconds, to an eighth.
    pub latency_p50_ms: Option<u64>,
    /// The same for 95 of 100.
    pub latency_p95_ms: Option<u64>,
    /// Tokens that judges read about its results.
    pub judge_input_tokens: u64,
    /// Tokens that judges wrote about them.
    pub judge_output_tokens: u64,
    /// What that cost, millionths of the currency of the prices; 0 when none is known.
    pub judge_cost_micros: u64,
}

/// The counts of one agent, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Figures {
    pub(super) calls: u64,
    pub(super) failed_calls: u64,
    pub(super) retries: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) resubmissions: u64,
    pub(super) latency: Latency,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cost_micros: u64,
}

impl Figures {
    pub(super) fn shown(&self) -> AgentStatistics {
        let judged = self.accepted + self.rejected;
        AgentStatistics {
            calls: self.calls,
            failed_calls: self.failed_calls,
            retries: self.retries,
            accepted: self.accepted,
            rejected: self.rejected,
            acceptance_rate: (judged > 0).then(|| self.accepted as f64 / judged as f64),
            resubmissions: self.resubmissions,
            latency_p50_ms: self.latency.quantile(50),
            latency_p95_ms: self.latency.quantile(95),
            judge_input_tokens: self.input_tokens,
            judge_output_tokens: self.output_tokens,
            judge_cost_micros: self.cost_micros,
        }
    }
}

/// The counts of all agents up to a place in the feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    /// The last entry of the feed that is in them.
    pub(super) position: u64,
    /// By the id of the agent.
    pub(super) agents: BTreeMap<String, Figures>,
}
