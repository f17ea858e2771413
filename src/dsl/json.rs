//! JSON text to a value with positions. The parser checks the text; a scan of the checked text
//! finds where each member stands and which ones stand twice.

use serde_json::Value;

use crate::dsl::defect::Defect;
use crate::dsl::position::{Position, Positions, push_token};
use crate::dsl::yaml::duplicate;

/// Reads a document. Duplicate keys come back beside the value, a syntax error instead of it.
pub(super) fn read(text: &str) -> Result<(Value, Positions, Vec<Defect>), Defect> {
    let value: Value = serde_json::from_str(text).map_err(|error| Defect {
        pointer: String::new(),
        line: Some(error.line()).filter(|line| *line > 0),
        column: Some(error.column()).filter(|column| *column > 0),
        message: format!("the text is no JSON: {error}"),
        hint: None,
    })?;
    let mut scan = Scan {
        text,
        at: 0,
        line: 1,
        line_start: 0,
        pointer: String::new(),
        positions: Positions::default(),
        duplicates: Vec::new(),
    };
    scan.space();
    scan.positions.note("", scan.position());
    scan.value();
    Ok((value, scan.positions, scan.duplicates))
}

/// A walk over text that is known to be JSON. On anything unexpected it simply stops: positions are
/// a courtesy and never decide.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    line_start: usize,
    pointer: String,
    positions: Positions,
    duplicates: Vec<Defect>,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line += 1;
            self.line_start = self.at + 1;
        }
        self.at += 1;
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.step();
        }
    }

    /// Takes this byte and the space after it.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.step();
            self.space();
        }
        found
    }

    fn position(&self) -> Position {
        let before = self.text.get(self.line_start..self.at).unwrap_or_default();
        Position { line: self.line, column: before.chars().count() + 1 }
    }

    /// Takes a string with its quotes; the slice is JSON again.
    fn string(&mut self) -> &str {
        let start = self.at;
        self.step();
        while let Some(byte) = self.peek() {
            self.step();
            match byte {
                b'\\' => self.step(),
                b'"' => break,
                _ => {}
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self) {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => {
                self.string();
            }
            _ => {
                let ends = |byte: u8| matches!(byte, b',' | b']' | b'}') || byte <= b' ';
                while self.peek().is_some_and(|byte| !ends(byte)) {
                    self.step();
                }
            }
        }
        self.space();
    }

    fn member(&mut self, token: &str, position: Position) {
        let length = self.pointer.len();
        push_token(&mut self.pointer, token);
        self.positions.note(&self.pointer, position);
        self.value();
        self.pointer.truncate(length);
    }

    fn object(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.take(b'{');
        while self.peek() == Some(b'"') {
            let position = self.position();
            let key: String = serde_json::from_str(self.string()).unwrap_or_default();
            self.space();
            self.take(b':');
            if seen.contains(&key) {
                self.duplicates.push(duplicate(&self.pointer, &key, position));
            }
            self.member(&key, position);
            seen.insert(key);
            if !self.take(b',') {
                break;
            }
        }
        self.take(b'}');
    }

    fn list(&mut self) {
        self.take(b'[');
        let mut index = 0usize;
        while !matches!(self.peek(), None | Some(b']')) {
            let position = self.position();
            self.member(&index.to_string(), position);
            index += 1;
            if !self.take(b',') {
                break;
            }
        }
        self.take(b']');
    }
}
