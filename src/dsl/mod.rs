//! Floor 1: workflow documents. From text to a checked `Definition`, or to every defect at once.

/// What the members of a checkpoint may be.
pub mod checkpoint_words;
/// A checked document, with its expressions and schemas compiled.
pub mod definition;
/// Compiled JSON Schemas.
pub mod schema;

mod authentication;
mod call_definitions;
mod canonical;
mod check;
mod data_flow;
mod defect;
mod durations;
mod endpoint;
mod errors;
mod events;
mod expressions;
mod functions;
mod head;
mod json;
mod load;
mod parse;
mod position;
mod retry;
mod reusable;
mod suggest;
mod tasks;
mod workflow;
mod yaml;

pub use canonical::{canonical_hash, canonical_text};
pub use defect::Defect;
pub use durations::parse_duration;
pub use load::{Loaded, load_folder};
pub use parse::{Format, Rules, from_value, parse};
