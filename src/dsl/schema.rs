//! A compiled JSON Schema with readable violations. It never fetches anything.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::dsl::position::push_token;
use crate::model::limits::DEPTH_MAX;

/// Largest schema, bytes as JSON: compiling one takes many times its size.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// Most violations that are told at once: more help nobody.
pub const VIOLATIONS_MAX: usize = 20;
/// Largest compiled pattern, bytes: the regex crate matches in linear time, but may compile large.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Longest message, characters: it may quote the data.
const MESSAGE_CHARS_MAX: usize = 300;

/// A compiled schema. Cheap to clone.
#[derive(Clone)]
pub struct Schema(Arc<Validator>);

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer of the offending value.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl Schema {
    /// Compiles a schema: JSON Schema 2020-12 unless its `$schema` says otherwise, formats checked,
    /// patterns without look-around (linear time), references inside the schema only.
    ///
    /// # Errors
    /// Every violation found, each with its place inside the schema.
    pub fn compile(schema: &Value) -> Result<Schema, Vec<Violation>> {
        check_size(schema).map_err(|message| vec![Violation::of_whole(message)])?;
        let mut violations = outside_references(schema);
        let names_draft = schema.get("$schema").is_some();
        if !names_draft {
            let meta = jsonschema::draft202012::meta::validator();
            let errors = meta.iter_errors(schema).take(VIOLATIONS_MAX);
            violations.extend(errors.map(|error| in_schema(&error)));
        }
        violations.truncate(VIOLATIONS_MAX);
        if !violations.is_empty() {
            return Err(violations);
        }
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX);
        let mut options = jsonschema::options()
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .offline();
        if !names_draft {
            options = options.with_draft(Draft::Draft202012);
        }
        let built = options.build(schema);
        built.map(|validator| Schema(Arc::new(validator))).map_err(|error| vec![in_schema(&error)])
    }

    /// Every violation of this value (at most [`VIOLATIONS_MAX`]); empty when it fits.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        // The validator recurses as deep as the value.
        if is_deeper(value, 2 * DEPTH_MAX) {
            let message = format!("nested deeper than {} levels", 2 * DEPTH_MAX);
            return vec![Violation::of_whole(message)];
        }
        readable(self.0.iter_errors(value))
    }
}

impl Violation {
    fn of_whole(message: String) -> Self {
        Self { pointer: String::new(), message }
    }
}

fn readable<'e>(errors: impl Iterator<Item = ValidationError<'e>>) -> Vec<Violation> {
    errors.take(VIOLATIONS_MAX).map(|error| violation(&error)).collect()
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let mut message = error.to_string();
    if message.chars().count() > MESSAGE_CHARS_MAX {
        message = error.masked().to_string().chars().take(MESSAGE_CHARS_MAX).collect();
    }
    Violation { pointer: error.instance_path().to_string(), message }
}

/// What is wrong with a schema itself, where the validator's own words would not help its author.
fn in_schema(error: &ValidationError<'_>) -> Violation {
    let mut violation = violation(error);
    if matches!(error.kind(), ValidationErrorKind::Referencing(_)) {
        violation.message = format!("a reference cannot be followed: {}", violation.message);
        return violation;
    }
    let instance = error.instance();
    match violation.pointer.rsplit('/').next() {
        Some("type") => {
            violation.message = format!(
                "{instance} is no type of JSON Schema: null, boolean, integer, number, string, \
                 array or object, or a list of them"
            );
        }
        Some("pattern") => {
            violation.message = format!(
                "{instance} is no regular expression that is matched in linear time: \
                 look-around and back-references are not supported"
            );
        }
        _ => {}
    }
    violation
}

fn check_size(schema: &Value) -> Result<(), String> {
    if is_deeper(schema, DEPTH_MAX) {
        return Err(format!("the schema is nested deeper than {DEPTH_MAX} levels"));
    }
    let bytes = serde_json::to_vec(schema).map(|bytes| bytes.len()).unwrap_or(usize::MAX);
    if bytes > SCHEMA_BYTES_MAX {
        return Err(format!("the schema is larger than {SCHEMA_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// Is this value nested deeper than so many levels? Looks no deeper than that itself.
pub(super) fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(members) => {
            levels == 0 || members.values().any(|member| is_deeper(member, levels - 1))
        }
        _ => false,
    }
}

/// References that lead out of the schema. They would be an address to fetch.
fn outside_references(schema: &Value) -> Vec<Violation> {
    let mut identifiers = Vec::new();
    visit(schema, &mut String::new(), &mut |_, name, text| {
        if name == "$id" {
            identifiers.push(text.trim_end_matches('#').to_owned());
        }
    });
    let mut found = Vec::new();
    visit(schema, &mut String::new(), &mut |pointer, name, text| {
        let address = text.split('#').next().unwrap_or_default();
        let leads_out = address.contains(':')
            && !address.starts_with("https://json-schema.org/")
            && !identifiers.iter().any(|identifier| identifier == address);
        if matches!(name, "$ref" | "$dynamicRef") && leads_out {
            found.push(Violation {
                pointer: pointer.to_owned(),
                message: format!(
                    "the reference {text:?} leads out of the schema; nothing is fetched"
                ),
            });
        }
    });
    found.truncate(VIOLATIONS_MAX);
    found
}

/// Calls `see` for every member that is a text.
fn visit(value: &Value, pointer: &mut String, see: &mut dyn FnMut(&str, &str, &str)) {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                push_token(pointer, name);
                if let Value::String(text) = member {
                    see(pointer, name, text);
                }
                visit(member, pointer, see);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                push_token(pointer, &index.to_string());
                visit(item, pointer, see);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
