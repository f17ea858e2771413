//! What people do at a checkpoint beside deciding: claim, release, delegate, comment; and time
//! again, for admins. Whether they may is the machine's matter.

use axum::Json;
use axum::extract::State;

use crate::api::checkpoint::DecisionAnswer;
use crate::api::checkpoint_people::{NewComment, NewDelegation, Rearmament};
use crate::dsl::parse_duration;
use crate::engine::CheckpointView;
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::extract::{CheckpointPath, JsonBody};
use crate::http::present::checkpoint;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::time::Timestamp;
use crate::model::voter::Door;

/// Claims.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/claim",
    operation_id = "claimCheckpoint", tag = "checkpoints",
    description = "Keeps others from deciding for half an hour. Claiming again prolongs it; a \
    decision, a vote, or the end of the time ends it.",
    params(("id" = String, Path, description = "The checkpoint")),
    responses((status = 200, description = "Claimed", body = DecisionAnswer)))]
pub async fn claim(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let (engine, voter, by) = (state.engine.clone(), caller.voter(Door::Session), caller.author());
    let done = detached(async move { engine.claim(id, voter, by).await }).await?;
    Ok(answer(&state, done, "Checkpoint claimed"))
}

/// Releases.
#[utoipa::path(delete, path = "/api/admin/agent-checkpoints/{id}/claim",
    operation_id = "releaseCheckpoint", tag = "checkpoints",
    description = "Ends the claim: the caller's own or, for an admin, anybody's. Harmless when \
    there is none.",
    params(("id" = String, Path, description = "The checkpoint")),
    responses((status = 200, description = "Released", body = DecisionAnswer)))]
pub async fn release(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let (engine, voter, by) = (state.engine.clone(), caller.voter(Door::Session), caller.author());
    let done = detached(async move { engine.release_claim(id, voter, by).await }).await?;
    Ok(answer(&state, done, "Checkpoint released"))
}

/// Delegates.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/delegate",
    operation_id = "delegateCheckpoint", tag = "checkpoints",
    description = "Lets somebody else decide as well, on the caller's behalf. Both together have \
    one vote. What was delegated cannot be passed on.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = NewDelegation,
    responses((status = 200, description = "Delegated", body = DecisionAnswer)))]
pub async fn delegate(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<NewDelegation>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let NewDelegation { to, until, reason } = body.value;
    let until = until.map(|text| {
        let wrong = || ApiError::invalid_at("/until", format!("{text:?} is no RFC 3339 time"));
        Timestamp::parse_rfc3339(&text).ok_or_else(wrong)
    });
    let until = until.transpose()?;
    let reason = validate::comment("/reason", reason)?;
    let (engine, voter, by) = (state.engine.clone(), caller.voter(Door::Session), caller.author());
    let done =
        detached(async move { engine.delegate_checkpoint(id, to, until, reason, voter, by).await });
    Ok(answer(&state, done.await?, "Checkpoint delegated"))
}

/// Comments.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/comments",
    operation_id = "commentOnCheckpoint", tag = "checkpoints",
    description = "Remarks on the checkpoint without deciding anything.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = NewComment,
    responses((status = 200, description = "Recorded", body = DecisionAnswer)))]
pub async fn comment(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<NewComment>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let text = body.value.text;
    let (engine, voter, by) = (state.engine.clone(), caller.voter(Door::Session), caller.author());
    let done = detached(async move { engine.comment(id, text, voter, by).await }).await?;
    Ok(answer(&state, done, "Comment recorded"))
}

/// Arms again.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/rearm",
    operation_id = "rearmCheckpoint", tag = "checkpoints",
    description = "Gives the checkpoint a new deadline. One that has expired waits again, with its \
    job, when its expiry is what ended the job and nothing else was under way; else resubmit.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Rearmament,
    responses((status = 200, description = "Armed again", body = DecisionAnswer)))]
pub async fn rearm(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<Rearmament>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let Rearmament { expires_after, reason } = body.value;
    let expiry = parse_duration(&expires_after).ok_or_else(|| {
        let message = format!("{expires_after:?} is no ISO 8601 duration such as PT8H or P2D");
        ApiError::invalid_at("/expiresAfter", message)
    })?;
    let reason = validate::reason("/reason", reason)?;
    let (engine, voter, by) = (state.engine.clone(), caller.voter(Door::Session), caller.author());
    let done = detached(async move { engine.rearm(id, expiry, reason, voter, by).await }).await?;
    Ok(answer(&state, done, "Checkpoint armed again"))
}

fn answer(state: &HttpState, view: CheckpointView, message: &str) -> Json<DecisionAnswer> {
    let checkpoint = checkpoint::full(view, state.engine.now());
    Json(DecisionAnswer { success: true, checkpoint, message: message.to_owned() })
}
