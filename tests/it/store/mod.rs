//! The store: what every engine must do, the same history in two engines, and files that are not as they
//! should be.

mod build;
mod conformance;
mod documents;
mod dump;
mod lists;
