//! `/api/admin/actors`: the live actor tree.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::actor::ActorsAnswer;
use crate::http::extract::QueryOf;
use crate::http::present::actor::{dot, text, tree};
use crate::http::problem::ApiError;
use crate::http::routes::listing::wrong;
use crate::http::state::HttpState;

/// How the tree is written.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActorsQuery {
    /// `json` (the default), `text` for a terminal, or `dot` for Graphviz.
    #[param(example = "json")]
    pub format: Option<String>,
}

/// The tree.
#[utoipa::path(get, path = "/api/admin/actors", operation_id = "readActors", tag = "admin",
    description = "The live actor tree: what each actor is for, how it is and what it did.",
    params(ActorsQuery),
    responses((status = 200, description = "The tree", body = ActorsAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<ActorsQuery>,
) -> Result<Response, ApiError> {
    let actors = tree(state.engine.actors().await?);
    let plain = |kind: &'static str, body: String| ([(header::CONTENT_TYPE, kind)], body);
    match query.format.as_deref() {
        None | Some("" | "json") => {
            Ok(Json(ActorsAnswer { success: true, actors }).into_response())
        }
        Some("text") => Ok(plain("text/plain; charset=utf-8", text(&actors)).into_response()),
        Some("dot") => Ok(plain("text/vnd.graphviz; charset=utf-8", dot(&actors)).into_response()),
        Some(other) => Err(wrong("format", format!("{other:?} is not one of json, text, dot"))),
    }
}
