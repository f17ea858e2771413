//! Floor 1: workflow documents. From text to a checked `Definition`, or to every defect at once.

/// A checked document, with its expressions and schemas compiled.
pub mod definition;
/// Compiled JSON Schemas.
pub mod schema;
