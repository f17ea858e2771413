//! A server on loopback answers to its own names only, so that a page of another site that made
//! its name
//! point here (DNS rebinding) gets nothing.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, Uri, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::http::codes;
use crate::http::options::Options;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// Middleware: refuses requests for another host.
pub async fn check(State(state): State<HttpState>, request: Request, next: Next) -> Response<Body> {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        // A proxy may have looked at the other one.
        let detail = "the request names more than one Host";
        return ApiError::new(codes::MALFORMED, detail).into_response();
    }
    let host = host_of(request.headers(), request.uri());
    if is_ours(&state.options, host.as_deref()) {
        return next.run(request).await;
    }
    let name = host.unwrap_or_else(|| "no host".to_owned());
    let detail = format!("this server does not answer for {name:?}");
    ApiError::new(codes::WRONG_HOST, detail).into_response()
}

/// The host that a request is for: of an absolute target, else of the header.
fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str().to_owned());
    }
    headers.get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Does the server answer for this host? One that listens wider stands behind a proxy that knows
/// its names.
pub fn is_ours(options: &Options, host: Option<&str>) -> bool {
    if !options.listen.ip().is_loopback() {
        return true;
    }
    let Some(host) = host.map(str::to_ascii_lowercase) else { return false };
    if matches!(without_port(&host), "localhost" | "127.0.0.1" | "[::1]") {
        return true;
    }
    let public = options.public_origin();
    let public = public.as_deref().and_then(|origin| origin.split_once("://"));
    public.is_some_and(|(_, authority)| {
        host == authority || without_port(&host) == without_port(authority)
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
