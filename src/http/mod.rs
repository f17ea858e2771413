//! Floor 4: the HTTP API. Routes, login and problem details over the engine's handle; it never
//! sees a store.

/// Accounts of people and the first admin.
pub mod accounts;
/// Who may do what.
pub mod authorize;
/// Where a request comes from.
pub mod client_address;
/// Every kind of problem in one table.
pub mod codes;
mod connections;
mod csrf;
mod detached;
/// What handlers take from a request.
pub mod extract;
mod guard;
/// Limits of what stands before the body.
pub mod head_limits;
mod headers;
/// Which host names are ours.
pub mod host;
mod observe;
/// The OpenAPI document.
pub mod openapi;
mod options;
mod password;
/// Every route with who may use it.
pub mod policy;
mod present;
/// The one error and how it becomes an answer.
pub mod problem;
mod rate;
mod refusal;
/// Answers kept for requests that are repeated.
pub mod replies;
mod router;
mod routes;
mod server;
/// Login sessions.
pub mod session;
mod state;
/// JSON without guesses.
pub mod strict_json;
mod templates;
mod throttle;
mod validate;
/// Agents as callers describe them.
pub mod validate_agent;

pub use guard::Peer;
pub use options::{BadOptions, Options, RateOptions, Scrape};
pub use router::router;
pub use server::{BindError, Server};
pub use state::{HttpState, RenderMetrics};
