//! What is wrong with a document, where, and what to do about it. Data: nothing here decides.

use std::fmt;

use serde::Serialize;

/// One defect of a document. Shown as `line 12: /do/0/review/call: … (hint)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Defect {
    /// JSON Pointer (RFC 6901) into the document; empty for the whole of it.
    pub pointer: String,
    /// Line of the text, from 1; none when there is no text or no place in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in that line, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What the author can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "{}: ", printable(self.pointer.clone()))?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A message quotes the document, and is shown on terminals and in pages: control characters and
/// very long quotes have no place in it.
pub(super) fn printable(text: String) -> String {
    const CHARS_MAX: usize = 500;
    let is_plain = |c: char| !c.is_control();
    if text.len() <= CHARS_MAX && text.chars().all(is_plain) {
        return text;
    }
    let cut = text.chars().take(CHARS_MAX);
    cut.flat_map(|c| if is_plain(c) { vec![c] } else { c.escape_default().collect() }).collect()
}
