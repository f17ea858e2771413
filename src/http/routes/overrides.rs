//! `/api/admin/jobs/{id}/…`: what an admin does to a job against its course. Each has a reason and
//! is an event of its own.

use axum::Json;
use axum::extract::State;

use crate::api::assignment::{Completion, Reassignment};
use crate::api::job::{JobAnswer, Reason};
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::extract::{JobPath, JsonBody};
use crate::http::present::job::Words;
use crate::http::problem::ApiError;
use crate::http::routes::detail;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::command::Command;
use crate::model::id::JobId;

/// Runs a job again.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/resubmit", operation_id = "resubmitJob",
    tag = "admin",
    description = "Runs a job again that is FAILED, REJECTED or RESUBMISSION_REQUIRED. The agent \
    gets the reasons of the verdicts so far, and this one.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reason,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn resubmit(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Reason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::reason("/reason", body.value.reason)?;
    let command = Command::Resubmit { reason };
    command_of(&state, &caller, id, command, "Job resubmitted").await
}

/// The same by another name.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/force-resubmit",
    operation_id = "forceResubmitJob", tag = "admin",
    description = "The same as `/resubmit`.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reason,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn force_resubmit(
    state: State<HttpState>,
    caller: Caller,
    id: JobPath,
    body: JsonBody<Reason>,
) -> Result<Json<JobAnswer>, ApiError> {
    resubmit(state, caller, id, body).await
}

/// Ends a job well.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/complete", operation_id = "completeJob",
    tag = "admin",
    description = "Ends a job as COMPLETED with this result, whatever it is doing.",
    params(("id" = String, Path, description = "The job")),
    request_body = Completion,
    responses((status = 200, description = "The completed job", body = JobAnswer)))]
pub async fn complete(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Completion>,
) -> Result<Json<JobAnswer>, ApiError> {
    let Completion { result, reason } = body.value;
    let reason = validate::reason("/reason", reason)?;
    let command = Command::ForceComplete { result, reason };
    command_of(&state, &caller, id, command, "Job completed").await
}

/// The same by another name.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/force-complete",
    operation_id = "forceCompleteJob", tag = "admin",
    description = "The same as `/complete`.",
    params(("id" = String, Path, description = "The job")),
    request_body = Completion,
    responses((status = 200, description = "The completed job", body = JobAnswer)))]
pub async fn force_complete(
    state: State<HttpState>,
    caller: Caller,
    id: JobPath,
    body: JsonBody<Completion>,
) -> Result<Json<JobAnswer>, ApiError> {
    complete(state, caller, id, body).await
}

/// Gives a job to another agent.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/reassign", operation_id = "reassignJob",
    tag = "admin",
    description = "Gives a job to another agent. A run that was going on is cancelled, and what \
    the first agent still brings is refused.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reassignment,
    responses((status = 200, description = "The reassigned job", body = JobAnswer)))]
pub async fn reassign(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Reassignment>,
) -> Result<Json<JobAnswer>, ApiError> {
    let Reassignment { agent_id, inputs, reason } = body.value;
    let reason = validate::reason("/reason", reason)?;
    let (engine, by) = (state.engine.clone(), caller.author());
    let work = async move { engine.reassign_agent(id, &agent_id, inputs, reason, by).await };
    let done = detached(work).await?;
    Ok(Json(detail::changed(&state, done, Words::Jobs, "Job reassigned")))
}

/// Makes a call again.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/retry-task", operation_id = "retryTask",
    tag = "admin",
    description = "Makes a call again at once that waits for its next attempt or for a callback, \
    with the same idempotency key.",
    params(("id" = String, Path, description = "The job")),
    request_body = Reason,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn retry_task(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Reason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::reason("/reason", body.value.reason)?;
    let command = Command::RetryTask { reason };
    command_of(&state, &caller, id, command, "The call is made again").await
}

/// Ends a job of anybody.
#[utoipa::path(post, path = "/api/admin/jobs/{id}/terminate", operation_id = "terminateAnyJob",
    tag = "admin",
    description = "Ends a job of anybody that has not ended: its status becomes CANCELLED.",
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
    let command = Command::Terminate { reason };
    command_of(&state, &caller, id, command, "Job terminated").await
}

async fn command_of(
    state: &HttpState,
    caller: &Caller,
    id: JobId,
    command: Command,
    message: &str,
) -> Result<Json<JobAnswer>, ApiError> {
    detail::command(state, caller, id, command, Words::Jobs, message).await.map(Json)
}
