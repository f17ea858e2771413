//! What became of the work of each agent: verdicts, resubmissions, times, costs. A fold over the
//! journals, by the feed of commits; it is never asked before a job goes on.

/// What is counted.
mod figures;
/// From facts to figures.
mod fold;
/// How far the feed was read, and what came of it, kept in the store.
mod keeper;
/// Times as counts.
mod latency;

pub use figures::AgentStatistics;
pub(crate) use keeper::Statistics;
pub(crate) use latency::Latency;
