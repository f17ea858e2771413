//! `/api/admin/status`: version, store, and what the last start found.

use axum::Json;
use axum::extract::State;

use crate::api::status::StatusAnswer;
use crate::http::present::status::server;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// How the server is.
#[utoipa::path(get, path = "/api/admin/status", operation_id = "readStatus", tag = "admin",
    description = "Version, uptime, the store, what the last start found, and what stands where.",
    responses((status = 200, description = "How the server is", body = StatusAnswer)))]
pub async fn read(State(state): State<HttpState>) -> Result<Json<StatusAnswer>, ApiError> {
    let health = state.engine.health().await?;
    let counts = state.engine.counts().await?;
    let recovery = state.engine.recovery();
    let standing = state.engine.standing();
    let status =
        server(health, &standing, &recovery, &counts, state.started_at, state.engine.now());
    Ok(Json(StatusAnswer { success: true, status }))
}
