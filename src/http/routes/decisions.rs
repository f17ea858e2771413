//! Decisions at checkpoints: approve, reject, send back, one or many. Nothing is judged here: who
//! may decide what is the machine's matter, and the same by every door.

use std::collections::HashSet;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;

use crate::api::checkpoint::{Approval, Decision, DecisionAnswer, Rejection};
use crate::api::checkpoint_people::{DecisionBatch, DecisionBatchAnswer, DecisionOutcome};
use crate::engine::CheckpointView;
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{CheckpointPath, JsonBody, OptionalJsonBody};
use crate::http::present::checkpoint;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::checkpoint::{CheckpointStatus, Verdict};
use crate::model::command::DecideCheckpoint;
use crate::model::id::{CheckpointId, ContentHash};
use crate::model::voter::Door;

/// Most decisions of one batch: a person has looked at each of them.
const BATCH_MAX: usize = 200;

/// Approves.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}", operation_id = "approveCheckpoint",
    tag = "checkpoints",
    description = "Approves, or votes when several people have to. The body may be left out; with \
    a digest the approval holds only for what was seen, and it is needed for a quorum, an edit, \
    and once something was edited. The same decision again is harmless, another one is a conflict.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Option<Approval>,
    responses((status = 200, description = "Approved", body = DecisionAnswer)))]
pub async fn approve(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    OptionalJsonBody(body): OptionalJsonBody<Approval>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let decision = DecideCheckpoint {
        digest: validate::digest(body.digest.as_deref())?,
        comment: validate::comment("/comment", body.comment)?,
        input: body.input,
        edit: body.edit,
        files: body.files,
        ..wish(&caller, id, Verdict::Approve)
    };
    decide(&state, &caller, decision).await
}

/// Rejects.
#[utoipa::path(delete, path = "/api/admin/agent-checkpoints/{id}",
    operation_id = "rejectCheckpoint",
    tag = "checkpoints",
    description = "Rejects, with a reason. The same decision again is harmless, another one is a \
    conflict.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Rejection,
    responses((status = 200, description = "Rejected", body = DecisionAnswer)))]
pub async fn reject(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<Rejection>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let decision = DecideCheckpoint {
        digest: validate::digest(body.value.digest.as_deref())?,
        comment: Some(validate::reason("/reason", body.value.reason)?),
        ..wish(&caller, id, Verdict::Reject)
    };
    decide(&state, &caller, decision).await
}

/// Decides in any way.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/decision",
    operation_id = "decideCheckpoint", tag = "checkpoints",
    description = "Approves, rejects or sends back, for exactly what the digest names. Rejecting \
    and sending back need a reason, and end the checkpoint at once, whatever its quorum.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Decision,
    responses((status = 200, description = "Decided, or voted", body = DecisionAnswer)))]
pub async fn decision(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<Decision>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let Decision { decision, digest, reason, comment, input, edit, files } = body.value;
    let verdict = verdict_of(&decision)?;
    let pointer = if reason.is_some() { "/reason" } else { "/comment" };
    let comment = validate::comment(pointer, reason.or(comment))?;
    if verdict != Verdict::Approve && comment.is_none() {
        return Err(ApiError::invalid_at("/reason", "must say why"));
    }
    let digest = validate::digest(Some(&digest))?;
    let wish = wish(&caller, id, verdict);
    let decision = DecideCheckpoint { digest, comment, input, edit, files, ..wish };
    decide(&state, &caller, decision).await
}

/// Decides at many.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/batch",
    operation_id = "decideCheckpoints", tag = "checkpoints",
    description = "Decides at checkpoints that look alike (`GET …?like={id}`, or the same `group`) \
    with one reason. Each is judged like a decision of its own and has an outcome of its own; a \
    failure stops none of the others.",
    request_body = DecisionBatch,
    responses((status = 200, description = "Each outcome", body = DecisionBatchAnswer)))]
pub async fn batch(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<DecisionBatch>,
) -> Result<Json<DecisionBatchAnswer>, ApiError> {
    let decisions = batch_of(&caller, body.value)?;
    let (engine, by) = (state.engine.clone(), caller.author());
    let work = async move { Ok::<_, ApiError>(engine.decide_batch(decisions, by).await) };
    let outcomes = detached(work).await?;
    let now = state.engine.now();
    let mut answers = Vec::with_capacity(outcomes.len());
    for (id, outcome) in outcomes {
        let outcome = match outcome {
            Ok(view) => Ok(Box::new(checkpoint::full(view, now))),
            Err(error) => Err(with_earlier(&state, id, error.into()).await),
        };
        let instance = format!("/api/admin/agent-checkpoints/{id}");
        answers.push(DecisionOutcome {
            id: id.to_string(),
            success: outcome.is_ok(),
            problem: outcome.as_ref().err().map(|error| Box::new(error.body(&instance))),
            checkpoint: outcome.ok(),
        });
    }
    let succeeded = answers.iter().filter(|answer| answer.success).count() as u32;
    let failed = answers.len() as u32 - succeeded;
    Ok(Json(DecisionBatchAnswer { success: true, succeeded, failed, outcomes: answers }))
}

fn batch_of(caller: &Caller, body: DecisionBatch) -> Result<Vec<DecideCheckpoint>, ApiError> {
    let DecisionBatch { ids, decision, reason, digests } = body;
    let verdict = verdict_of(&decision)?;
    let reason = validate::reason("/reason", reason)?;
    if ids.is_empty() || ids.len() > BATCH_MAX {
        let message = format!("must have from 1 to {BATCH_MAX} ids");
        return Err(ApiError::invalid_at("/ids", message));
    }
    let mut seen = HashSet::new();
    let mut decisions = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let at = format!("/ids/{index}");
        let checkpoint = CheckpointId::from_str(id);
        let checkpoint =
            checkpoint.map_err(|_| ApiError::invalid_at(&at, "is no id of a checkpoint"))?;
        if !seen.insert(checkpoint) {
            return Err(ApiError::invalid_at(&at, "is there twice"));
        }
        let at = format!("/digests/{id}");
        let digest = digests.get(id).map(|text| ContentHash::from_str(text)).transpose();
        let digest = digest.map_err(|error| ApiError::invalid_at(&at, error.to_string()))?;
        if digest.is_none() && verdict == Verdict::Approve {
            return Err(ApiError::invalid_at(&at, "is missing: say what you saw of each"));
        }
        let comment = Some(reason.clone());
        decisions.push(DecideCheckpoint { digest, comment, ..wish(caller, checkpoint, verdict) });
    }
    if let Some(stray) = digests.keys().find(|id| !ids.contains(id)) {
        return Err(ApiError::invalid_at(format!("/digests/{stray}"), "is not among the ids"));
    }
    Ok(decisions)
}

fn verdict_of(word: &str) -> Result<Verdict, ApiError> {
    Verdict::from_str(word).map_err(|error| ApiError::invalid_at("/decision", error.to_string()))
}

fn wish(caller: &Caller, checkpoint: CheckpointId, verdict: Verdict) -> DecideCheckpoint {
    DecideCheckpoint::new(checkpoint, verdict, caller.voter(Door::Session))
}

async fn decide(
    state: &HttpState,
    caller: &Caller,
    decision: DecideCheckpoint,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let (id, verdict) = (decision.checkpoint, decision.verdict);
    let engine = state.engine.clone();
    let by = caller.author();
    let decided = detached(async move { engine.decide(decision, by).await }).await;
    let view = match decided {
        Ok(view) => view,
        Err(error) => return Err(with_earlier(state, id, error).await),
    };
    let message = message(&view, verdict);
    let checkpoint = checkpoint::full(view, state.engine.now());
    Ok(Json(DecisionAnswer { success: true, checkpoint, message }))
}

/// Who decides too late is told what was decided before.
async fn with_earlier(state: &HttpState, id: CheckpointId, mut error: ApiError) -> ApiError {
    if error.code == codes::ALREADY_DECIDED
        && let Ok(now) = state.engine.checkpoint(id).await
    {
        error.decision = Some(Box::new(checkpoint::earlier(&now)));
    }
    error
}

fn message(view: &CheckpointView, verdict: Verdict) -> String {
    let missing = view.checkpoint.missing();
    let text = match (verdict, view.row.status) {
        (Verdict::Approve, CheckpointStatus::Pending) if view.checkpoint.votes.is_empty() => {
            return "Edit recorded; somebody else has to approve it".to_owned();
        }
        (Verdict::Approve, CheckpointStatus::Pending) => {
            let (are, s) = if missing == 1 { ("is", "") } else { ("are", "s") };
            return format!("Vote recorded; {missing} more approval{s} {are} needed");
        }
        (Verdict::Approve, _) => "Checkpoint approved successfully",
        (Verdict::Reject, _) => "Checkpoint rejected successfully",
        (Verdict::SendBack, _) => "Checkpoint sent back successfully",
    };
    text.to_owned()
}
