//! `/api/admin/agent-checkpoints`: the inbox, what is shown, and decisions.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::checkpoint::{
    Approval, CheckpointDetail, CheckpointList, Decision, DecisionAnswer, Rejection,
};
use crate::engine::{CheckpointQuery, CheckpointSort, CheckpointView, Page};
use crate::http::authorize::{Action, Caller, Resource};
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{CheckpointPath, JsonBody, OptionalJsonBody, QueryOf, parameter};
use crate::http::guard::permit;
use crate::http::present::log::Viewer;
use crate::http::present::{checkpoint, diff, pagination};
use crate::http::problem::ApiError;
use crate::http::routes::detail::{LOGS_BESIDE_MAX, logs_after};
use crate::http::routes::listing::{PageQuery, list as words, text};
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::checkpoint::{CheckpointStatus, Verdict};
use crate::model::command::DecideCheckpoint;

/// Which checkpoints, in which order, and which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct CheckpointsQuery {
    /// Statuses, separated by commas, or `all`; `PENDING` when absent.
    #[param(example = "PENDING")]
    pub status: Option<String>,
    /// Of this job.
    pub job_id: Option<String>,
    /// That this role or user may decide, as documents name them.
    pub assignee: Option<String>,
    /// `age` (oldest first, the default) or `expiry` (next to expire first).
    #[param(example = "age")]
    pub sort: Option<String>,
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
    /// `nextCursor` of the page before; instead of `offset`.
    pub cursor: Option<String>,
}

impl CheckpointsQuery {
    fn read(self) -> Result<CheckpointQuery, ApiError> {
        let page = PageQuery { limit: self.limit, offset: self.offset, cursor: self.cursor };
        let (limit, offset, cursor) = page.read()?;
        let statuses = match self.status.as_deref() {
            None | Some("") => vec![CheckpointStatus::Pending],
            Some("all") => Vec::new(),
            given => words("status", given, CheckpointStatus::from_str)?,
        };
        Ok(CheckpointQuery {
            statuses,
            job: parameter("jobId", self.job_id.as_deref(), FromStr::from_str)?,
            owner: None,
            assignee: text("assignee", self.assignee)?,
            sort: parameter("sort", self.sort.as_deref(), sort)?.unwrap_or_default(),
            limit,
            offset,
            cursor,
        })
    }
}

fn sort(text: &str) -> Result<CheckpointSort, String> {
    match text {
        "age" => Ok(CheckpointSort::Age),
        "expiry" => Ok(CheckpointSort::Expiry),
        _ => Err(format!("{text:?} is not one of age, expiry")),
    }
}

/// The inbox.
#[utoipa::path(get, path = "/api/admin/agent-checkpoints", operation_id = "listCheckpoints",
    tag = "checkpoints",
    description = "Checkpoints of all jobs; those that wait for a person when nothing is asked.",
    params(CheckpointsQuery),
    responses((status = 200, description = "A page of checkpoints", body = CheckpointList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<CheckpointsQuery>,
) -> Result<Json<CheckpointList>, ApiError> {
    let query = query.read()?;
    let Page { rows, total, next_cursor } = state.engine.checkpoints(&query).await?;
    let checkpoints = rows.into_iter().map(checkpoint::row).collect();
    let pagination = pagination(query.limit, query.offset, total, next_cursor);
    Ok(Json(CheckpointList { success: true, checkpoints, pagination }))
}

/// A checkpoint with all that a person needs.
#[utoipa::path(get, path = "/api/admin/agent-checkpoints/{id}", operation_id = "readCheckpoint",
    tag = "checkpoints",
    description = "A checkpoint with what is shown, its digest, diffs of shown files, the log of \
    its job \
                   and the decisions so far.",
    params(("id" = String, Path, description = "The checkpoint")),
    responses((status = 200, description = "The checkpoint", body = CheckpointDetail)))]
pub async fn read(
    State(state): State<HttpState>,
    CheckpointPath(id): CheckpointPath,
) -> Result<Json<CheckpointDetail>, ApiError> {
    let view = state.engine.checkpoint(id).await?;
    let job = state.engine.job(view.row.job).await?;
    let (logs, _) = logs_after(&state, view.row.job, 0, LOGS_BESIDE_MAX, Viewer::Staff).await?;
    let decisions = checkpoint::of_job(&job);
    let decisions = decisions.into_iter().filter(|known| known.decided_at.is_some()).collect();
    let shown = view.checkpoint.shown.clone();
    // Comparing texts can take long: never on a thread that answers requests.
    let diff = tokio::task::spawn_blocking(move || diff::of_files(&shown)).await;
    let diff = diff.map_err(|error| ApiError::new(codes::INTERNAL, error.to_string()))?;
    let checkpoint = checkpoint::full(view);
    Ok(Json(CheckpointDetail { success: true, checkpoint, diff, logs, decisions }))
}

/// Approves.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}", operation_id = "approveCheckpoint",
    tag = "checkpoints",
    description = "Approves. The body may be left out; with a digest the approval holds only for \
    what was seen. \
                   The same decision again is harmless, another one is a conflict.",
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
        checkpoint: id,
        verdict: Verdict::Approve,
        digest: validate::digest(body.digest.as_deref())?,
        comment: validate::comment("/comment", body.comment)?,
        input: body.input,
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
        checkpoint: id,
        verdict: Verdict::Reject,
        digest: validate::digest(body.value.digest.as_deref())?,
        comment: Some(validate::reason("/reason", body.value.reason)?),
        input: None,
    };
    decide(&state, &caller, decision).await
}

/// Decides in any way.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/decision",
    operation_id = "decideCheckpoint", tag = "checkpoints",
    description = "Approves, rejects or sends back, for exactly what the digest names. Rejecting \
    and sending \
                   back need a reason.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = Decision,
    responses((status = 200, description = "Decided", body = DecisionAnswer)))]
pub async fn decision(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(id): CheckpointPath,
    body: JsonBody<Decision>,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let Decision { decision, digest, reason, comment, input } = body.value;
    let verdict = Verdict::from_str(&decision)
        .map_err(|error| ApiError::invalid_at("/decision", error.to_string()))?;
    let pointer = if reason.is_some() { "/reason" } else { "/comment" };
    let comment = validate::comment(pointer, reason.or(comment))?;
    if verdict != Verdict::Approve && comment.is_none() {
        return Err(ApiError::invalid_at("/reason", "must say why"));
    }
    let digest = validate::digest(Some(&digest))?;
    let decision = DecideCheckpoint { checkpoint: id, verdict, digest, comment, input };
    decide(&state, &caller, decision).await
}

async fn decide(
    state: &HttpState,
    caller: &Caller,
    decision: DecideCheckpoint,
) -> Result<Json<DecisionAnswer>, ApiError> {
    let (id, verdict) = (decision.checkpoint, decision.verdict);
    let engine = state.engine.clone();
    let by = caller.principal();
    let decided = detached(async move { engine.decide(decision, by).await }).await;
    let view: CheckpointView = match decided {
        Ok(view) => view,
        Err(mut error) => {
            if error.code == codes::ALREADY_DECIDED {
                let now = state.engine.checkpoint(id).await?;
                error.decision = Some(Box::new(checkpoint::earlier(&now)));
            }
            return Err(error);
        }
    };
    let message = match verdict {
        Verdict::Approve => "Checkpoint approved successfully",
        Verdict::Reject => "Checkpoint rejected successfully",
        Verdict::SendBack => "Checkpoint sent back successfully",
    };
    let checkpoint = checkpoint::full(view);
    Ok(Json(DecisionAnswer { success: true, checkpoint, message: message.to_owned() }))
}
