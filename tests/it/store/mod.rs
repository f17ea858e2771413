//! The store: what every engine must do, the same history in two engines, and files that are not
//! as they should be.

pub mod build;
mod conformance;
#[cfg(feature = "fault-injection")]
mod crash;
mod damage;
mod documents;
pub mod dump;
mod lists;
mod older;
mod opening;
pub mod pieces;
mod places;
mod random;
mod trail;
mod writing;
