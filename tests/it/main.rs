//! One test binary: its modules are the areas. Tests reach the program through its public surface.
#![allow(clippy::unwrap_used)]

mod calls;
mod config;
mod documents;
mod dsl;
mod expr;
mod http;
mod telemetry;
mod tidy;
