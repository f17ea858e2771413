//! Floor 1: workflow documents. From text to a checked `Definition`, or to every defect at once.

/// A checked document, with its expressions and schemas compiled.
pub mod definition;
/// Compiled JSON Schemas.
pub mod schema;

/// A defect of a document.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Defect {
    /// JSON Pointer into the document; empty for the whole.
    pub pointer: String,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Column, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}
