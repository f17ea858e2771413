//! Agents: what everybody may know of one, what an admin sees, and how one is registered. No shape
//! of this file can carry a secret out.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::problem::FieldError;
use crate::model::problem::Problem as CallProblem;

/// Whether an agent can be called now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// `available`, `busy`, `rate-limited`, `circuit-open`, `probing` or `inactive`.
    pub state: String,
    /// Until when it is so, RFC 3339, as far as that is known.
    pub until: Option<String>,
    /// Calls under way.
    pub in_use: u32,
    /// Calls that wait for their turn.
    pub queued: u32,
}

/// An agent as everybody may know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "name": "invoices",
    "description": "Sums invoices and reports totals", "tags": ["finance"],
    "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}, "mode": "sync",
    "active": true,
    "availability": {"state": "available", "until": null, "inUse": 0, "queued": 0}
}))]
pub struct Agent {
    /// Which agent (a UUID).
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// What it can do.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// JSON Schema of what it takes.
    #[schema(value_type = Value)]
    pub input_schema: Value,
    /// JSON Schema of what it gives.
    #[schema(value_type = Value)]
    pub output_schema: Value,
    /// `sync` or `async`.
    pub mode: String,
    /// Is it asked at all?
    pub active: bool,
    /// Can it be called now?
    pub availability: Availability,
}

/// How Holdpoint says who is calling, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownAuth {
    /// `bearer`, `basic` or `header`.
    pub scheme: String,
    /// The name of the header, for the scheme `header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// How long an agent may take, milliseconds; what is absent has its default or stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// To be connected to.
    #[serde(default)]
    pub connect_ms: Option<u64>,
    /// To say anything: before its answer, and between two pieces of it.
    #[serde(default)]
    pub response_ms: Option<u64>,
    /// For the whole attempt; of an asynchronous agent until it calls back.
    #[serde(default)]
    pub total_ms: Option<u64>,
}

/// How often an attempt that failed in passing is made again; what is absent has its default or
/// stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included.
    #[serde(default)]
    pub max_attempts: Option<u32>,
    /// The longest pause before the second attempt, milliseconds; it doubles with each further one.
    #[serde(default)]
    pub backoff_ms: Option<u64>,
    /// What it doubles up to, milliseconds.
    #[serde(default)]
    pub backoff_max_ms: Option<u64>,
}

/// How many requests an agent takes in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// Requests.
    pub requests: u32,
    /// In so many milliseconds.
    pub per_ms: u64,
}

/// How an agent did, over all of its jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Calls that ended.
    pub calls: u64,
    /// Those that ended in an error.
    pub failed_calls: u64,
    /// Attempts that were made again.
    pub retries: u64,
    /// Results that were good enough.
    pub accepted: u64,
    /// Results that were not.
    pub rejected: u64,
    /// The share of results that were good enough, 0 to 1; null before the first verdict.
    pub acceptance_rate: Option<f64>,
    /// Jobs that were sent back to it with reasons.
    pub resubmissions: u64,
    /// Half of its calls took at most so long, milliseconds.
    pub latency_p50_ms: Option<u64>,
    /// 95 % of its calls took at most so long, milliseconds.
    pub latency_p95_ms: Option<u64>,
    /// Tokens that the model read to judge its results.
    pub judge_input_tokens: u64,
    /// Tokens that the model wrote.
    pub judge_output_tokens: u64,
    /// What that cost, millionths of the currency of the prices in `[openai]`.
    pub judge_cost_micros: u64,
}

/// An agent as an admin sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminAgent {
    /// What everybody may know.
    #[serde(flatten)]
    pub agent: Agent,
    /// Where requests are posted.
    #[serde(rename = "endpointURL")]
    pub endpoint_url: String,
    /// How it knows who is calling; the secret is never shown.
    pub auth: Option<ShownAuth>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// How often it is asked again.
    pub retry: Retry,
    /// Requests to it at once.
    pub max_concurrency: u32,
    /// Requests to it in a period.
    pub rate_limit: Option<Rate>,
    /// Does it do the same work only once for one `Idempotency-Key`?
    pub idempotent: bool,
    /// Attempts in a row to which it gave no answer.
    pub failures: u32,
    /// How the last of them ended.
    pub last_failure: Option<String>,
    /// How it did so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
    /// Changes so far, from 1.
    pub version: u64,
    /// When it was registered, RFC 3339 in UTC.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// Credentials as an admin gives them.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAuth {
    /// `bearer`, `basic` or `header`.
    pub scheme: String,
    /// The name of the header, for the scheme `header`; `X-API-Key` when absent.
    #[serde(default)]
    pub header: Option<String>,
    /// The secret, `user:password` for `basic`. It is kept sealed and never shown. In a change it
    /// may be left out: then it stays.
    #[serde(default)]
    pub secret: Option<String>,
}

impl std::fmt::Debug for NewAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAuth").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// An agent to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "invoices", "description": "Sums invoices and reports totals",
    "endpointURL": "https://agents.example/invoices",
    "auth": {"scheme": "bearer", "secret": "…"},
    "inputSchema": {"type": "object"},
    "outputSchema": {"type": "object", "required": ["text"]}
}))]
pub struct NewAgent {
    /// Its name, unique whatever the case of its letters.
    pub name: String,
    /// What it can do: matching reads it.
    #[serde(default)]
    pub description: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where requests are posted: http or https, an address that the egress guard lets through.
    #[serde(rename = "endpointURL")]
    pub endpoint_url: String,
    /// How it knows who is calling.
    #[serde(default)]
    pub auth: Option<NewAuth>,
    /// JSON Schema of what it takes; anything when absent.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub input_schema: Option<Value>,
    /// JSON Schema of what it gives; anything when absent.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub output_schema: Option<Value>,
    /// How long it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often it is asked again.
    #[serde(default)]
    pub retry: Retry,
    /// Requests to it at once.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Requests to it in a period.
    #[serde(default)]
    pub rate_limit: Option<Rate>,
    /// `sync` (the default) or `async`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Does it do the same work only once for one `Idempotency-Key`? True when absent; otherwise a
    /// call whose outcome is unknown is a question for a person.
    #[serde(default)]
    pub idempotent: Option<bool>,
}

/// A change of an agent: what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"description": "Sums invoices of any currency", "active": true}))]
pub struct AgentEdit {
    /// The version that the change is about; a change of another one meanwhile is a conflict.
    #[serde(default)]
    pub version: Option<u64>,
    /// Is it to be asked?
    #[serde(default)]
    pub active: Option<bool>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// What it can do.
    #[serde(default)]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Where requests are posted. On another server the secret must be given again.
    #[serde(rename = "endpointURL")]
    #[serde(default)]
    pub endpoint_url: Option<String>,
    /// How it knows who is calling; null takes the credentials away.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<NewAuth>)]
    #[serde(default)]
    pub auth: Option<Option<NewAuth>>,
    /// JSON Schema of what it takes.
    #[schema(value_type = Option<Value>)]
    #[serde(default)]
    pub input_schema: Option<Value>,
    /// JSON Schema of what it gives.
    #[schema(value_type = Option<Value>)]
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// How long it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often it is asked again.
    #[serde(default)]
    pub retry: Retry,
    /// Requests to it at once.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    /// Requests to it in a period; null takes the limit away.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Rate>)]
    #[serde(default)]
    pub rate_limit: Option<Option<Rate>>,
    /// `sync` or `async`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Does it do the same work only once for one `Idempotency-Key`?
    #[serde(default)]
    pub idempotent: Option<bool>,
}

/// A member that is there, if only as null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentAnswer {
    /// Always true.
    pub success: bool,
    /// The agent.
    pub agent: Agent,
}

/// Every agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentList {
    /// Always true.
    pub success: bool,
    /// The agents, by name.
    pub agents: Vec<Agent>,
}

/// One agent, for an admin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdminAgentAnswer {
    /// Always true.
    pub success: bool,
    /// The agent.
    pub agent: AdminAgent,
    /// One sentence for people, after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Every agent, for an admin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdminAgentList {
    /// Always true.
    pub success: bool,
    /// The agents, by name.
    pub agents: Vec<AdminAgent>,
}

/// What a trial call sends.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"input": {"task": "Sum 1 and 2"}}))]
pub struct Trial {
    /// The body of the request; it is checked by the agent's input schema.
    #[schema(value_type = Value)]
    pub input: Value,
}

/// What became of a trial call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialAnswer {
    /// Always true: the call was made. Whether it went well is in `passed`.
    pub success: bool,
    /// Did it answer as it should (or with 202, when it is asynchronous)?
    pub passed: bool,
    /// Its result, when it gave one.
    #[schema(value_type = Option<Value>)]
    pub result: Option<Arc<Value>>,
    /// What went wrong, as problem details.
    #[schema(value_type = Option<Value>)]
    pub problem: Option<CallProblem>,
    /// What of the input does not fit the agent's input schema; it was sent all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<FieldError>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
}

/// Where an agent describes itself.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"agentCardUrl": "https://agents.example/.well-known/agent-card.json"}))]
pub struct CardImport {
    /// The address of its A2A agent card.
    pub agent_card_url: String,
    /// Its name here; the one on the card when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// How it knows who is calling.
    #[serde(default)]
    pub auth: Option<NewAuth>,
}
