//! Work that goes on when the client leaves: a handler is dropped in the middle when its
//! connection closes,
//! and what it has begun must not end half done.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Response;
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::{codes, policy};

/// How soon a caller may ask again what became of a slow request, seconds.
const SLOW_RETRY_SECS: u64 = 5;

/// Runs it to its end whatever becomes of the caller.
pub async fn detached<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(failure) => {
            tracing::error!(%failure, "a request died in the middle");
            Err(ApiError::new(codes::INTERNAL, "the request died; the log says why"))
        }
    }
}

/// Middleware: answers when the handler takes too long. Detached work goes on.
pub async fn limit_time(
    State(state): State<HttpState>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let route = request.extensions().get::<MatchedPath>();
    if route.is_some_and(|path| policy::may_take_long(request.method(), path.as_str())) {
        return next.run(request).await;
    }
    let limit: Duration = state.options.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("there was no answer within {} s", limit.as_secs());
            ApiError::new(codes::SLOW, detail).retry_after(SLOW_RETRY_SECS).into_response()
        }
    }
}
