//! `/api/metrics`: the Prometheus text format. What is counted in the store is sampled just before.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::engine::EngineError;
use crate::http::state::HttpState;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::metric_names as names;
use crate::model::status::Status;

/// The metrics.
#[utoipa::path(get, path = "/api/metrics", operation_id = "readMetrics", tag = "admin",
    description = "Metrics in the Prometheus text format, for a scraper on this machine or a \
    signed-in person.",
    responses((status = 200, description = "The metrics", body = String,
        content_type = "text/plain",
        example = "agent_jobs_total{status=\"PENDING\"} 5\nagent_checkpoints_pending 3\n")))]
pub async fn read(State(state): State<HttpState>) -> Response {
    // The other metrics are still true, and most needed when a part cannot answer.
    for sampled in [sample_store(&state).await, sample_jobs(&state).await] {
        if let Err(error) = sampled {
            tracing::warn!(%error, "the engine could not be sampled");
        }
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], (state.render_metrics)()).into_response()
}

async fn sample_jobs(state: &HttpState) -> Result<(), EngineError> {
    let counts = state.engine.counts().await?;
    for status in Status::ALL {
        let count = count_of(&counts.jobs, *status);
        metrics::gauge!(names::AGENT_JOBS_TOTAL, "status" => status.agent_job_word()).set(count);
    }
    for status in CheckpointStatus::ALL {
        let count = count_of(&counts.checkpoints, *status);
        metrics::gauge!(names::AGENT_CHECKPOINTS_TOTAL, "status" => status.as_str()).set(count);
    }
    let pending = count_of(&counts.checkpoints, CheckpointStatus::Pending);
    metrics::gauge!(names::AGENT_CHECKPOINTS_PENDING).set(pending);
    let worker = state.engine.worker().await?;
    metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(worker.active_jobs as f64);
    Ok(())
}

/// What is not known is no number.
async fn sample_store(state: &HttpState) -> Result<(), EngineError> {
    let store = state.engine.health().await?;
    let number = |known: Option<u64>| known.map_or(f64::NAN, |known| known as f64);
    metrics::gauge!(names::STORE_FILE_BYTES).set(store.bytes as f64);
    metrics::gauge!(names::STORE_CACHE_BYTES).set(number(store.cache_bytes));
    metrics::gauge!(names::STORE_DISK_FREE_BYTES).set(number(store.free_bytes));
    Ok(())
}

fn count_of<S: PartialEq>(counts: &[(S, u64)], status: S) -> f64 {
    counts.iter().filter(|(known, _)| *known == status).map(|(_, count)| *count as f64).sum()
}
