//! `/api/admin/agent-worker`: how the worker is, start, stop.

use axum::Json;
use axum::extract::State;

use crate::api::worker::WorkerAnswer;
use crate::engine::EngineError;
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::present::worker::answer;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::audit::Fact;

/// How the worker is.
#[utoipa::path(get, path = "/api/admin/agent-worker", operation_id = "readWorker", tag = "admin",
    description = "How the worker is, and how many jobs stand where.",
    responses((status = 200, description = "The worker", body = WorkerAnswer)))]
pub async fn read(State(state): State<HttpState>) -> Result<Json<WorkerAnswer>, ApiError> {
    let worker = state.engine.worker().await?;
    let counts = state.engine.counts().await?;
    Ok(Json(answer(worker, &counts, None)))
}

/// Starts it.
#[utoipa::path(post, path = "/api/admin/agent-worker", operation_id = "startWorker", tag = "admin",
    description = "Lets the worker start runs. It is harmless when it does already.",
    responses((status = 200, description = "It runs", body = WorkerAnswer)))]
pub async fn start(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<WorkerAnswer>, ApiError> {
    tracing::info!(by = %caller.id, "the worker is to start");
    let engine = state.engine.clone();
    let fact = Fact::new(caller.author(), "worker.start", "worker");
    let worker = detached(async move {
        engine.record(fact).await?;
        engine.start_worker().await
    });
    let worker = worker.await?;
    let counts = state.engine.counts().await?;
    Ok(Json(answer(worker, &counts, Some("Worker started successfully"))))
}

/// Stops it.
#[utoipa::path(delete, path = "/api/admin/agent-worker", operation_id = "stopWorker", tag = "admin",
    description = "Stops the worker: no new run begins; those that are going on end.",
    responses((status = 200, description = "It starts nothing more", body = WorkerAnswer)))]
pub async fn stop(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<WorkerAnswer>, ApiError> {
    tracing::info!(by = %caller.id, "the worker is to stop");
    let engine = state.engine.clone();
    let fact = Fact::new(caller.author(), "worker.stop", "worker");
    let worker = detached(async move {
        let worker = engine.stop_worker().await?;
        // On a full disk nobody may be kept from stopping the worker.
        if let Err(error) = engine.record(fact).await {
            tracing::error!(%error, "that the worker stopped has no entry in the audit trail");
        }
        Ok::<_, EngineError>(worker)
    });
    let worker = worker.await?;
    let counts = state.engine.counts().await?;
    Ok(Json(answer(worker, &counts, Some("Worker stopped successfully"))))
}
