//! One layer: a file, the environment or the flags, turned into dotted keys with a value and the
//! place they were set at. It does not know what the keys mean.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::error::{BadKey, Origin};
use super::keys;

/// Environment variables with this start are keys: `HOLDPOINT__SECTION__KEY`.
const PREFIX: &str = "HOLDPOINT__";

/// One key as a layer sets it.
#[derive(Debug)]
pub(super) struct Setting {
    /// The dotted key.
    pub(super) key: String,
    /// What it is set to.
    pub(super) value: Value,
    /// Where the key stands.
    pub(super) key_at: Origin,
    /// Where the value stands.
    pub(super) value_at: Origin,
}

/// The settings of a file; what cannot be read goes to `bad`.
pub(super) fn file(
    path: &Path,
    text: &str,
    is_section: impl Fn(&str) -> bool,
    bad: &mut Vec<BadKey>,
) -> Vec<Setting> {
    let place = |at: usize| {
        let (line, column) = line_and_column(text, at);
        Origin::File { path: path.to_owned(), line, column }
    };
    let (root, mut errors) = DeTable::parse_recoverable(text);
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    errors.sort_by_key(start);
    bad.extend(errors.iter().map(|error| BadKey {
        origin: place(start(error)),
        key: String::new(),
        problem: error.message().trim().replace('\n', ", "),
        expected: None,
    }));
    if !errors.is_empty() {
        // What the parser made up to go on would only lead to complaints that mislead.
        return Vec::new();
    }
    let mut settings = Vec::new();
    for (section, value) in root.get_ref() {
        match value.get_ref() {
            DeValue::Table(keys) if !keys.is_empty() => {
                for (key, value) in keys {
                    let dotted = format!("{}.{}", section.get_ref(), key.get_ref());
                    add(dotted, key.span(), value, &place, &mut settings, bad);
                }
            }
            // A known section may be empty; any other name here is looked up as a key, and fails.
            DeValue::Table(_) if is_section(section.get_ref()) => {}
            _ => add(section.to_string(), section.span(), value, &place, &mut settings, bad),
        }
    }
    settings
}

fn add(
    key: String,
    key_at: Range<usize>,
    value: &Spanned<DeValue<'_>>,
    place: &dyn Fn(usize) -> Origin,
    settings: &mut Vec<Setting>,
    bad: &mut Vec<BadKey>,
) {
    let (key_at, value_at) = (place(key_at.start), place(value.span().start));
    match Value::deserialize(ValueDeserializer::from(value.clone())) {
        Ok(value) => settings.push(Setting { key, value, key_at, value_at }),
        Err(error) => {
            let problem = error.message().to_owned();
            bad.push(BadKey { origin: value_at, key, problem, expected: None });
        }
    }
}

/// The settings of the environment. `default` finds a key's default: the value of a key that holds
/// a string may stand without quotes.
pub(super) fn environment<'d>(
    variables: &[(String, String)],
    default: impl Fn(&str) -> Option<&'d Value>,
    bad: &mut Vec<BadKey>,
) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut ours: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, text) in ours {
        let origin = Origin::Environment { name: name.clone() };
        let key = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
        let value = match (value(text), default(&key)) {
            (Ok(value @ Value::String(_)), _) => value,
            // Not quoted; of an unknown key only the name matters.
            (_, Some(Value::String(_)) | None) => Value::String(text.clone()),
            (Ok(value), _) => value,
            (Err(problem), Some(default)) => {
                let expected = Some(format!("expected {} in TOML", keys::kind(default)));
                bad.push(BadKey { origin, key, problem, expected });
                continue;
            }
        };
        settings.push(Setting { key, value, key_at: origin.clone(), value_at: origin });
    }
    settings
}

/// Reads one value in TOML.
fn value(text: &str) -> Result<Value, String> {
    let value = DeValue::parse(text.trim()).map_err(|error| error.message().replace('\n', ", "))?;
    Value::deserialize(ValueDeserializer::from(value)).map_err(|error| error.message().to_owned())
}

/// The settings of the flags.
pub(super) fn flags(flags: &[(String, Value)]) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (key, value) in flags {
        let name = match key.as_str() {
            "http.listen" => "--listen",
            "workflows.dir" => "--workflows",
            "data" => "--data",
            other => other,
        };
        let origin = Origin::Flag { name: name.to_owned() };
        let mut push = |key: &str, value: Value| {
            let (key_at, value_at) = (origin.clone(), origin.clone());
            settings.push(Setting { key: key.to_owned(), value, key_at, value_at });
        };
        match (key.as_str(), value) {
            // One folder for everything that this machine must keep.
            ("data", Value::String(dir)) => {
                let dir = if dir == "/" { "" } else { dir.trim_end_matches('/') };
                push("store.url", Value::String(format!("redb://{dir}/holdpoint.redb")));
                push("artifacts.dir", Value::String(format!("{dir}/artifacts")));
                push("backup.dir", Value::String(format!("{dir}/backups")));
                push("audit.heads_file", Value::String(format!("{dir}/audit-heads.jsonl")));
                push("retention.archive_dir", Value::String(format!("{dir}/archive")));
            }
            (key, value) => push(key, value.clone()),
        }
    }
    settings
}

/// The line and column, from 1, of a byte offset.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
