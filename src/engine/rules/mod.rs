//! Auto-approve rules: an admin says which checkpoints need no person. A rule approves and never
//! rejects, leaves a sample to people, and is one of those who decide: the machine judges it like
//! everybody else.

/// Which checkpoints a rule approves.
mod condition;
/// Rules follow the feed.
mod follower;
/// A rule as it is kept.
mod rule;
/// How rules are made, changed and revoked.
mod shelf;
/// What a rule would have done.
mod trial;
/// How often a rule approved on a day.
mod uses;

pub(crate) use follower::follow;
pub use rule::{NewRule, Rule, RuleEdit};
pub(crate) use shelf::Rules;
pub use trial::{RuleTrial, TrialFinding, TrialOutcome};
