//! `agent-sim`: agents and models that behave by script, on a loopback address. It is a stand-in
//! for tests and rehearsals and never part of a server.

/// Answers as data.
mod answer;
/// What may be written behind `agent-sim`.
mod arguments;
/// POSTs to a callback address.
mod callback;
/// The scripts, by path.
mod conduct;
/// What each key was told.
mod memory;
/// A scripted server of language models.
mod model;
/// What was asked.
mod request;
/// The listener.
mod server;
/// What was seen, for whoever asks.
mod witness;

pub(super) use arguments::{Arguments, run};
pub use server::AgentSim;
pub use witness::{Delivered, Seen};
