//! `/api/admin/oversight`: how people decide, by workflow, agent or reviewer.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::oversight::OversightAnswer;
use crate::engine::OversightBy;
use crate::http::extract::{QueryOf, parameter};
use crate::http::present::audit::oversight_row;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::time::Timestamp;

/// By what, and of which days.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct OversightParameters {
    /// `workflow` (the default), `agent` or `reviewer`.
    #[param(example = "workflow")]
    pub by: Option<String>,
    /// From this day on, RFC 3339; the whole day in UTC counts.
    pub from: Option<String>,
    /// Up to this day, RFC 3339; the whole day in UTC counts.
    pub to: Option<String>,
}

/// The figures.
#[utoipa::path(get, path = "/api/admin/oversight", operation_id = "readOversight", tag = "admin",
    description = "How people decide: what waits by age, how long decisions take, how often they \
        approve, send back, edit, let time pass or override, and approvals that came faster than \
        anybody reads. What waits is told as it is now, whatever the days.",
    params(OversightParameters),
    responses((status = 200, description = "The figures", body = OversightAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<OversightParameters>,
) -> Result<Json<OversightAnswer>, ApiError> {
    let by = parameter("by", query.by.as_deref(), OversightBy::from_str)?;
    let by = by.unwrap_or(OversightBy::Workflow);
    let from = parameter("from", query.from.as_deref(), time)?;
    let to = parameter("to", query.to.as_deref(), time)?;
    let found = state.engine.oversight(by, from, to).await?;
    Ok(Json(OversightAnswer {
        success: true,
        by: by.to_string(),
        rows: found.rows.into_iter().map(oversight_row).collect(),
        total: oversight_row(found.total),
    }))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| format!("{text:?} is no RFC 3339 time"))
}
