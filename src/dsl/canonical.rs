//! The identity of a JSON value: SHA-256 of its canonical form (RFC 8785), the same for every
//! spelling.

use serde_json::Value;

use crate::model::id::ContentHash;

/// The SHA-256 of the canonical JSON (RFC 8785) of a value.
pub fn canonical_hash(value: &Value) -> ContentHash {
    ContentHash::of(canonical_text(value).as_bytes())
}

/// The canonical JSON (RFC 8785) of a value: what its hash is of.
pub fn canonical_text(value: &Value) -> String {
    // Only a number outside of what JSON can hold fails, and a value cannot have one. The plain
    // form is as stable, its members are sorted too.
    serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| value.to_string())
}
