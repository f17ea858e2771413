//! From the wire shapes of agents to what the engine registers. The engine checks limits, schemas
//! and addresses; here are words and defaults alone.

use serde_json::Value;

use crate::api::agent::{AgentEdit, CardImport, NewAgent, NewAuth, Rate, Retry, Timeouts};
use crate::engine;
use crate::http::problem::ApiError;
use crate::model::agent::{Agent, AgentRetry, AgentTimeouts, AuthScheme, Mode, RateLimit};

/// An agent to be registered.
pub fn new_agent(body: NewAgent) -> Result<engine::NewAgent, ApiError> {
    let plain = engine::NewAgent::new(body.name, body.endpoint_url);
    Ok(engine::NewAgent {
        description: body.description,
        tags: body.tags,
        auth: body.auth.map(auth).transpose()?,
        input_schema: body.input_schema.unwrap_or(plain.input_schema),
        output_schema: body.output_schema.unwrap_or(plain.output_schema),
        timeouts: timeouts(plain.timeouts, body.timeouts),
        retry: retry(plain.retry, body.retry),
        concurrency_max: body.max_concurrency.unwrap_or(plain.concurrency_max),
        rate_limit: body.rate_limit.map(rate),
        mode: mode(body.mode.as_deref())?.unwrap_or(plain.mode),
        idempotent: body.idempotent.unwrap_or(plain.idempotent),
        ..plain
    })
}

/// A change of this agent.
pub fn agent_edit(known: &Agent, body: AgentEdit) -> Result<engine::AgentEdit, ApiError> {
    Ok(engine::AgentEdit {
        name: body.name,
        description: body.description,
        tags: body.tags,
        endpoint: body.endpoint_url,
        auth: match body.auth {
            Some(given) => Some(given.map(auth).transpose()?),
            None => None,
        },
        input_schema: body.input_schema,
        output_schema: body.output_schema,
        timeouts: Some(timeouts(known.timeouts, body.timeouts)),
        retry: Some(retry(known.retry, body.retry)),
        concurrency_max: body.max_concurrency,
        rate_limit: body.rate_limit.map(|given| given.map(rate)),
        mode: mode(body.mode.as_deref())?,
        idempotent: body.idempotent,
        is_active: body.active,
    })
}

/// An agent as its card describes it (A2A 0.3, "Agent Card"): what it says in words, and where it
/// is. It takes and gives anything until an admin says more.
pub fn imported(card: &Value, import: CardImport) -> Result<engine::NewAgent, ApiError> {
    let text = |name: &str| card.get(name).and_then(Value::as_str).map(str::to_owned);
    let missing = |member: &str| {
        let message = format!("the agent card has no `{member}`: is it one?");
        ApiError::invalid_at("/agentCardUrl", message)
    };
    let name = import.name.or_else(|| text("name")).ok_or_else(|| missing("name"))?;
    let endpoint = text("url").ok_or_else(|| missing("url"))?;
    let skills = card.get("skills").and_then(Value::as_array);
    let skills: Vec<&Value> = skills.into_iter().flatten().collect();
    let mut description = text("description").unwrap_or_default();
    let mut tags = Vec::new();
    for skill in skills {
        for member in ["name", "description"] {
            if let Some(words) = skill.get(member).and_then(Value::as_str) {
                description.push('\n');
                description.push_str(words);
            }
        }
        let words = skill.get("tags").and_then(Value::as_array);
        tags.extend(words.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    tags.sort();
    tags.dedup();
    let plain = engine::NewAgent::new(name, endpoint);
    Ok(engine::NewAgent { description, tags, auth: import.auth.map(auth).transpose()?, ..plain })
}

fn auth(given: NewAuth) -> Result<engine::NewAuth, ApiError> {
    let scheme = given.scheme.parse::<AuthScheme>();
    let scheme =
        scheme.map_err(|unknown| ApiError::invalid_at("/auth/scheme", unknown.to_string()))?;
    Ok(engine::NewAuth { scheme, header: given.header, secret: given.secret })
}

fn mode(text: Option<&str>) -> Result<Option<Mode>, ApiError> {
    let read = text.map(str::parse::<Mode>).transpose();
    read.map_err(|unknown| ApiError::invalid_at("/mode", unknown.to_string()))
}

fn timeouts(base: AgentTimeouts, given: Timeouts) -> AgentTimeouts {
    AgentTimeouts {
        connect_ms: given.connect_ms.unwrap_or(base.connect_ms),
        response_ms: given.response_ms.unwrap_or(base.response_ms),
        total_ms: given.total_ms.unwrap_or(base.total_ms),
    }
}

fn retry(base: AgentRetry, given: Retry) -> AgentRetry {
    AgentRetry {
        max_attempts: given.max_attempts.unwrap_or(base.max_attempts),
        backoff_ms: given.backoff_ms.unwrap_or(base.backoff_ms),
        backoff_max_ms: given.backoff_max_ms.unwrap_or(base.backoff_max_ms),
    }
}

fn rate(given: Rate) -> RateLimit {
    RateLimit { requests: given.requests, per_ms: given.per_ms }
}
