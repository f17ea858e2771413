//! Holdpoint: durable jobs that stop where a person must decide. The modules stand in reading order,
//! lowest floor first; `docs/ARCHITECTURE.md` says which may import which.

/// What a job is and what may happen to it.
pub mod model;
/// Runtime expressions (jq) with limits.
pub mod expr;
/// Workflow documents: from text to a checked definition.
pub mod dsl;
/// The only caller of the system time.
pub mod clock;
/// The pure core: `decide`, `evolve`, `due`.
pub mod machine;
/// The store port and its engines.
pub mod store;
/// The outside work of one attempt.
pub mod calls;
/// Wire shapes of the HTTP API.
pub mod api;
/// The actors behind one handle.
pub mod engine;
/// Routes, login and problem details.
pub mod http;
/// A typed client of the public API.
pub mod client;
/// Logs and metrics.
pub mod telemetry;
/// The layered configuration.
pub mod config;
/// The composition root.
pub mod app;
/// The command line.
pub mod cli;
