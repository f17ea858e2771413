//! `/healthz` and `/readyz`: is the process alive, and can it do its work?

use axum::Json;
use axum::extract::State;

use crate::api::status::HealthAnswer;
use crate::http::codes;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// Is it alive?
#[utoipa::path(get, path = "/healthz", operation_id = "readLiveness", tag = "health",
    description = "Answers 200 as long as the process answers at all.",
    responses((status = 200, description = "Alive", body = HealthAnswer)))]
pub async fn alive() -> Json<HealthAnswer> {
    Json(HealthAnswer { success: true, status: "alive".to_owned() })
}

/// Can it do its work?
#[utoipa::path(get, path = "/readyz", operation_id = "readReadiness", tag = "health",
    description = "Answers 200 when the server has recovered and its store takes writes, else \
        503. `status` is `held` instead of `ready` while a restored store waits for its release.",
    responses((status = 200, description = "Ready", body = HealthAnswer)))]
pub async fn ready(State(state): State<HttpState>) -> Result<Json<HealthAnswer>, ApiError> {
    let not_ready = |why: String| ApiError::new(codes::NOT_READY, why).retry_after(1);
    if !*state.ready.borrow() {
        return Err(not_ready("the server is recovering or stopping".to_owned()));
    }
    let health = state.engine.health().await.map_err(|error| not_ready(error.to_string()))?;
    if let Some(why) = health.read_only {
        return Err(not_ready(format!("the store takes no writes: {why}")));
    }
    let status = if state.engine.hold().is_some() { "held" } else { "ready" };
    Ok(Json(HealthAnswer { success: true, status: status.to_owned() }))
}
