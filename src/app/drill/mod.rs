//! The drill: jobs that have ended run again on scratch stores, against the answers that they were
//! given, and the engine is killed at every persisted boundary. It calls nobody and never touches
//! the store that the jobs come from.

/// Answers calls from a recording.
mod agent;
/// Two values that differ in nothing but the time that passed.
mod alike;
/// A copy of a store, to be read.
mod copy;
/// One process: from its start to its death or the end of the job.
mod life;
/// Where in a workflow something happened, whatever the ids of the run.
mod map;
/// What the people did, and do again.
mod people;
/// How recordings are read.
mod reader;
/// A job as its journal tells it.
mod recording;
/// What was found.
mod report;
/// All jobs, all kill points.
mod run;
/// Time that passes when nothing else is left to do.
mod time;
/// The store of an engine that is to be killed.
mod witness;
/// What outlives a process, and the first thing that must not be.
mod world;

pub use copy::of_file;
pub use report::{Failure, Kind, Remark, Report, WorkflowReport};
pub use run::{Order, Scratch, drill};
