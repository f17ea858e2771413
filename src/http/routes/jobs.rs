//! `/api/jobs`: the jobs of the caller.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::api::job::{JobAnswer, JobDetail, JobList, NewJob, Reason};
use crate::api::log::{LogList, TimelineAnswer};
use crate::http::authorize::Caller;
use crate::http::extract::{JobPath, JsonBody, QueryOf, typed};
use crate::http::present::job::Words;
use crate::http::present::log::Viewer;
use crate::http::problem::ApiError;
use crate::http::routes::creation;
use crate::http::routes::detail::{self, Include};
use crate::http::routes::listing::{JobsQuery, PageQuery, list_jobs};
use crate::http::state::HttpState;
use crate::http::{templates, validate};
use crate::model::command::Command;

/// What is shown beside a job.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DetailQuery {
    /// Any of `logs`, `checkpoints`, `timeline`, separated by commas.
    #[param(example = "logs,checkpoints")]
    pub include: Option<String>,
}

/// Creates a job.
#[utoipa::path(post, path = "/api/jobs", operation_id = "createJob", tag = "jobs",
    description = "Creates a job. With an `Idempotency-Key` the same request creates it once \
    within 24 h.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this creation")),
    request_body = NewJob,
    responses((status = 201, description = "Created; it is on disk", body = JobAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody<Value>,
) -> Result<Response, ApiError> {
    let job = filled_in(&state, &caller, body.value).await?;
    let agent = job.agent_id.clone();
    let new = validate::new_job(job, &caller.id)?;
    creation::create(&state, &caller, &headers, &body.raw, new, agent, Words::Jobs).await
}

/// The job that is asked for, with what its template says where the request is silent.
async fn filled_in(state: &HttpState, caller: &Caller, body: Value) -> Result<NewJob, ApiError> {
    let wanted = body.get("template").and_then(Value::as_str).map(str::to_owned);
    match (wanted, body) {
        (Some(wanted), Value::Object(given)) => {
            let template = templates::find(&state.engine, &caller.id, &wanted).await?;
            typed(&Value::Object(template.filled_in(given)))
        }
        (_, body) => typed(&body),
    }
}

/// The jobs of the caller.
#[utoipa::path(get, path = "/api/jobs", operation_id = "listJobs", tag = "jobs",
    description = "The jobs of the caller, filtered and in pages.",
    params(JobsQuery),
    responses((status = 200, description = "A page of jobs", body = JobList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    let query = query.read(Some(&caller.id))?;
    list_jobs(&state, query, Words::Jobs).await.map(Json)
}

/// A job of the caller.
#[utoipa::path(get, path = "/api/jobs/{id}", operation_id = "readJob", tag = "jobs",
    description = "A job of the caller, with what `include` asks for.",
    params(("id" = String, Path, description = "The job"), DetailQuery),
    responses((status = 200, description = "The job", body = JobDetail)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    QueryOf(query): QueryOf<DetailQuery>,
) -> Result<Json<JobDetail>, ApiError> {
    let include = Include::read(query.include.as_deref())?;
    let view = detail::own_job(&state, &caller, id).await?;
    detail::detail(&state, view, Words::Jobs, include, Viewer::Owner).await.map(Json)
}

/// The log of a job of the caller.
#[utoipa::path(get, path = "/api/jobs/{id}/logs", operation_id = "readJobLogs", tag = "jobs",
    description = "What happened to a job, oldest first. Addresses and credentials of agents are \
    left out.",
    params(("id" = String, Path, description = "The job"), PageQuery),
    responses((status = 200, description = "A page of the log", body = LogList)))]
pub async fn logs(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> Result<Json<LogList>, ApiError> {
    detail::own_job(&state, &caller, id).await?;
    detail::log_page(&state, id, query, Viewer::Owner).await.map(Json)
}

/// The timeline of a job of the caller.
#[utoipa::path(get, path = "/api/jobs/{id}/timeline",
    operation_id = "readJobTimeline", tag = "jobs",
    description = "The tasks of all runs of a job in the order of start.",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The timeline", body = TimelineAnswer)))]
pub async fn timeline(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
) -> Result<Json<TimelineAnswer>, ApiError> {
    detail::own_job(&state, &caller, id).await?;
    let timeline = detail::timeline(&state, id).await?;
    Ok(Json(TimelineAnswer { success: true, timeline }))
}

/// Ends a job of the caller.
#[utoipa::path(post, path = "/api/jobs/{id}/terminate", operation_id = "terminateJob", tag = "jobs",
    description = "Ends a job that has not ended: its status becomes CANCELLED.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reason,
    responses((status = 200, description = "The ended job", body = JobAnswer)))]
pub async fn terminate(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Reason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::reason("/reason", body.value.reason)?;
    detail::own_job(&state, &caller, id).await?;
    let command = Command::Terminate { reason };
    detail::command(&state, &caller, id, command, Words::Jobs, "Job terminated").await.map(Json)
}
