//! Requests that browsers send for other sites are refused: by Sec-Fetch-Site and Origin, without
//! tokens
//! (the scheme of Go 1.25's `CrossOriginProtection`, from tower-http).

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::http::codes;
use crate::http::options::Options;
use crate::http::problem::ApiError;

/// The answer to a request of another site.
pub fn refuse(_: ProtectionError) -> Response<Body> {
    let detail = "the request came from another site; nothing was done";
    ApiError::new(codes::CROSS_ORIGIN, detail).into_response()
}

/// The layer for these settings: the public origin counts as ours.
pub fn layer(options: &Options) -> CsrfLayer<fn(ProtectionError) -> Response<Body>> {
    let own = CsrfLayer::new();
    let trusting = options.public_origin().map(|origin| own.clone().add_trusted_origin(origin));
    let layer = match trusting {
        Some(Ok(layer)) => layer,
        // Without the origin in the list fewer requests pass, never more.
        Some(Err(_)) | None => own,
    };
    layer.with_rejection_response(refuse as fn(ProtectionError) -> Response<Body>)
}
