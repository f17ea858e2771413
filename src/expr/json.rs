//! Between `serde_json` values and the values of expressions, and from those to JSON text. Integers
//! stay integers; a double that JSON cannot write becomes null.

use std::sync::Arc;

use serde_json::Value;

use super::datum::{Array, Datum, Members, Object, Size, key_size};
use super::meter::{DEPTH_MAX, Stop};
use super::number::Number;

/// The value of an expression for a JSON value. Not metered: it happens before an evaluation.
///
/// # Errors
/// When the value nests more deeply than values may.
pub(super) fn from_json(value: &Value) -> Result<Datum, Stop> {
    from_json_at(value, 0)
}

fn from_json_at(value: &Value, depth: usize) -> Result<Datum, Stop> {
    if depth > DEPTH_MAX {
        return Err(Stop::TooDeep);
    }
    Ok(match value {
        Value::Null => Datum::Null,
        Value::Bool(bool) => Datum::Bool(*bool),
        Value::Number(number) => Datum::Number(from_json_number(number)),
        Value::String(text) => Datum::Text(Arc::new(text.clone())),
        Value::Array(values) => {
            let mut array = Array { items: Vec::with_capacity(values.len()), size: Size::EMPTY };
            for value in values {
                let item = from_json_at(value, depth + 1)?;
                array.size = array.size.grown(item.size());
                array.items.push(item);
            }
            Datum::Array(Arc::new(array))
        }
        Value::Object(values) => {
            let mut object = Object { members: Members::new(), size: Size::EMPTY };
            for (key, value) in values {
                let member = from_json_at(value, depth + 1)?;
                object.size = object.size.grown(member.size()).grown(key_size(key));
                object.members.insert(Arc::new(key.clone()), member);
            }
            Datum::Object(Arc::new(object))
        }
    })
}

fn from_json_number(number: &serde_json::Number) -> Number {
    (number.as_i64().map(Number::Integer))
        .or_else(|| number.as_u64().map(Number::Large))
        .unwrap_or_else(|| Number::Double(number.as_f64().unwrap_or(f64::NAN)))
}

/// The JSON value of a result.
pub(super) fn to_json(datum: &Datum) -> Value {
    match datum {
        Datum::Null => Value::Null,
        Datum::Bool(bool) => Value::Bool(*bool),
        Datum::Number(number) => number.to_json(),
        Datum::Text(text) => Value::String((**text).clone()),
        Datum::Array(array) => Value::Array(array.items.iter().map(to_json).collect()),
        Datum::Object(object) => {
            let members = object.members.iter();
            Value::Object(members.map(|(key, value)| ((**key).clone(), to_json(value))).collect())
        }
    }
}

/// Bytes of the value as compact JSON, counted until `max` is passed: a value that shares its parts
/// can be far longer as text than in memory.
pub(super) fn json_bytes(datum: &Datum, max: usize) -> usize {
    let mut writer = Writer { text: None, bytes: 0, max };
    let _passed = writer.value(datum);
    writer.bytes
}

/// The value as compact JSON, and whether it is whole: it is cut before it passes `max` bytes.
pub(super) fn write_at_most(datum: &Datum, max: usize) -> (String, bool) {
    let mut writer = Writer { text: Some(String::new()), bytes: 0, max };
    let whole = writer.value(datum).is_some();
    (writer.text.unwrap_or_default(), whole)
}

/// Writes or only counts, up to a bound.
struct Writer {
    text: Option<String>,
    bytes: usize,
    max: usize,
}

impl Writer {
    /// None when the bound is passed.
    fn put(&mut self, part: &str) -> Option<()> {
        self.bytes += part.len();
        if self.bytes > self.max {
            return None;
        }
        if let Some(text) = &mut self.text {
            text.push_str(part);
        }
        Some(())
    }

    fn value(&mut self, datum: &Datum) -> Option<()> {
        match datum {
            Datum::Null => self.put("null"),
            Datum::Bool(true) => self.put("true"),
            Datum::Bool(false) => self.put("false"),
            Datum::Number(number) => self.put(&number.to_string()),
            Datum::Text(text) => self.string(text),
            Datum::Array(array) => {
                self.put("[")?;
                for (index, item) in array.items.iter().enumerate() {
                    self.put(if index == 0 { "" } else { "," })?;
                    self.value(item)?;
                }
                self.put("]")
            }
            Datum::Object(object) => {
                self.put("{")?;
                for (index, (key, value)) in object.members.iter().enumerate() {
                    self.put(if index == 0 { "" } else { "," })?;
                    self.string(key)?;
                    self.put(":")?;
                    self.value(value)?;
                }
                self.put("}")
            }
        }
    }

    /// As `serde_json` writes strings, so that the bytes counted are the bytes stored.
    fn string(&mut self, text: &str) -> Option<()> {
        self.put("\"")?;
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let control;
            let escaped = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0x08 => "\\b",
                0x0c => "\\f",
                0x00..=0x1f => {
                    control = format!("\\u{byte:04x}");
                    &control
                }
                _ => continue,
            };
            self.run(text, plain, at)?;
            self.put(escaped)?;
            plain = at + 1;
        }
        self.run(text, plain, text.len())?;
        self.put("\"")
    }

    /// A part of a string without escapes, cut at the bound when it is written.
    fn run(&mut self, text: &str, from: usize, to: usize) -> Option<()> {
        let part = text.get(from..to).unwrap_or_default();
        let room = self.max.saturating_sub(self.bytes);
        if part.len() > room
            && let Some(written) = &mut self.text
        {
            let cut = part.floor_char_boundary(room);
            written.push_str(part.get(..cut).unwrap_or_default());
        }
        self.put(part)
    }
}
