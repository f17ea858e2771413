//! Registered agents: where they are, what they take and give, and how they may be asked. A secret
//! stands here sealed or not at all.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::id::AgentId;
use crate::model::status::{UnknownWord, words};
use crate::model::time::{Span, Timestamp};
use std::fmt;
use std::str::FromStr;

words! {
    /// How an agent answers.
    Mode {
        /// With the result, in the answer to the request.
        Sync = "sync",
        /// With 202, and with the result later: it calls back, or shows it at a status URL.
        Async = "async",
    }
}

words! {
    /// How Holdpoint proves to an agent who is calling.
    AuthScheme {
        /// `Authorization: Bearer SECRET`.
        Bearer = "bearer",
        /// `Authorization: Basic …`; the secret is `user:password`.
        Basic = "basic",
        /// The secret alone, in a header of the agent's choice.
        Header = "header",
    }
}

/// The credentials of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentAuth {
    /// How they are sent.
    pub scheme: AuthScheme,
    /// The name of the header, for the scheme `header`.
    pub header: Option<String>,
    /// The secret, sealed by the vault under the id of the agent.
    pub sealed: String,
}

/// How long an agent may take, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentTimeouts {
    /// To be connected to.
    pub connect_ms: u64,
    /// To say anything: before its answer, and between two pieces of it.
    pub response_ms: u64,
    /// For the whole attempt; of an asynchronous agent until it calls back.
    pub total_ms: u64,
}

impl Default for AgentTimeouts {
    fn default() -> Self {
        // Agents think before their first byte.
        Self { connect_ms: 5_000, response_ms: 120_000, total_ms: 300_000 }
    }
}

/// How often an attempt that failed in passing is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRetry {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The longest pause before the second attempt, milliseconds; it doubles with each further one.
    pub backoff_ms: u64,
    /// What it doubles up to, milliseconds.
    pub backoff_max_ms: u64,
}

impl Default for AgentRetry {
    fn default() -> Self {
        Self { max_attempts: 4, backoff_ms: 1_000, backoff_max_ms: 60_000 }
    }
}

/// How many requests an agent takes in a period; they may come all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests.
    pub requests: u32,
    /// In so many milliseconds.
    pub per_ms: u64,
}

/// A registered agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Which agent.
    pub id: AgentId,
    /// Its name, unique among all agents, by which documents may call it.
    pub name: String,
    /// What it can do, in words: matching reads them.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where requests are posted. For admins only.
    pub endpoint: String,
    /// How it knows who is calling.
    pub auth: Option<AgentAuth>,
    /// JSON Schema of what it takes.
    pub input_schema: Value,
    /// JSON Schema of what it gives.
    pub output_schema: Value,
    /// How long it may take.
    pub timeouts: AgentTimeouts,
    /// How often it is asked again.
    pub retry: AgentRetry,
    /// Requests to it at once.
    pub concurrency_max: u32,
    /// Requests to it in a period.
    pub rate_limit: Option<RateLimit>,
    /// How it answers.
    pub mode: Mode,
    /// Does it do the same work only once when it is asked twice with the same `Idempotency-Key`?
    /// Otherwise a call whose outcome is unknown is a question for a person.
    pub idempotent: bool,
    /// Is it asked at all? Calls of an inactive agent wait.
    pub is_active: bool,
    /// Changes so far, from 1.
    pub version: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl AgentRetry {
    /// The pause before the attempt after this one: exponential with full jitter, drawn from the
    /// key and the attempt, so that it is the same whenever it is asked for. What the agent asked
    /// for (`Retry-After`) is the least.
    pub fn delay(&self, key: &str, attempt: u32, asked: Option<Span>) -> Span {
        let doublings = attempt.saturating_sub(1).min(32);
        let ceiling = self.backoff_ms.saturating_mul(1 << doublings).min(self.backoff_max_ms);
        let ceiling = Span::from_millis(ceiling);
        let drawn = crate::model::id::CommitId::derived(&["retry", key, &attempt.to_string()]);
        // The low half is chance throughout; the high half carries the version of the UUID.
        let share = (drawn.as_u128() as u64 & 0xffff_ffff) as u128;
        let jittered = Span(((ceiling.0 as u128 * share) >> 32) as u64);
        let least = asked.unwrap_or_default().min(crate::model::limits::AGENT_BACKOFF_MAX);
        // Who says when to come again is not to meet everybody at that very moment.
        Span(least.0.saturating_add(jittered.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_ceiling_and_are_the_same_each_time() {
        let retry = AgentRetry { max_attempts: 9, backoff_ms: 100, backoff_max_ms: 1_000 };
        for attempt in 1..=9 {
            let ceiling = (100u64 << (attempt - 1)).min(1_000);
            let drawn: Vec<Span> =
                (0..64).map(|job| retry.delay(&format!("job-{job}"), attempt, None)).collect();
            assert!(drawn.iter().all(|pause| pause.0 <= ceiling * 1_000));
            // Full jitter: both halves are met.
            assert!(drawn.iter().any(|pause| pause.0 < ceiling * 500));
            assert!(drawn.iter().any(|pause| pause.0 > ceiling * 500));
            assert_eq!(drawn[7], retry.delay("job-7", attempt, None));
        }
    }

    #[test]
    fn an_agent_is_not_met_before_the_time_that_it_named_nor_after_an_endless_one() {
        let retry = AgentRetry { max_attempts: 3, backoff_ms: 10, backoff_max_ms: 10 };
        let asked = retry.delay("key", 1, Some(Span::from_secs(30)));
        assert!(asked >= Span::from_secs(30) && asked <= Span::from_millis(30_010));
        let endless = retry.delay("key", 1, Some(Span(u64::MAX)));
        assert!(endless.0 <= crate::model::limits::AGENT_BACKOFF_MAX.0 + 10_000);
    }

    #[test]
    fn no_attempt_is_too_many() {
        let retry = AgentRetry { max_attempts: 3, backoff_ms: u64::MAX, backoff_max_ms: 1_000 };
        assert!(retry.delay("key", u32::MAX, None) <= Span::from_secs(1));
        assert!(retry.delay("key", 0, None) <= Span::from_secs(1));
    }
}
