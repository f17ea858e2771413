//! The heart of the reading: where in the document it is, what it found wrong, and what it has
//! built. It never stops at a defect; it goes on, so that all of them are found at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dsl::defect::{Defect, printable};
use crate::dsl::definition::Task;
use crate::dsl::parse::Rules;
use crate::dsl::position::{Positions, push_token};
use crate::dsl::suggest;

/// A JSON object of the document.
pub(super) type Object = Map<String, Value>;

/// Most defects that are told: a person mends them one by one, and each quotes a pointer.
const DEFECTS_MAX: usize = 500;

/// One reading of one document.
pub(super) struct Check<'d> {
    /// The whole document.
    pub document: &'d Value,
    /// What this server allows.
    pub rules: &'d Rules,
    /// Every task built so far, by its reference.
    pub tasks: HashMap<Arc<str>, Arc<Task>>,
    /// Every task list built so far, by its reference.
    pub lists: HashMap<Arc<str>, Arc<[Arc<str>]>>,
    /// Tasks met so far, with every call of a function written out.
    pub task_count: usize,
    /// Is this the body of a function where it stands? Then calls inside it are not followed: each
    /// call from the workflow itself follows them.
    pub is_function: bool,
    /// Functions whose bodies are being read, outermost first: a function must not call itself.
    pub functions_open: Vec<&'d str>,
    /// Is every expression so far a cheap one?
    pub is_cheap: bool,
    /// Reusable parts that something refers to: kind and name.
    pub used: HashSet<(String, String)>,
    positions: &'d Positions,
    pointer: String,
    /// Set inside a function: from where in the pointer on, and the task reference that stands for
    /// it.
    moved: Option<(usize, String)>,
    defects: Vec<Defect>,
    defect_count: usize,
}

impl<'d> Check<'d> {
    /// A reading that has not begun.
    pub fn new(document: &'d Value, positions: &'d Positions, rules: &'d Rules) -> Self {
        Self {
            document,
            rules,
            tasks: HashMap::new(),
            lists: HashMap::new(),
            task_count: 0,
            is_function: false,
            functions_open: Vec::new(),
            is_cheap: true,
            used: HashSet::new(),
            positions,
            pointer: String::new(),
            moved: None,
            defects: Vec::new(),
            defect_count: 0,
        }
    }

    /// Every defect, at most so many. A function's body is read for each of its calls, so the
    /// same defect can have been found more than once.
    pub fn into_defects(self) -> Vec<Defect> {
        let mut seen = HashSet::new();
        let mut defects = self.defects;
        defects.retain(|defect| seen.insert((defect.pointer.clone(), defect.message.clone())));
        defects.truncate(DEFECTS_MAX);
        defects
    }

    /// How many defects were found so far.
    pub fn defect_count(&self) -> usize {
        self.defect_count
    }

    /// Notes a defect of the current place.
    pub fn defect(&mut self, message: impl Into<String>, hint: Option<String>) {
        self.defect_count += 1;
        // Repeated ones are dropped at the end, so more than the limit are kept until then.
        if self.defects.len() >= 4 * DEFECTS_MAX {
            return;
        }
        let position = self.positions.of(&self.pointer);
        self.defects.push(Defect {
            pointer: self.pointer.clone(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            message: printable(message.into()),
            hint: hint.map(printable),
        });
    }

    /// Notes a defect of the current place, with what to do.
    pub fn defect_with(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.defect(message, Some(hint.into()));
    }

    /// Goes into a member or an item for as long as `read` runs.
    pub fn at<T>(&mut self, token: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        push_token(&mut self.pointer, token);
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    /// Goes down a JSON Pointer that is relative to the current place.
    pub fn below<T>(&mut self, pointer: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push_str(pointer);
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    /// Goes to another place of the document, for as long as `read` runs: the place of a reusable
    /// part. Tasks met there get references below `reference`.
    pub fn elsewhere<T>(
        &mut self,
        tokens: &[&str],
        reference: Option<String>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut pointer = String::new();
        tokens.iter().for_each(|token| push_token(&mut pointer, token));
        let moved = reference.map(|reference| (pointer.len(), reference));
        let came_from = std::mem::replace(&mut self.pointer, pointer);
        let was_moved = std::mem::replace(&mut self.moved, moved);
        let result = read(self);
        self.pointer = came_from;
        self.moved = was_moved;
        result
    }

    /// The task reference of the current place: its JSON Pointer, unless it stands inside a
    /// function.
    pub fn reference(&self) -> String {
        match &self.moved {
            None => self.pointer.clone(),
            Some((length, base)) => {
                format!("{base}{}", self.pointer.get(*length..).unwrap_or_default())
            }
        }
    }

    /// The value as an object.
    pub fn object(&mut self, value: &'d Value, what: &str) -> Option<&'d Object> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(value, &format!("{what} must be an object"));
        }
        object
    }

    /// The value as an object that has these members and no others.
    pub fn members(
        &mut self,
        value: &'d Value,
        what: &str,
        required: &[&str],
        optional: &[&str],
    ) -> Option<&'d Object> {
        let object = self.object(value, what)?;
        self.only(object, what, required, optional);
        Some(object)
    }

    /// Notes every missing and every unknown member of an object.
    pub fn only(&mut self, object: &Object, what: &str, required: &[&str], optional: &[&str]) {
        for name in required.iter().filter(|name| !object.contains_key(**name)) {
            self.defect(format!("{what} needs the member `{name}`"), None);
        }
        let known = || required.iter().chain(optional).copied();
        for name in object.keys().filter(|name| !known().any(|known| known == name.as_str())) {
            let hint = suggest::hint(name, known());
            self.at(name, |check| {
                check.defect(format!("{what} has no member `{name}`"), hint);
            });
        }
    }

    /// Reads a member, if it is there.
    pub fn member<T>(
        &mut self,
        object: &'d Object,
        name: &str,
        read: impl FnOnce(&mut Self, &'d Value) -> Option<T>,
    ) -> Option<T> {
        let value = object.get(name)?;
        self.at(name, |check| read(check, value))
    }

    /// The value as a list.
    pub fn list(&mut self, value: &'d Value, what: &str) -> Option<&'d [Value]> {
        let list = value.as_array();
        if list.is_none() {
            self.wrong_type(value, &format!("{what} must be a list"));
        }
        list.map(Vec::as_slice)
    }

    /// The value as a text that is not empty.
    pub fn text(&mut self, value: &'d Value, what: &str) -> Option<&'d str> {
        match value.as_str() {
            Some("") => {
                self.defect(format!("{what} must not be empty"), None);
                None
            }
            Some(text) => Some(text),
            None => {
                self.wrong_type(value, &format!("{what} must be a text"));
                None
            }
        }
    }

    /// The value as `true` or `false`.
    pub fn boolean(&mut self, value: &'d Value, what: &str) -> Option<bool> {
        let boolean = value.as_bool();
        if boolean.is_none() {
            self.wrong_type(value, &format!("{what} must be true or false"));
        }
        boolean
    }

    /// The value as a whole number from 0.
    pub fn count(&mut self, value: &'d Value, what: &str) -> Option<u64> {
        let count = value.as_u64();
        if count.is_none() {
            self.wrong_type(value, &format!("{what} must be a whole number from 0"));
        }
        count
    }

    /// The value as one of some words.
    pub fn word<'w>(&mut self, value: &'d Value, what: &str, words: &[&'w str]) -> Option<&'w str> {
        let text = self.text(value, what)?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            let hint = suggest::hint(text, words.iter().copied());
            self.defect(format!("{what} cannot be `{text}`"), hint);
        }
        found
    }

    fn wrong_type(&mut self, value: &Value, message: &str) {
        let found = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(number) => &format!("the number {number}"),
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let hint = match value {
            Value::Number(_) | Value::Bool(_) if message.ends_with("a text") => {
                Some("put it in quotes".to_owned())
            }
            _ => None,
        };
        self.defect(format!("{message}, and it is {found}"), hint);
    }
}
