//! The judge: a language model says whether a result meets its criteria. What an agent wrote is
//! data to it, and a judge that cannot be understood has said nothing.

/// The function `evaluate`.
mod evaluate;
/// The prompt.
mod prompt;
/// No judgement, and why.
mod unjudged;
/// The verdict in an answer.
mod verdict;

pub(crate) use evaluate::Judge;
pub use unjudged::Unjudged;
