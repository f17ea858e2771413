//! One test binary: its modules are the areas. Tests reach the program through its public surface.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "fault-injection")]
mod binary;
mod calls;
mod cli;
mod config;
mod conformance_kit;
#[cfg(feature = "fault-injection")]
mod crash;
mod documents;
mod dsl;
mod egress;
mod engine;
mod expr;
mod http;
mod machine;
mod store;
mod support;
mod telemetry;
mod tidy;
