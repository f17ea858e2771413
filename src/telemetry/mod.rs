//! Logs and metrics: where what the other floors say about themselves goes. It decides nothing.

/// Log lines on standard error, panics included.
pub mod logging;
/// The Prometheus recorder and its text.
pub mod metrics;
/// Log lines that nobody can forge.
pub mod one_line;
