//! One test binary: its modules are the areas. Tests reach the program through its public surface.
#![allow(clippy::unwrap_used)]

mod agent_sim;
mod agents;
mod audit;
mod backup;
#[cfg(feature = "fault-injection")]
mod binary;
mod board;
mod calls;
mod cli;
mod config;
mod conformance_kit;
mod contract;
#[cfg(feature = "fault-injection")]
mod crash;
#[cfg(feature = "fault-injection")]
mod disk_faults;
mod documents;
mod door;
mod dsl;
mod egress;
mod engine;
mod expr;
mod fuzz;
mod gates;
mod http;
mod identity;
mod judge;
#[cfg(feature = "fault-injection")]
mod linear;
mod machine;
mod matching;
mod people;
#[cfg(feature = "fault-injection")]
mod simulation;
mod statistics;
mod store;
mod support;
mod telemetry;
mod tidy;
