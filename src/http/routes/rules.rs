//! `/api/admin/approval-rules`: which checkpoints need no person. Every change is a new version.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::api::rule::{DryRun, DryRunAnswer, NewRule, RuleAnswer, RuleEdit, RuleList};
use crate::engine::{self, EngineError, Rule, RuleTrial};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{JsonBody, NamePath, QueryOf};
use crate::http::present::rule as present;
use crate::http::problem::ApiError;
use crate::http::routes::links::LinksQuery;
use crate::http::state::HttpState;
use crate::model::time::Timestamp;

/// Makes a rule.
#[utoipa::path(post, path = "/api/admin/approval-rules", operation_id = "makeRule", tag = "gates",
    description = "Makes a rule that approves checkpoints in place of people: those that open from \
    now on, of one workflow, where a jq expression holds. It never decides where a quorum, four \
    eyes or a form ask for people, nor about results and calls in doubt.",
    request_body = NewRule,
    responses((status = 201, description = "Made", body = RuleAnswer)))]
pub async fn make(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewRule>,
) -> Result<Response, ApiError> {
    let new = body.value;
    let says = engine::NewRule {
        name: new.name,
        job_type: new.job_type,
        reference: new.reference,
        owner: new.owner,
        when: new.when,
        expires_at: time(&new.expires_at)?,
        sample_percent: new.sample_percent,
        max_per_day: new.max_per_day,
    };
    let (engine, author) = (state.engine.clone(), caller.author());
    let rule = detached(async move { engine.make_rule(says, author).await }).await?;
    let location = HeaderValue::from_str(&format!("/api/admin/approval-rules/{}", rule.id));
    let mut response = (StatusCode::CREATED, Json(answer(&state, &rule).await?)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Every rule.
#[utoipa::path(get, path = "/api/admin/approval-rules", operation_id = "listRules", tag = "gates",
    description = "The newest version of every rule, revoked ones too, oldest first, in pages.",
    params(LinksQuery),
    responses((status = 200, description = "A page of rules", body = RuleList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<LinksQuery>,
) -> Result<Json<RuleList>, ApiError> {
    let (limit, after) = query.read()?;
    let rules = state.engine.rules(after, limit).await?;
    let last = rules.last().filter(|_| rules.len() == limit);
    let next_cursor = last.map(|rule: &Rule| rule.id.to_string());
    let now = state.engine.now();
    let mut shown = Vec::with_capacity(rules.len());
    for rule in &rules {
        shown.push(present::rule(rule, now, Some(state.engine.uses_today(rule).await?)));
    }
    Ok(Json(RuleList { success: true, rules: shown, next_cursor }))
}

/// A rule.
#[utoipa::path(get, path = "/api/admin/approval-rules/{id}", operation_id = "readRule",
    tag = "gates",
    description = "The newest version of a rule.",
    params(("id" = String, Path, description = "The rule")),
    responses((status = 200, description = "The rule", body = RuleAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    NamePath(id): NamePath,
) -> Result<Json<RuleAnswer>, ApiError> {
    let rule = state.engine.rule(rule_id(&id)?).await?;
    Ok(Json(answer(&state, &rule).await?))
}

/// The versions of a rule.
#[utoipa::path(get, path = "/api/admin/approval-rules/{id}/versions",
    operation_id = "listRuleVersions", tag = "gates",
    description = "Every version of a rule, oldest first: what it said when it decided.",
    params(("id" = String, Path, description = "The rule")),
    responses((status = 200, description = "The versions", body = RuleList)))]
pub async fn versions(
    State(state): State<HttpState>,
    NamePath(id): NamePath,
) -> Result<Json<RuleList>, ApiError> {
    let rules = state.engine.rule_versions(rule_id(&id)?).await?;
    let now = state.engine.now();
    let rules = rules.iter().map(|rule| present::rule(rule, now, None)).collect();
    Ok(Json(RuleList { success: true, rules, next_cursor: None }))
}

/// Changes a rule.
#[utoipa::path(patch, path = "/api/admin/approval-rules/{id}", operation_id = "changeRule",
    tag = "gates",
    description = "Makes the next version of a rule. It is asked about checkpoints that open from \
    now on.",
    params(("id" = String, Path, description = "The rule")),
    request_body = RuleEdit,
    responses((status = 200, description = "The new version", body = RuleAnswer)))]
pub async fn change(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
    body: JsonBody<RuleEdit>,
) -> Result<Json<RuleAnswer>, ApiError> {
    let (id, given) = (rule_id(&id)?, body.value);
    let edit = engine::RuleEdit {
        name: given.name,
        reference: given.reference,
        owner: given.owner,
        when: given.when,
        expires_at: given.expires_at.as_deref().map(time).transpose()?,
        sample_percent: given.sample_percent,
        max_per_day: given.max_per_day,
    };
    let (engine, author, version) = (state.engine.clone(), caller.author(), given.version);
    let changed = async move { engine.change_rule(id, version, edit, author).await };
    let rule = detached(changed).await?;
    Ok(Json(answer(&state, &rule).await?))
}

/// Revokes a rule.
#[utoipa::path(delete, path = "/api/admin/approval-rules/{id}", operation_id = "revokeRule",
    tag = "gates",
    description = "Revokes a rule: when this answers, it decides nothing more. Its history stays.",
    params(("id" = String, Path, description = "The rule")),
    responses((status = 200, description = "The revoked rule", body = RuleAnswer)))]
pub async fn revoke(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<RuleAnswer>, ApiError> {
    let id = rule_id(&id)?;
    let (engine, author) = (state.engine.clone(), caller.author());
    let rule = detached(async move { engine.revoke_rule(id, author).await }).await?;
    Ok(Json(answer(&state, &rule).await?))
}

/// Tries a rule that is not there yet.
#[utoipa::path(post, path = "/api/admin/approval-rules/dry-run", operation_id = "tryRule",
    tag = "gates",
    description = "Says which of the newest 200 checkpoints a rule would have approved, and what \
    people decided there. It decides nothing.",
    request_body = DryRun,
    responses((status = 200, description = "What it would have done", body = DryRunAnswer)))]
pub async fn dry_run(
    State(state): State<HttpState>,
    body: JsonBody<DryRun>,
) -> Result<Json<DryRunAnswer>, ApiError> {
    let DryRun { job_type, when, reference, owner } = body.value;
    let trial = RuleTrial { job_type, when, reference, owner };
    let findings = state.engine.try_rule(trial).await?;
    Ok(Json(present::trial(findings)))
}

async fn answer(state: &HttpState, rule: &Rule) -> Result<RuleAnswer, ApiError> {
    let used = state.engine.uses_today(rule).await?;
    let rule = present::rule(rule, state.engine.now(), Some(used));
    Ok(RuleAnswer { success: true, rule })
}

/// What is no id names no rule.
fn rule_id(text: &str) -> Result<Uuid, ApiError> {
    text.parse()
        .map_err(|_| ApiError::new(codes::NO_SUCH_RULE, EngineError::NoSuchRule.to_string()))
}

fn time(text: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| ApiError::invalid_at("/expiresAt", format!("{text:?} is no RFC 3339 time")))
}
