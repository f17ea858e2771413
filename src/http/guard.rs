//! The door: every request passes here before its handler, and the table of routes decides. What
//! is not in the table is not let in.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::api::problem::FieldError;
use crate::http::authorize::{Action, Caller, Denial, Resource, Role, authorize};
pub use crate::http::client_address::ClientAddress;
use crate::http::client_address::client_address;
use crate::http::codes;
use crate::http::extract::BodyLimit;
use crate::http::options::Scrape;
use crate::http::policy::{self, Access};
use crate::http::problem::ApiError;
use crate::http::rate::{self, Kind, Passed};
use crate::http::replies;
use crate::http::scope::Scope;
use crate::http::sign_in;
use crate::http::state::HttpState;

/// Where a connection comes from. The server puts it into every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Middleware: lets a request in or answers why not.
pub async fn admit(State(state): State<HttpState>, request: Request, next: Next) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(BodyLimit(state.options.body_bytes_max));
    let checked = check(&state, &mut parts).await;
    // Refusals count, too: whoever guesses at tokens or tries doors has as many tries as others
    // have requests.
    let passed = match limit_rate(&state, &parts).and_then(|passed| checked.map(|()| passed)) {
        Ok(passed) => passed,
        Err(error) => return error.into_response(),
    };
    // Held until there is an answer: the handler has what it read in hand for as long.
    let room = state.bodies.for_request(parts.extensions.get::<Caller>().is_some());
    parts.extensions.insert(room.clone());
    let is_repeatable = replies::concerns(&parts);
    let request = Request::from_parts(parts, body);
    let mut response = if is_repeatable {
        state.replies.answer(request, next).await
    } else {
        next.run(request).await
    };
    drop(room);
    if let Some(passed) = passed {
        passed.tell(response.headers_mut());
    }
    response
}

/// Counts the request for who makes it: the principal, or the address of one without a login.
/// Programs on this machine are not counted unless an operator wants it, and probes never are.
fn limit_rate(state: &HttpState, parts: &Parts) -> Result<Option<Passed>, ApiError> {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let Some(address) = client_address(&state.options, &parts.headers, peer) else {
        return Ok(None);
    };
    let (rates, is_proxied) = (state.options.rates, state.options.behind_proxy);
    let is_local = address.is_loopback() && !is_proxied && !rates.limit_loopback;
    if is_local || policy::PROBES.contains(&path) {
        return Ok(None);
    }
    match parts.extensions.get::<Caller>() {
        Some(caller) => state.rates.admit(Kind::of(&parts.method), &caller.principal().to_string()),
        None => state.rates.admit(Kind::Anonymous, &rate::key_of(address)),
    }
}

async fn check(state: &HttpState, parts: &mut Parts) -> Result<(), ApiError> {
    let Some(path) = parts.extensions.get::<MatchedPath>().cloned() else {
        // No route has this path: the fallback says so.
        return Ok(());
    };
    let Some(route) = policy::find(&parts.method, path.as_str()) else {
        return Err(not_allowed(path.as_str()));
    };
    let query = parts.uri.query().unwrap_or_default();
    if !route.has_query && !query.is_empty() {
        let name = query.split(['=', '&']).next().unwrap_or_default();
        let message = format!("this route takes no query parameter, and so no {name:?}");
        return Err(ApiError::invalid(vec![FieldError::parameter(name, message)]));
    }
    match route.access {
        Access::Open => Ok(()),
        Access::Scrape if may_scrape(state, parts) => Ok(()),
        Access::Scrape => {
            let caller = sign_in::caller(state, parts).await?;
            permit(&caller, Action::ReadMetrics, Resource::Any)
        }
        Access::For(action) => {
            let caller = sign_in::caller(state, parts).await?;
            parts.extensions.insert(caller.clone());
            permit(&caller, action, Resource::Any)
        }
    }
}

fn not_allowed(path: &str) -> ApiError {
    let allowed = policy::allowed(path);
    let detail = format!("{path} takes {allowed}");
    let mut error = ApiError::new(codes::METHOD_NOT_ALLOWED, detail);
    error.header = Some(Box::new((header::ALLOW, allowed)));
    error
}

fn may_scrape(state: &HttpState, parts: &Parts) -> bool {
    match state.options.scrape {
        Scrape::Nobody => false,
        Scrape::Anyone => true,
        Scrape::Loopback => {
            let peer = parts.extensions.get::<Peer>();
            // Behind a proxy every peer is the proxy, so being on this machine says nothing.
            !state.options.behind_proxy && peer.is_some_and(|peer| peer.0.ip().is_loopback())
        }
    }
}

/// `authorize`, with a denial as the answer to it. What is somebody else's does not exist.
pub fn permit(caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), ApiError> {
    authorize(caller, action, resource).map_err(|denial| match denial {
        Denial::PasswordFirst => {
            let detail = "choose a password of your own first: POST /api/auth/password";
            ApiError::new(codes::PASSWORD_CHANGE_REQUIRED, detail)
        }
        Denial::PersonsOnly => {
            let detail = "only a person may do this, and the token is one of a program";
            ApiError::new(codes::FORBIDDEN, detail)
        }
        Denial::NeedsScope(scopes) => {
            let names: Vec<&str> = scopes.iter().map(|scope: &Scope| scope.as_str()).collect();
            let detail = format!("the token needs one of the scopes: {}", names.join(", "));
            ApiError::new(codes::FORBIDDEN, detail)
        }
        Denial::NeedsRole(roles) => {
            let names: Vec<&str> = roles.iter().map(|role: &Role| role.as_str()).collect();
            let detail = format!("this needs one of the roles: {}", names.join(", "));
            ApiError::new(codes::FORBIDDEN, detail)
        }
        Denial::NotTheirs => ApiError::new(codes::NO_SUCH_JOB, "there is no such job"),
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The door put it there; a handler behind an open door that asks for it finds nobody.
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(sign_in::nobody)
    }
}
