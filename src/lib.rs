//! Holdpoint: durable jobs that stop where a person must decide. The modules stand in reading
//! order, lowest floor first; `docs/ARCHITECTURE.md` says which may import which.

/// Wire shapes of the HTTP API.
pub mod api;
/// The composition root.
pub mod app;
/// The outside work of one attempt.
pub mod calls;
/// The command line.
pub mod cli;
/// A typed client of the public API.
pub mod client;
/// The only caller of the system time.
pub mod clock;
/// The layered configuration.
pub mod config;
/// Workflow documents: from text to a checked definition.
pub mod dsl;
/// The actors behind one handle.
pub mod engine;
/// Runtime expressions (jq) with limits.
pub mod expr;
/// Routes, login and problem details.
pub mod http;
/// The pure core: `decide`, `evolve`, `due`.
pub mod machine;
/// What a job is and what may happen to it.
pub mod model;
/// The store port and its engines.
pub mod store;
/// Logs and metrics.
pub mod telemetry;
