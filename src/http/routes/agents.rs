//! `/api/agents`: who carries out jobs, without where they are and how they are called.

use axum::Json;
use axum::extract::State;

use crate::api::agent::{AgentAnswer, AgentList};
use crate::http::extract::NamePath;
use crate::http::present::agent::agent;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// Every agent.
#[utoipa::path(get, path = "/api/agents", operation_id = "listAgents", tag = "agents",
    description = "Every registered agent by name, with its schemas and whether it can be called \
    now. Addresses and credentials are left out.",
    responses((status = 200, description = "The agents", body = AgentList)))]
pub async fn list(State(state): State<HttpState>) -> Json<AgentList> {
    let agents = state.engine.agents().iter().map(agent).collect();
    Json(AgentList { success: true, agents })
}

/// An agent.
#[utoipa::path(get, path = "/api/agents/{id}", operation_id = "readAgent", tag = "agents",
    description = "An agent, by id or name.",
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent", body = AgentAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    NamePath(id): NamePath,
) -> Result<Json<AgentAnswer>, ApiError> {
    let view = state.engine.find_agent(&id)?;
    Ok(Json(AgentAnswer { success: true, agent: agent(&view) }))
}
