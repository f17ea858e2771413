//! Floor 4: a client of the public API, for the command line, the demo and the tests. It knows the
//! API as a stranger does: addresses and JSON, nothing of the engine behind them.

/// Agents and the job board.
pub mod agents;
/// The audit trail and oversight.
pub mod audit;
/// Signing in: a login's cookie or a token.
pub mod auth;
/// Checkpoints: the inbox and decisions.
pub mod checkpoints;
/// What can go wrong, in words for a tired operator.
pub mod error;
/// Jobs.
pub mod jobs;
/// The worker, the actors, the state of the server, its workflows.
pub mod operation;
/// Requests whose answers nobody reads.
pub mod raw;
/// API tokens.
pub mod tokens;
/// One request and its answer.
mod transport;
/// Accounts.
pub mod users;
/// Waiting for something to come true.
pub mod wait;

pub use error::ClientError;
pub use transport::{Answer, Client};
