//! `/api/admin/agents`: registering and changing agents, and trying one out. Secrets come in here
//! and never go out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::agent::{
    AdminAgentAnswer, AdminAgentList, AgentEdit, CardImport, NewAgent, Trial, TrialAnswer,
};
use crate::engine::{AgentView, EngineError};
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::extract::{JsonBody, NamePath};
use crate::http::present::agent::{admin, admin_with, trial};
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::validate_agent::{agent_edit, imported, new_agent};
use crate::model::audit::Fact;

/// Registers an agent.
#[utoipa::path(post, path = "/api/admin/agents", operation_id = "createAgent", tag = "agents",
    description = "Registers an agent. Its schemas are compiled and its endpoint is looked up and \
    checked now; every defect is named. The secret is sealed and never shown.",
    request_body = NewAgent,
    responses((status = 201, description = "Registered", body = AdminAgentAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewAgent>,
) -> Result<Response, ApiError> {
    let new = new_agent(body.value)?;
    let (engine, by) = (state.engine.clone(), caller.author());
    let view = detached(async move { engine.create_agent(new, by).await }).await?;
    tracing::info!(agent = %view.agent.id, by = %caller.id, "an agent was registered");
    Ok(created(&view))
}

/// Registers an agent from its card.
#[utoipa::path(post, path = "/api/admin/agents/import", operation_id = "importAgent",
    tag = "agents",
    description = "Registers an agent by its A2A agent card: name, description, skills and \
    address are taken from it. Nothing on the card is trusted further than that.",
    request_body = CardImport,
    responses((status = 201, description = "Registered", body = AdminAgentAnswer)))]
pub async fn import(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<CardImport>,
) -> Result<Response, ApiError> {
    let (engine, by) = (state.engine.clone(), caller.author());
    let import = body.value;
    let view = detached(async move {
        let card = engine.agent_card(&import.agent_card_url).await?;
        let new = imported(&card, import)?;
        Ok::<AgentView, ApiError>(engine.create_agent(new, by).await?)
    })
    .await?;
    tracing::info!(agent = %view.agent.id, by = %caller.id, "an agent was imported");
    Ok(created(&view))
}

fn created(view: &AgentView) -> Response {
    let agent = admin(view);
    let location = format!("/api/admin/agents/{}", agent.agent.id);
    let answer = AdminAgentAnswer { success: true, agent, message: None };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Every agent.
#[utoipa::path(get, path = "/api/admin/agents", operation_id = "listAgentsAsAdmin",
    tag = "agents",
    description = "Every agent by name, with where it is and how it fares.",
    responses((status = 200, description = "The agents", body = AdminAgentList)))]
pub async fn list(State(state): State<HttpState>) -> Result<Json<AdminAgentList>, ApiError> {
    let figures = state.engine.all_agent_statistics().await?;
    let views = state.engine.agents();
    let agents = views.iter().map(|view| admin_with(view, figures.get(&view.agent.id.to_string())));
    Ok(Json(AdminAgentList { success: true, agents: agents.collect() }))
}

/// An agent.
#[utoipa::path(get, path = "/api/admin/agents/{id}", operation_id = "readAgentAsAdmin",
    tag = "agents",
    description = "An agent, by id or name, with where it is and how it fares.",
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent", body = AdminAgentAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    NamePath(id): NamePath,
) -> Result<Json<AdminAgentAnswer>, ApiError> {
    let view = state.engine.find_agent(&id)?;
    let figures = state.engine.agent_statistics(view.agent.id).await?;
    let agent = admin_with(&view, Some(&figures));
    Ok(Json(AdminAgentAnswer { success: true, agent, message: None }))
}

/// Changes an agent.
#[utoipa::path(patch, path = "/api/admin/agents/{id}", operation_id = "editAgent",
    tag = "agents",
    description = "Changes an agent; what is absent stays. Calls under way keep what they started \
    with.",
    params(("id" = String, Path, description = "The agent")),
    request_body = AgentEdit,
    responses((status = 200, description = "The changed agent", body = AdminAgentAnswer)))]
pub async fn edit(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
    body: JsonBody<AgentEdit>,
) -> Result<Json<AdminAgentAnswer>, ApiError> {
    let known = state.engine.find_agent(&id)?;
    // What is laid over the registration is laid over the one that was read here.
    let version = body.value.version.unwrap_or(known.agent.version);
    let edit = agent_edit(&known.agent, body.value)?;
    let by = caller.author();
    change(&state, &caller, &id, "Agent changed", async move |engine| {
        engine.edit_agent(known.agent.id, edit, Some(version), by).await
    })
    .await
}

/// Takes an agent out of use.
#[utoipa::path(delete, path = "/api/admin/agents/{id}", operation_id = "deactivateAgent",
    tag = "agents",
    description = "Takes an agent out of use: no job is assigned to it, and its calls wait. \
    Nothing is deleted, because journals name it; PATCH `active` brings it back.",
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent", body = AdminAgentAnswer)))]
pub async fn deactivate(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<AdminAgentAnswer>, ApiError> {
    let known = state.engine.find_agent(&id)?;
    let by = caller.author();
    change(&state, &caller, &id, "Agent deactivated", async move |engine| {
        engine.deactivate_agent(known.agent.id, by).await
    })
    .await
}

async fn change<F>(
    state: &HttpState,
    caller: &Caller,
    id: &str,
    message: &str,
    work: impl FnOnce(crate::engine::Engine) -> F,
) -> Result<Json<AdminAgentAnswer>, ApiError>
where
    F: Future<Output = Result<AgentView, EngineError>> + Send + 'static,
{
    let view = detached(work(state.engine.clone())).await?;
    tracing::info!(agent = %id, by = %caller.id, version = view.agent.version, message);
    let message = Some(message.to_owned());
    Ok(Json(AdminAgentAnswer { success: true, agent: admin(&view), message }))
}

/// Tries an agent out.
#[utoipa::path(post, path = "/api/admin/agents/{id}/test", operation_id = "testAgent",
    tag = "agents",
    description = "Sends a sample to an agent, once and outside any job, and says what came back.",
    params(("id" = String, Path, description = "The agent")),
    request_body = Trial,
    responses((status = 200, description = "What came of it", body = TrialAnswer)))]
pub async fn test(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
    body: JsonBody<Trial>,
) -> Result<Json<TrialAnswer>, ApiError> {
    let agent = state.engine.find_agent(&id)?.agent.id;
    let violations = state.engine.check_agent_inputs(agent, &body.value.input)?;
    tracing::info!(%agent, by = %caller.id, "an agent is tried out");
    // Noted before it is done: a trial that nobody could note would leave without a word.
    state.engine.record(Fact::new(caller.author(), "agent.test", agent.to_string())).await?;
    let done = state.engine.test_agent(agent, body.value.input).await?;
    Ok(Json(trial(done, violations)))
}
