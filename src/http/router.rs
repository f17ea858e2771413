//! The router: every route behind the same layers. The order of the layers is the order of trust.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;

use crate::http::problem::{ApiError, name_instance};
use crate::http::state::HttpState;
use crate::http::{
    bearer, codes, csrf, detached, guard, head_limits, headers, host, observe, openapi, session,
};

/// Every route of the API. Panics when a route is not in the table of routes, which a test keeps
/// from happening.
pub fn router(state: HttpState) -> Router {
    let (routes, document) = openapi::routes(&state.options);
    let document = document.to_json().unwrap_or_default();
    let state = HttpState { openapi: Arc::new(document), ..state };
    let engine = state.engine.clone();
    let options = Arc::clone(&state.options);
    // The last layer is the outermost: what a layer answers passes through those after it.
    routes
        .fallback(nothing_here)
        .layer(from_fn_with_state(state.clone(), guard::admit))
        .layer(session::layer(engine, &options))
        .layer(csrf::layer(&options))
        .layer(from_fn(bearer::isolate))
        .layer(from_fn_with_state(state.clone(), host::check))
        .layer(from_fn(head_limits::check))
        .layer(from_fn_with_state(state.clone(), detached::limit_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(name_instance))
        .layer(from_fn(headers::secure))
        .layer(from_fn(observe::count))
        .with_state(state)
}

async fn nothing_here(request: Request) -> ApiError {
    let detail =
        format!("there is nothing at {}; /api/docs lists every route", request.uri().path());
    ApiError::new(codes::NO_SUCH_ROUTE, detail)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("of an unknown kind"), "a handler panicked");
    ApiError::new(codes::INTERNAL, "the request died; the log says why").into_response()
}
