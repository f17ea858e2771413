//! What a model is asked: two messages, and the form of the answer as a JSON Schema.

use serde_json::Value;

/// A question. What others wrote stands in it behind a fence.
#[derive(Clone, Debug)]
pub struct Question {
    /// What the form of the answer is called: letters, digits and underscores.
    pub name: &'static str,
    /// What the model is to do. It holds nothing that others wrote.
    pub system: String,
    /// The case.
    pub user: String,
    /// The form of the answer, inside the subset that strict servers take: every property
    /// required, no further ones.
    pub schema: Value,
}
