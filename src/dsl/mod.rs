//! Floor 1: workflow documents. From text to a checked `Definition`, or to every defect at once.

/// A checked document, with its expressions and schemas compiled.
pub mod definition;
/// ISO 8601 durations.
pub mod durations;
/// Folders of documents.
pub mod load;
/// From text or a value to a definition.
pub mod parse;
/// Compiled JSON Schemas.
pub mod schema;

mod authentication;
mod check;
mod data_flow;
mod defect;
mod endpoint;
mod errors;
mod events;
mod expressions;
mod functions;
mod head;
mod json;
mod position;
mod retry;
mod reusable;
mod suggest;
mod tasks;
mod workflow;
mod yaml;

pub use defect::Defect;
pub use load::{Loaded, load_folder};
pub use parse::{Format, Rules, from_value, parse};
