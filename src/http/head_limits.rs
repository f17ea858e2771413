//! Limits of what stands before the body: the address, its query, the headers. They are below those
//! of the parser, so that a request beyond them gets a problem document. Nothing is cut off: it is
//! refused.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response, Uri};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::http::codes;
use crate::http::problem::ApiError;

/// Longest path and query, bytes: what proxies take too.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Longest query, bytes: filters and cursors are short.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Most headers of one request: browsers and proxies together send fewer than half of it.
pub const HEADERS_MAX: usize = 100;
/// Longest headers together, bytes of names and values.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Middleware: refuses a head beyond its limits.
pub async fn check(request: Request, next: Next) -> Response<Body> {
    match check_uri(request.uri()).and_then(|()| check_headers(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check_uri(uri: &Uri) -> Result<(), ApiError> {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let query = uri.query().map_or(0, str::len);
    for (what, length, max) in
        [("path and query", target, URI_BYTES_MAX), ("query", query, QUERY_BYTES_MAX)]
    {
        if length > max {
            let detail = format!("the {what} has {length} bytes; at most {max} are taken");
            return Err(ApiError::new(codes::URI_TOO_LONG, detail));
        }
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap) -> Result<(), ApiError> {
    let count = headers.len();
    let bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.as_bytes().len()).sum();
    let refused = |detail| Err(ApiError::new(codes::HEADERS_TOO_LARGE, detail));
    if count > HEADERS_MAX {
        return refused(format!("there are {count} headers; at most {HEADERS_MAX} are taken"));
    }
    if bytes > HEADER_BYTES_MAX {
        return refused(format!(
            "the headers have {bytes} bytes; at most {HEADER_BYTES_MAX} are taken"
        ));
    }
    Ok(())
}
