//! How people decide: how long they take, how often they approve, send back, edit or let time
//! pass, by workflow, agent and reviewer. A fold along the audit trail; it is never asked before a
//! job goes on.

/// What is counted, and how it is shown.
mod figures;
/// From entries of the trail to figures.
mod fold;
/// How far the trail was read, and what came of it, by day.
mod keeper;
/// Checkpoints that wait, by age.
mod open;

pub use figures::{Decisions, OpenByAge, Oversight, OversightBy, OversightRow};
pub(crate) use keeper::Keeper;
