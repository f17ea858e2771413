//! Creating a job: once for each idempotency key, and to its end whatever becomes of the client.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::api::job::JobAnswer;
use crate::dsl::canonical_hash;
use crate::engine::{IdempotencyKey, NewJob, Submitted};
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::present::job::{Words, job};
use crate::http::problem::ApiError;
use crate::http::replies;
use crate::http::state::HttpState;
use crate::model::limits::IDEMPOTENCY_KEPT;
use crate::model::time::Timestamp;

/// Submits a checked job and answers 201; the same key again answers the same job.
pub async fn create(
    state: &HttpState,
    caller: &Caller,
    headers: &HeaderMap,
    raw: &Value,
    new: NewJob,
    agent: Option<String>,
    words: Words,
) -> Result<Response, ApiError> {
    let route = match words {
        Words::Jobs => "/api/jobs",
        Words::AgentJobs => "/api/agent-jobs",
    };
    let key = idempotency_key(headers, caller, route, raw, state.engine.now())?;
    let engine = state.engine.clone();
    let by = caller.author();
    let Submitted { job: view, replayed } = detached(async move {
        match agent {
            Some(agent) => engine.submit_assigned(new, &agent, by, key).await,
            None => engine.submit(new, by, key).await,
        }
    })
    .await
    .map_err(about_input)?;
    let job = job(view, words, &state.engine.workflows());
    let location = format!("{route}/{}", job.summary.id);
    let answer = Json(JobAnswer { success: true, job, message: None });
    let mut response = (StatusCode::CREATED, answer).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert(replies::REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What the agent gets is the input of the job here.
fn about_input(mut error: ApiError) -> ApiError {
    for field in &mut error.errors {
        if let Some(rest) = field.pointer.as_ref().and_then(|place| place.strip_prefix("/inputs")) {
            field.pointer = Some(format!("/inputData{rest}"));
        }
    }
    error
}

/// The key of a request, if it has one. The same key with another body is told apart by its digest.
pub fn idempotency_key(
    headers: &HeaderMap,
    caller: &Caller,
    route: &str,
    raw: &Value,
    now: Timestamp,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(key) = replies::key(headers)? else { return Ok(None) };
    // The canonical form, so that the same request in other white space or order is the same.
    let digest = canonical_hash(&json!([route, raw]));
    let kept = i64::try_from(IDEMPOTENCY_KEPT.0).unwrap_or(i64::MAX);
    Ok(Some(IdempotencyKey {
        owner: caller.id.clone(),
        key: key.to_owned(),
        digest,
        forget_before: Timestamp(now.0.saturating_sub(kept)),
    }))
}
