//! Floor 4: the HTTP API. Routes, login and problem details over the engine's handle; it never
//! sees a store.

/// Accounts of people and the first admin.
pub mod accounts;
/// Who may do what.
pub mod authorize;
/// The header and the text of API tokens.
pub mod bearer;
mod body_room;
/// Where a request comes from.
pub mod client_address;
/// Every kind of problem in one table.
pub mod codes;
mod connections;
mod csrf;
/// Who stands in for whom at checkpoints.
pub mod delegation;
mod detached;
mod event_stream;
/// What handlers take from a request.
pub mod extract;
/// How accounts, sessions and tokens change: with a fact.
mod facts;
mod guard;
/// Limits of what stands before the body.
pub mod head_limits;
mod headers;
/// Which host names are ours.
pub mod host;
/// Pages for people.
mod html;
mod observe;
/// The OpenAPI document.
pub mod openapi;
mod options;
mod password;
/// Which passwords are good enough.
pub mod password_policy;
/// Every route with who may use it.
pub mod policy;
mod present;
/// The one error and how it becomes an answer.
pub mod problem;
mod random;
mod rate;
mod refusal;
/// Answers kept for requests that are repeated.
pub mod replies;
mod router;
mod routes;
/// What a token may be used for.
pub mod scope;
mod server;
/// Login sessions.
pub mod session;
mod sign_in;
mod state;
/// JSON without guesses.
pub mod strict_json;
mod templates;
mod throttle;
/// API tokens.
pub mod tokens;
/// Accounts, for admins.
pub mod users;
mod validate;
/// Agents as callers describe them.
pub mod validate_agent;
mod validate_user;

pub use guard::Peer;
pub use options::{BadOptions, Options, RateOptions, Scrape};
pub use router::router;
pub use server::{BindError, Server};
pub use state::{HttpState, RenderMetrics};
