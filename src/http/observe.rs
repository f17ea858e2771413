//! Counts answered requests by route and status. Never by path: a path holds ids.

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::Response;
use axum::middleware::Next;

use crate::model::metric_names::HTTP_REQUESTS_TOTAL;

/// The route of requests that no route has.
const NO_ROUTE: &str = "none";

/// Middleware: counts the answer.
pub async fn count(request: Request, next: Next) -> Response<Body> {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let status = response.status().as_u16().to_string();
    metrics::counter!(HTTP_REQUESTS_TOTAL, "route" => route, "status" => status).increment(1);
    response
}
