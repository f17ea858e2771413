//! Puts secrets into a request in the last moment, and takes them out of everything that comes
//! back. What it has put in, it remembers for one attempt and no longer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::calls::secrets::{EDGE, EDGE_ENCODED, OPENING, OPENING_ENCODED, Secrets};
use crate::model::problem::{Kind, Problem};
use crate::model::uri_template::push_encoded;

/// Shorter values are not searched for: they occur by chance.
const REDACTED_BYTES_MIN: usize = 8;

/// The secrets that one attempt has used.
#[derive(Default)]
pub(crate) struct Disclosed {
    /// Each spelling of a value, with the name to show in its place. Longest first.
    spellings: Vec<(String, String)>,
}

/// Puts secrets in place of their placeholders.
pub(crate) struct Filling<'a> {
    pub(crate) secrets: &'a Secrets,
    pub(crate) disclosed: &'a mut Disclosed,
}

impl Filling<'_> {
    /// The text with every placeholder replaced by its value.
    pub(crate) fn text(&mut self, text: &str) -> Result<String, Problem> {
        replace(text, OPENING, EDGE, |placeholder| self.leaf(placeholder).map(|v| text_of(&v)))
    }

    /// The same for a URI: a placeholder that was percent-encoded into it becomes the value
    /// percent-encoded, a plain one the value as it is.
    pub(crate) fn uri(&mut self, uri: &str) -> Result<String, Problem> {
        let filled = replace(uri, OPENING_ENCODED, EDGE_ENCODED, |placeholder| {
            let inner = percent_encoding::percent_decode_str(placeholder).decode_utf8_lossy();
            let mut encoded = String::new();
            push_encoded(&mut encoded, &text_of(&self.leaf(&inner)?));
            Ok(encoded)
        })?;
        self.text(&filled)
    }

    /// The value with every placeholder in its texts replaced. A text that is one placeholder and
    /// nothing else becomes the value in its own type.
    pub(crate) fn value(&mut self, value: &Value) -> Result<Value, Problem> {
        Ok(match value {
            Value::String(text) if is_placeholder(text) => self.leaf(text)?,
            Value::String(text) => Value::String(self.text(text)?),
            Value::Array(list) => {
                list.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Value::Object(object) => object
                .iter()
                .map(|(key, item)| Ok((key.clone(), self.value(item)?)))
                .collect::<Result<Map<_, _>, Problem>>()?
                .into(),
            other => other.clone(),
        })
    }

    /// The whole secret of this name.
    pub(crate) fn named(&mut self, name: &str) -> Result<Value, Problem> {
        let missing = || {
            let detail =
                format!("the secret `{name}` does not exist; add its file to `[secrets] dir`");
            Problem::new(Kind::Configuration, detail)
        };
        let value = self.secrets.named(name).cloned().ok_or_else(missing)?;
        self.disclosed.note_value(&value, name);
        Ok(value)
    }

    fn leaf(&mut self, placeholder: &str) -> Result<Value, Problem> {
        let (name, value) = self.secrets.leaf(placeholder).ok_or_else(|| {
            let shown = placeholder.replace(OPENING, "").replace(EDGE, "");
            let detail = format!("the secret `{shown}` does not exist any more in `[secrets] dir`");
            Problem::new(Kind::Configuration, detail)
        })?;
        self.disclosed.note(&text_of(value), name);
        Ok(value.clone())
    }
}

/// Does the text have a placeholder anywhere?
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.contains(OPENING) || text.contains(OPENING_ENCODED)
}

/// Does the value have a placeholder in any of its texts?
pub(crate) fn value_has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => has_placeholder(text),
        Value::Array(list) => list.iter().any(value_has_placeholder),
        Value::Object(object) => object.values().any(value_has_placeholder),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The text with `[secret NAME]` in place of every placeholder.
pub(crate) fn shown(text: &str) -> String {
    let label = |placeholder: &str| {
        let inner = placeholder.trim_start_matches(OPENING).trim_end_matches(EDGE);
        Ok(format!("[secret {}]", inner.split('/').next().unwrap_or_default()))
    };
    let label_encoded = |placeholder: &str| {
        label(&percent_encoding::percent_decode_str(placeholder).decode_utf8_lossy())
    };
    replace(text, OPENING_ENCODED, EDGE_ENCODED, label_encoded)
        .and_then(|text| replace(&text, OPENING, EDGE, label))
        .unwrap_or_default()
}

/// The value with `[secret NAME]` in place of every placeholder in its texts.
pub(crate) fn shown_value(value: &Value) -> Value {
    map_texts(value.clone(), &|text| shown(&text))
}

impl Disclosed {
    /// Remembers a value, in every spelling in which another side may send it back.
    pub(crate) fn note(&mut self, value: &str, name: &str) {
        if value.len() < REDACTED_BYTES_MIN {
            return;
        }
        let mut encoded = String::new();
        push_encoded(&mut encoded, value);
        let form = encoded.replace("%20", "+");
        let json = in_json(value);
        // JSON inside a text of JSON is how services pass each other's bodies on.
        let json_in_json = in_json(&json);
        let base64 = STANDARD.encode(value);
        for spelling in [value.to_owned(), encoded, form, json, json_in_json, base64] {
            if !self.spellings.iter().any(|(known, _)| *known == spelling) {
                self.spellings.push((spelling, name.to_owned()));
            }
        }
        // A value that contains another one must go first, or a part of it would stay.
        self.spellings.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
    }

    /// Remembers every leaf of a value.
    pub(crate) fn note_value(&mut self, value: &Value, name: &str) {
        match value {
            Value::Array(list) => list.iter().for_each(|item| self.note_value(item, name)),
            Value::Object(object) => object.values().for_each(|item| self.note_value(item, name)),
            leaf => self.note(&text_of(leaf), name),
        }
    }

    /// The text without secrets, and without anything that looks like a placeholder.
    pub(crate) fn redact_text(&self, text: String) -> String {
        let mut text = defused(text);
        for (spelling, name) in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), &format!("[secret {name}]"));
            }
        }
        text
    }

    /// The value without secrets in its texts, keys and numbers.
    pub(crate) fn redact_value(&self, value: Value) -> Value {
        if self.spellings.is_empty() {
            return defuse(value);
        }
        match value {
            Value::Number(number) => {
                let text = number.to_string();
                let redacted = self.redact_text(text.clone());
                if redacted == text { Value::Number(number) } else { Value::String(redacted) }
            }
            Value::Array(list) => list.into_iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(object) => object
                .into_iter()
                .map(|(key, item)| (self.redact_text(key), self.redact_value(item)))
                .collect::<Map<_, _>>()
                .into(),
            Value::String(text) => Value::String(self.redact_text(text)),
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// The bytes without secrets.
    pub(crate) fn redact_bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (spelling, name) in &self.spellings {
            bytes =
                replace_bytes(bytes, spelling.as_bytes(), format!("[secret {name}]").as_bytes());
        }
        bytes
    }

    /// The problem without secrets.
    pub(crate) fn redact_problem(&self, mut problem: Problem) -> Problem {
        problem.title = problem.title.map(|text| self.redact_text(text));
        problem.detail = problem.detail.map(|text| self.redact_text(text));
        problem
    }
}

/// Takes away what a placeholder is made of. Every text from outside (inputs of jobs, answers,
/// events, decisions) must pass here before it can reach a call: otherwise its author could write
/// a placeholder and have the secret sent to a place of his choice.
pub fn defuse(value: Value) -> Value {
    if value_is_harmless(&value) { value } else { map_texts(value, &defused) }
}

fn value_is_harmless(value: &Value) -> bool {
    match value {
        Value::String(text) => is_harmless(text),
        Value::Array(list) => list.iter().all(value_is_harmless),
        Value::Object(object) => {
            object.iter().all(|(key, item)| is_harmless(key) && value_is_harmless(item))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn is_harmless(text: &str) -> bool {
    !text.contains(EDGE) && !text.contains(EDGE_ENCODED)
}

fn defused(text: String) -> String {
    if is_harmless(&text) {
        return text;
    }
    // Replaced and not removed: what a removal joins could be a placeholder again.
    text.replace(EDGE, "\u{fffd}").replace(EDGE_ENCODED, "%EF%BF%BD")
}

fn map_texts(value: Value, change: &impl Fn(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => list.into_iter().map(|item| map_texts(item, change)).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, item)| (change(key), map_texts(item, change)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// The text as it stands between the quotes of JSON.
fn in_json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// A leaf as it stands inside a longer text.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_placeholder(text: &str) -> bool {
    text.strip_prefix(OPENING).is_some_and(|rest| rest.find(EDGE) == Some(rest.len() - EDGE.len()))
}

/// Replaces everything from `opening` to the next `edge`, both included.
fn replace(
    text: &str,
    opening: &str,
    edge: &str,
    mut by: impl FnMut(&str) -> Result<String, Problem>,
) -> Result<String, Problem> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(opening) {
        result.push_str(before);
        let Some((inner, tail)) = after.split_once(edge) else {
            result.push_str(opening);
            rest = after;
            continue;
        };
        result.push_str(&by(&format!("{opening}{inner}{edge}"))?);
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}

fn replace_bytes(bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let Some(first) = from.first() else { return bytes };
    let mut result = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(step) = bytes.get(at..).and_then(|r| r.iter().position(|b| b == first)) {
        at += step;
        if bytes.get(at..).is_some_and(|rest| rest.starts_with(from)) {
            result.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
            result.extend_from_slice(to);
            at += from.len();
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return bytes;
    }
    result.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    result
}
