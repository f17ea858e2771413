//! The weight of a value in bytes of JSON, without writing it. What is too heavy for an event is a fault that says so.

use serde_json::Value;

use crate::machine::scratch::Raised;
use crate::model::limits::EVENT_BYTES_MAX;
use crate::model::problem::{Kind, Problem};

/// About how many bytes the value takes as JSON.
pub(super) fn of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, value)| name.len() + 4 + of(value)).sum::<usize>()
        }
    }
}

/// Refuses a value that no event could hold.
pub(super) fn check(value: &Value, what: &str) -> Raised<()> {
    let bytes = of(value);
    if bytes <= EVENT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("{what} takes {bytes} bytes; the most that is kept is {EVENT_BYTES_MAX}");
    Err(Problem::new(Kind::Runtime, detail))
}
