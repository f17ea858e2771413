//! Agents, for everybody and for admins. Endpoints are for admins, secrets for nobody.

use crate::api::agent::{
    AdminAgent, Agent, Availability, Rate, Retry, ShownAuth, Statistics, Timeouts, TrialAnswer,
};
use crate::api::problem::FieldError;
use crate::dsl::schema::Violation;
use crate::engine::{self, AgentStatistics, AgentTrial, AgentView};
use crate::http::present::time;

/// An agent as everybody may know it.
pub fn agent(view: &AgentView) -> Agent {
    let agent = &view.agent;
    Agent {
        id: agent.id.to_string(),
        name: agent.name.clone(),
        description: agent.description.clone(),
        tags: agent.tags.clone(),
        input_schema: agent.input_schema.clone(),
        output_schema: agent.output_schema.clone(),
        mode: agent.mode.to_string(),
        active: agent.is_active,
        availability: availability(&view.availability),
    }
}

fn availability(availability: &engine::Availability) -> Availability {
    Availability {
        state: availability.state.to_string(),
        until: availability.until.map(time),
        in_use: availability.in_use,
        queued: availability.queued,
    }
}

/// An agent as an admin sees it.
pub fn admin(view: &AgentView) -> AdminAgent {
    let known = &view.agent;
    let auth = known
        .auth
        .as_ref()
        .map(|auth| ShownAuth { scheme: auth.scheme.to_string(), header: auth.header.clone() });
    AdminAgent {
        agent: agent(view),
        endpoint_url: known.endpoint.clone(),
        auth,
        timeouts: Timeouts {
            connect_ms: Some(known.timeouts.connect_ms),
            response_ms: Some(known.timeouts.response_ms),
            total_ms: Some(known.timeouts.total_ms),
        },
        retry: Retry {
            max_attempts: Some(known.retry.max_attempts),
            backoff_ms: Some(known.retry.backoff_ms),
            backoff_max_ms: Some(known.retry.backoff_max_ms),
        },
        max_concurrency: known.concurrency_max,
        rate_limit: known
            .rate_limit
            .map(|rate| Rate { requests: rate.requests, per_ms: rate.per_ms }),
        idempotent: known.idempotent,
        failures: view.availability.failures,
        last_failure: view.availability.last_failure.clone(),
        statistics: None,
        version: known.version,
        created_at: time(known.created_at),
        updated_at: time(known.updated_at),
    }
}

/// The same with how it did.
pub fn admin_with(view: &AgentView, figures: Option<&AgentStatistics>) -> AdminAgent {
    AdminAgent { statistics: figures.map(statistics), ..admin(view) }
}

fn statistics(figures: &AgentStatistics) -> Statistics {
    Statistics {
        calls: figures.calls,
        failed_calls: figures.failed_calls,
        retries: figures.retries,
        accepted: figures.accepted,
        rejected: figures.rejected,
        acceptance_rate: figures.acceptance_rate,
        resubmissions: figures.resubmissions,
        latency_p50_ms: figures.latency_p50_ms,
        latency_p95_ms: figures.latency_p95_ms,
        judge_input_tokens: figures.judge_input_tokens,
        judge_output_tokens: figures.judge_output_tokens,
        judge_cost_micros: figures.judge_cost_micros,
    }
}

/// What became of a trial call.
pub fn trial(trial: AgentTrial, violations: Vec<Violation>) -> TrialAnswer {
    let field = |violation: Violation| {
        FieldError::at(format!("/input{}", violation.pointer), violation.message)
    };
    TrialAnswer {
        success: true,
        passed: trial.passed,
        result: trial.result,
        problem: trial.problem,
        violations: violations.into_iter().map(field).collect(),
        took_ms: trial.took_ms,
    }
}
