//! `/api/callbacks/{token}`: results that asynchronous agents bring. The token is the right to do
//! so; there is no login here.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use crate::api::assignment::CallbackAnswer;
use crate::engine::CallbackBody;
use crate::http::detached::detached;
use crate::http::extract::{BodyLimit, NamePath, parse, read_body, require_kind};
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// Takes a result.
#[utoipa::path(post, path = "/api/callbacks/{token}", operation_id = "receiveCallback",
    tag = "agents",
    description = "Takes the result of an asynchronous call, or problem details \
    (`application/problem+json`) when there is none. The token comes with the request as \
    `Holdpoint-Callback-Url`; it is good for one outcome.",
    params(("token" = String, Path, description = "The token of the call")),
    request_body(content(
        (serde_json::Value = "application/json"),
        (serde_json::Value = "application/problem+json"),
    )),
    responses((status = 200, description = "Taken; it is on disk", body = CallbackAnswer)))]
pub async fn receive(
    State(state): State<HttpState>,
    NamePath(token): NamePath,
    request: Request,
) -> Result<Response, ApiError> {
    let kind = require_kind(request.headers(), &[JSON, PROBLEM])?;
    let max = BodyLimit::of(&request);
    let value = parse(&read_body(request, max).await?)?;
    let body = match kind {
        PROBLEM => CallbackBody::Problem(value),
        _ => CallbackBody::Result(value),
    };
    let engine = state.engine.clone();
    detached(async move { engine.callback(&token, body).await }).await?;
    let message = "The outcome was taken".to_owned();
    Ok(Json(CallbackAnswer { success: true, message }).into_response())
}
