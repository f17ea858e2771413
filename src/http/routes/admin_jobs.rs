//! `/api/admin/jobs`: the jobs of all, with payloads, and overrides.

use axum::Json;
use axum::extract::State;

use crate::api::job::{JobAnswer, JobDetail, JobList, JobMetricsAnswer, OptionalReason, Reason};
use crate::api::log::LogList;
use crate::http::authorize::Caller;
use crate::http::extract::{JobPath, JsonBody, OptionalJsonBody, QueryOf};
use crate::http::present::job::Words;
use crate::http::present::log::Viewer;
use crate::http::present::status::job_metrics;
use crate::http::problem::ApiError;
use crate::http::routes::detail::{self, Include};
use crate::http::routes::jobs::DetailQuery;
use crate::http::routes::listing::{JobsQuery, PageQuery, list_jobs};
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::command::Command;

/// Jobs of all.
#[utoipa::path(get, path = "/api/admin/jobs", operation_id = "listAllJobs", tag = "admin",
    description = "The jobs of all owners, filtered and in pages.",
    params(JobsQuery),
    responses((status = 200, description = "A page of jobs", body = JobList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    list_jobs(&state, query.read(None)?, Words::Jobs).await.map(Json)
}

/// Jobs of all in figures.
#[utoipa::path(get, path = "/api/admin/jobs/metrics", operation_id = "readJobMetrics",
    tag = "admin",
    description = "The jobs of all owners in figures: how many stand where.",
    responses((status = 200, description = "The figures", body = JobMetricsAnswer)))]
pub async fn metrics(State(state): State<HttpState>) -> Result<Json<JobMetricsAnswer>, ApiError> {
    let metrics = job_metrics(&state.engine.counts().await?);
    Ok(Json(JobMetricsAnswer { success: true, metrics }))
}

/// A job of anybody.
#[utoipa::path(get, path = "/api/admin/jobs/{id}", operation_id = "readAnyJob", tag = "admin",
    description = "A job of anybody, with what `include` asks for.",
    params(("id" = String, Path, description = "The job"), DetailQuery),
    responses((status = 200, description = "The job", body = JobDetail)))]
pub async fn read(
    State(state): State<HttpState>,
    JobPath(id): JobPath,
    QueryOf(query): QueryOf<DetailQuery>,
) -> Result<Json<JobDetail>, ApiError> {
    let include = Include::read(query.include.as_deref())?;
    let view = state.engine.job(id).await?;
    detail::detail(&state, view, Words::Jobs, include, Viewer::Staff).await.map(Json)
}

/// The log of a job of anybody.
#[utoipa::path(get, path = "/api/admin/jobs/{id}/logs",
    operation_id = "readAnyJobLogs", tag = "admin",
    description = "What happened to a job of anybody, oldest first, with payloads.",
    params(("id" = String, Path, description = "The job"), PageQuery),
    responses((status = 200, description = "A page of the log", body = LogList)))]
pub async fn logs(
    State(state): State<HttpState>,
    JobPath(id): JobPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<LogList>, ApiError> {
    detail::log_page(&state, id, query, Viewer::Staff).await.map(Json)
}

/// Holds a job.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/suspend",
    operation_id = "suspendJob", tag = "admin",
    description = "Holds a job that is in progress: nothing of it begins until it is resumed.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reason,
    responses((status = 200, description = "The held job", body = JobAnswer)))]
pub async fn suspend(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Reason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::reason("/reason", body.value.reason)?;
    let command = Command::Suspend { reason };
    detail::command(&state, &caller, id, command, Words::Jobs, "Job suspended").await.map(Json)
}

/// Lets a held job go on.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/resume",
    operation_id = "resumeJob", tag = "admin",
    description = "Lets a held job go on. A reason may be given; it goes to the log of the server.",
    params(("id" = String, Path, description = "The job")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn resume(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(body): OptionalJsonBody<OptionalReason>,
) -> Result<Json<JobAnswer>, ApiError> {
    if let Some(reason) = validate::comment("/reason", body.reason)? {
        tracing::info!(job = %id, by = %caller.id, %reason, "a job is to be resumed");
    }
    let command = Command::Resume;
    detail::command(&state, &caller, id, command, Words::Jobs, "Job resumed").await.map(Json)
}
