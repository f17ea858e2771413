//! `/api/agent-jobs`: the jobs of the caller in the words of agent jobs.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::checkpoint::CheckpointList;
use crate::api::job::{JobAnswer, JobDetail, JobList, NewAgentJob, OptionalReason};
use crate::http::authorize::Caller;
use crate::http::extract::{JobPath, JsonBody, OptionalJsonBody, QueryOf};
use crate::http::present::job::Words;
use crate::http::present::log::Viewer;
use crate::http::present::{checkpoint, pagination};
use crate::http::problem::ApiError;
use crate::http::routes::creation;
use crate::http::routes::detail::{self, Include};
use crate::http::routes::listing::{JobsQuery, list_jobs};
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::command::Command;

/// Creates a job.
#[utoipa::path(post, path = "/api/agent-jobs", operation_id = "createAgentJob", tag = "agent-jobs",
    description = "Creates a job. With an `Idempotency-Key` the same request creates it once \
    within 24 h.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this creation")),
    request_body = NewAgentJob,
    responses((status = 201, description = "Created; it is on disk", body = JobAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody<NewAgentJob>,
) -> Result<Response, ApiError> {
    let new = validate::new_agent_job(body.value, &caller.id)?;
    creation::create(&state, &caller, &headers, &body.raw, new, None, Words::AgentJobs).await
}

/// The jobs of the caller.
#[utoipa::path(get, path = "/api/agent-jobs", operation_id = "listAgentJobs", tag = "agent-jobs",
    description = "The jobs of the caller, filtered and in pages.",
    params(JobsQuery),
    responses((status = 200, description = "A page of jobs", body = JobList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    let query = query.read(Some(&caller.id))?;
    list_jobs(&state, query, Words::AgentJobs).await.map(Json)
}

/// A job with its checkpoints, logs and timeline.
#[utoipa::path(get, path = "/api/agent-jobs/{id}",
    operation_id = "readAgentJob", tag = "agent-jobs",
    description = "A job of the caller with all checkpoints, its log and its timeline.",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobDetail)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
) -> Result<Json<JobDetail>, ApiError> {
    let view = detail::own_job(&state, &caller, id).await?;
    let words = Words::AgentJobs;
    detail::detail(&state, view, words, Include::ALL, Viewer::Owner).await.map(Json)
}

/// The checkpoints of a job.
#[utoipa::path(get, path = "/api/agent-jobs/{id}/checkpoints",
    operation_id = "listAgentJobCheckpoints", tag = "agent-jobs",
    description = "Every checkpoint of a job of the caller, in the order in which they opened.",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The checkpoints", body = CheckpointList)))]
pub async fn checkpoints(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
) -> Result<Json<CheckpointList>, ApiError> {
    let view = detail::own_job(&state, &caller, id).await?;
    let checkpoints = checkpoint::of_job(&view, state.engine.now());
    let total = checkpoints.len();
    let limit = u32::try_from(total).unwrap_or(u32::MAX);
    let pagination = pagination(limit, 0, total as u64, None);
    Ok(Json(CheckpointList { success: true, checkpoints, pagination }))
}

/// Ends a job.
#[utoipa::path(delete, path = "/api/agent-jobs/{id}", operation_id = "terminateAgentJob",
    tag = "agent-jobs",
    description = "Ends a job that has not ended: its status becomes CANCELLED. The body may be \
    left out.",
    params(("id" = String, Path, description = "The job")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The ended job", body = JobAnswer)))]
pub async fn terminate(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(body): OptionalJsonBody<OptionalReason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::comment("/reason", body.reason)?;
    let reason = reason.unwrap_or_else(|| "terminated by its owner".to_owned());
    detail::own_job(&state, &caller, id).await?;
    let command = Command::Terminate { reason };
    let words = Words::AgentJobs;
    detail::command(&state, &caller, id, command, words, "Job terminated").await.map(Json)
}
