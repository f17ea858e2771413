//! `bench`: how fast this binary is on this machine. Every rate stands beside what the same disk
//! and the same network did without an engine in the same run; durable settings stay on.
//!
//! Load generator and agent live in this process, the server under test is a child, so that its
//! processor time, memory and syncs are its own. There is no cheap way to await a job over the API,
//! and polling each job would measure the polls. So a client (one of `--clients`) is free for its
//! next job when the agent gets the last call of the one before, and the time of a run ends when
//! the server counts all jobs as done: beyond `--clients` only last commits can be under way.

/// The agent that does nothing.
mod agent;
/// What may be written behind `bench`.
mod arguments;
/// The same calls without an engine.
mod bare_calls;
/// Stores with many jobs, made quickly.
mod fill;
/// Clients that submit.
mod load;
/// What machine this is.
mod machine;
/// List pages of a large store.
mod pages;
/// What the system says about a process.
mod process;
/// Times in order.
mod quantile;
/// A table for people, JSON for programs.
mod report;
/// Folders for stores, documents and settings.
mod scratch;
/// The server under test.
mod server;
/// A server with its client and agent.
mod stage;
/// Cold start, idle memory, size.
mod start;
/// The figures to reach.
mod targets;
/// No network at all.
mod w0;
/// Calls over HTTP.
mod w1;
/// Checkpoints.
mod w2;
/// Kill and restart.
mod w3;
/// A store with history.
mod w4;

pub(super) use arguments::{Arguments, run};
