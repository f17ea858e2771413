//! `/api/jobs/{id}/…`: who carries out a job of the caller, and when it starts.

use axum::Json;
use axum::extract::State;

use crate::api::assignment::Assignment;
use crate::api::job::{JobAnswer, OptionalReason};
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::extract::{JobPath, JsonBody, OptionalJsonBody};
use crate::http::present::job::Words;
use crate::http::problem::ApiError;
use crate::http::routes::detail;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::command::Command;

/// Assigns a job.
#[utoipa::path(post, path = "/api/jobs/{id}/assign", operation_id = "assignJob", tag = "jobs",
    description = "Assigns a PENDING job to an agent. The inputs are checked by the agent's input \
    schema; with `autoExecute` the job then starts by itself.",
    params(("id" = String, Path, description = "The job")),
    request_body = Assignment,
    responses((status = 200, description = "The assigned job", body = JobAnswer)))]
pub async fn assign(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    body: JsonBody<Assignment>,
) -> Result<Json<JobAnswer>, ApiError> {
    detail::own_job(&state, &caller, id).await?;
    let (engine, by) = (state.engine.clone(), caller.author());
    let Assignment { agent_id, inputs } = body.value;
    let done =
        detached(async move { engine.assign_agent(id, &agent_id, inputs, None, by).await }).await?;
    Ok(Json(detail::changed(&state, done, Words::Jobs, "Job assigned")))
}

/// Finds an agent.
#[utoipa::path(post, path = "/api/jobs/{id}/auto-assign", operation_id = "autoAssignJob",
    tag = "jobs",
    description = "Looks for the agent that fits a PENDING job best and assigns it; while none \
    does, it looks again with growing pauses. The log says why each agent was or was not taken.",
    params(("id" = String, Path, description = "The job")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The job; it is matched now", body = JobAnswer)))]
pub async fn auto_assign(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(_said): OptionalJsonBody<OptionalReason>,
) -> Result<Json<JobAnswer>, ApiError> {
    own_command(&state, &caller, id, Command::Match, "Matching begun").await
}

/// Takes an assignment back.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", operation_id = "cancelAssignment",
    tag = "jobs",
    description = "Takes the assignment of a job back: it is PENDING again, and a run that was \
    going on is cancelled. To end the job itself use `/terminate`.",
    params(("id" = String, Path, description = "The job")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn cancel(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(body): OptionalJsonBody<OptionalReason>,
) -> Result<Json<JobAnswer>, ApiError> {
    let reason = validate::comment("/reason", body.reason)?;
    let command = Command::Unassign { reason };
    own_command(&state, &caller, id, command, "Assignment cancelled").await
}

/// Starts an assigned job.
#[utoipa::path(post, path = "/api/jobs/{id}/execute", operation_id = "executeJob", tag = "jobs",
    description = "Starts an ASSIGNED job as soon as a slot is free, whatever its `autoExecute` \
    says.",
    params(("id" = String, Path, description = "The job")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The job", body = JobAnswer)))]
pub async fn execute(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(_said): OptionalJsonBody<OptionalReason>,
) -> Result<Json<JobAnswer>, ApiError> {
    own_command(&state, &caller, id, Command::Execute, "Execution requested").await
}

async fn own_command(
    state: &HttpState,
    caller: &Caller,
    id: crate::model::id::JobId,
    command: Command,
    message: &str,
) -> Result<Json<JobAnswer>, ApiError> {
    detail::own_job(state, caller, id).await?;
    detail::command(state, caller, id, command, Words::Jobs, message).await.map(Json)
}
