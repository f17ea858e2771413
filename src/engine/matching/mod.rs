//! Matching: which agent suits a job, and what it is told. The score is arithmetic on what is
//! known; a language model may change the order of those that suit, and never adds one.

/// Who could do it, and how busy they are.
mod candidate;
/// What an agent is told about a job.
mod inputs;
/// The language model's part.
mod model;
/// The order of the agents and what each lacks.
mod ranking;
/// A round, begun by the actor of a job.
mod round;
/// Points for one agent.
mod score;
/// One round.
mod search;
/// Words of a text.
mod words;

pub use candidate::{Candidate, Opening, Record};
pub use inputs::{Fit, Task};
pub use ranking::{Assessment, Order, Points, THRESHOLD, rank};
pub(crate) use round::{SLOTS, Search};
pub use search::{Found, pause_after, search};
