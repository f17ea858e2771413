//! `/api/admin/agent-checkpoints`: the inbox, and one checkpoint with what is shown.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::checkpoint::{CheckpointDetail, CheckpointList};
use crate::engine::{CheckpointQuery, CheckpointSort, Page};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::extract::{CheckpointPath, QueryOf, parameter};
use crate::http::present::log::Viewer;
use crate::http::present::{checkpoint, diff, pagination};
use crate::http::problem::ApiError;
use crate::http::routes::detail::{LOGS_BESIDE_MAX, logs_after};
use crate::http::routes::listing::{PageQuery, list as words, text};
use crate::http::state::HttpState;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::voter::Door;

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
    /// That this role, group or user may decide, as documents name them.
    pub assignee: Option<String>,
    /// Claimed by this person, by id, and not released yet.
    pub claimed_by: Option<String>,
    /// `true`: those that the caller may decide now.
    #[param(value_type = Option<bool>)]
    pub mine: Option<String>,
    /// Those that ask the same of the same kind of job as this checkpoint.
    #[param(example = "6f9619ff-8b86-8011-b42d-00c04fc964ff")]
    pub like: Option<String>,
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
            assignee: text("assignee", self.assignee)?,
            claimed_by: text("claimedBy", self.claimed_by)?,
            sort: parameter("sort", self.sort.as_deref(), sort)?.unwrap_or_default(),
            limit,
            offset,
            cursor,
            ..CheckpointQuery::default()
        })
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
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
    description = "Checkpoints of all jobs; those that wait for a person when nothing is asked. \
    `mine` leaves out what is for others, what others claimed, and what the caller voted on.",
    params(CheckpointsQuery),
    responses((status = 200, description = "A page of checkpoints", body = CheckpointList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<CheckpointsQuery>,
) -> Result<Json<CheckpointList>, ApiError> {
    let mine = parameter("mine", query.mine.as_deref(), yes_or_no)?.unwrap_or_default();
    let like = parameter("like", query.like.as_deref(), FromStr::from_str)?;
    let mut query = query.read()?;
    query.now = state.engine.now();
    query.may_decide = mine.then(|| caller.voter(Door::Session));
    if let Some(like) = like {
        query.like = Some(Box::new(state.engine.checkpoint(like).await?.row));
    }
    let now = query.now;
    let Page { rows, total, next_cursor } = state.engine.checkpoints(&query).await?;
    let checkpoints = rows.into_iter().map(|row| checkpoint::row(row, now)).collect();
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
    let now = state.engine.now();
    let decisions = checkpoint::of_job(&job, now);
    let decisions = decisions.into_iter().filter(|known| known.decided_at.is_some()).collect();
    // Comparing texts can take long: never on a thread that answers requests.
    let compared = tokio::task::spawn_blocking(move || {
        let diff = diff::of_files(&view.checkpoint.shown);
        (checkpoint::with_diffs(view, now), diff)
    });
    let (checkpoint, diff) =
        compared.await.map_err(|error| ApiError::new(codes::INTERNAL, error.to_string()))?;
    Ok(Json(CheckpointDetail { success: true, checkpoint, diff, logs, decisions }))
}
