//! Where each member of a document stands in its text.

use std::collections::HashMap;

/// A place in a text: line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

/// The place of every member by its JSON Pointer. Empty for a document that has no text.
#[derive(Debug, Default)]
pub(super) struct Positions(HashMap<String, Position>);

impl Positions {
    /// Notes a place; the first note for a pointer stays.
    pub fn note(&mut self, pointer: &str, position: Position) {
        self.0.entry(pointer.to_owned()).or_insert(position);
    }

    /// The place of this pointer, or of the nearest member around it: a missing member is reported
    /// where its object stands.
    pub fn of(&self, pointer: &str) -> Option<Position> {
        let mut rest = pointer;
        loop {
            if let Some(position) = self.0.get(rest) {
                return Some(*position);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }
}

/// Appends one token to a JSON Pointer, escaped as RFC 6901 asks.
pub(super) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
