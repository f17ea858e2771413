//! A compiled JSON Schema with readable violations. It never fetches anything.

/// A compiled schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schema {}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer of the offending value.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl Schema {
    /// Every violation of this value (at most 20); empty when it fits.
    pub fn violations(&self, _value: &serde_json::Value) -> Vec<Violation> {
        Vec::new()
    }
}
