//! Which keys exist, read from the defaults: a key that is not in `config.toml` is unknown, so the
//! file cannot leave one out.

use toml::{Table, Value};

use super::DEFAULTS;

/// The defaults: section, key, value. A setting stands exactly two deep; a deeper table is a value.
pub(super) fn defaults() -> Table {
    // A test holds the embedded text to be TOML; an empty table would make every key unknown.
    DEFAULTS.parse().unwrap_or_default()
}

/// Every dotted key, in order.
pub(super) fn known(defaults: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (section, values) in defaults {
        let values = values.as_table().into_iter().flat_map(Table::keys);
        keys.extend(values.map(|key| format!("{section}.{key}")));
    }
    keys
}

/// The value at a dotted key.
pub(super) fn get<'t>(table: &'t Table, dotted: &str) -> Option<&'t Value> {
    let (section, key) = dotted.split_once('.')?;
    table.get(section)?.get(key)
}

/// Puts `value` at a dotted key that is known.
pub(super) fn set(table: &mut Table, dotted: &str, value: Value) {
    let Some((section, key)) = dotted.split_once('.') else { return };
    if let Some(section) = table.get_mut(section).and_then(Value::as_table_mut) {
        section.insert(key.to_owned(), value);
    }
}

/// What the value of a key has to be, in words, judged by its default.
pub(super) fn kind(default: &Value) -> &'static str {
    match default {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date and time",
        Value::Array(_) => "an array of strings",
        Value::Table(_) => "a table of strings",
    }
}

/// The known key that was perhaps meant: the nearest one, if it is near at all.
pub(super) fn nearest<'k>(unknown: &str, known: &'k [String]) -> Option<&'k str> {
    // A key under the wrong section, or without one, is the most common slip.
    let last = unknown.rsplit('.').next().unwrap_or(unknown);
    let suffix = format!(".{last}");
    if let Some(key) = known.iter().find(|key| key.ends_with(&suffix)) {
        return Some(key);
    }
    let (distance, key) = known.iter().map(|key| (distance(unknown, key), key)).min()?;
    (distance <= unknown.chars().count().div_ceil(3)).then_some(key)
}

/// Levenshtein's distance: insertions, deletions and replacements of a character.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((to, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(row.iter()) {
            let left = next.last().copied().unwrap_or(0);
            let replaced = diagonal + usize::from(from != *to);
            next.push(replaced.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let known = known(&defaults());
        assert_eq!(nearest("worker.max_jobs", &known), None);
        assert_eq!(
            nearest("worker.max_concurent_jobs", &known),
            Some("worker.max_concurrent_jobs")
        );
        assert_eq!(nearest("http.max_concurrent_jobs", &known), Some("worker.max_concurrent_jobs"));
        assert_eq!(nearest("listen", &known), Some("http.listen"));
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }
}
