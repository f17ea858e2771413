//! Checkpoints: opened with a frozen, hashed content; decided once, by people whom their policy
//! lets; reminded of, escalated and expired by the clock. A map; nothing lives here.

/// What people do beside deciding: claim, release, delegate, comment.
mod attend;
/// A vote or a decision.
mod decide;
/// A change of what is shown.
mod edit;
/// What facts about a checkpoint change in the job.
mod fold;
mod opening;
/// What a closed checkpoint means to its task.
mod outcome;
/// A new deadline, or an expired checkpoint opened again.
mod rearm;
/// Reminders, escalations, expiry.
mod timers;

pub(super) use fold::fold;
pub(super) use opening::Opening;
pub use outcome::approved;
pub(super) use timers::next_at;
