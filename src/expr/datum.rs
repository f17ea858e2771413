//! The values jaq computes with. Each knows its depth and its size as a tree, so nothing that an
//! expression builds escapes the limits, and no walk over a value runs away.
//!
//! The value type that comes with jaq cannot be bounded: `"a" * 1000000000`, doubling a string in a
//! `reduce` and nesting an array a million times all end the whole process. This one can, and it is
//! shared between threads.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::meter::{self, Stop};
use super::number::Number;

/// A value of an expression.
#[derive(Clone, Debug)]
pub(super) enum Datum {
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<String>),
    Array(Arc<Array>),
    Object(Arc<Object>),
}

/// Members of an object, in the order of their keys: the order in which jq shows them.
pub(super) type Members = BTreeMap<Arc<String>, Datum>;

/// How large a value is, written out as a tree. The depth is an upper bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub bytes: usize,
    pub depth: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Array {
    pub items: Vec<Datum>,
    pub size: Size,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub members: Members,
    pub size: Size,
}

/// What a scalar counts for: about the memory of one value.
const SCALAR_BYTES: usize = 24;
/// What a key counts for beside its text.
const KEY_BYTES: usize = 48;

impl Size {
    /// Of a container that has one more part.
    pub(super) fn grown(self, part: Size) -> Size {
        Size { bytes: self.bytes.saturating_add(part.bytes), depth: self.depth.max(part.depth + 1) }
    }

    /// Of a container that lost a part. Its depth stays, as an upper bound.
    pub(super) fn shrunk(self, part: Size) -> Size {
        Size { bytes: self.bytes.saturating_sub(part.bytes), depth: self.depth }
    }

    /// Ends the evaluation when a value of this size may not be.
    pub(super) fn check(self) -> Size {
        if self.bytes > meter::TREE_BYTES_MAX {
            meter::stop(Stop::TooLarge { bytes: self.bytes, max: meter::TREE_BYTES_MAX });
        }
        if self.depth > meter::DEPTH_MAX {
            meter::stop(Stop::TooDeep);
        }
        self
    }

    /// Of a container without parts.
    pub(super) const EMPTY: Size = Size { bytes: SCALAR_BYTES, depth: 1 };
}

/// What a key adds to the size of its object.
pub(super) fn key_size(key: &str) -> Size {
    Size { bytes: KEY_BYTES + key.len(), depth: 0 }
}

impl Datum {
    pub(super) fn size(&self) -> Size {
        match self {
            Datum::Null | Datum::Bool(_) | Datum::Number(_) => {
                Size { bytes: SCALAR_BYTES, depth: 0 }
            }
            Datum::Text(text) => Size { bytes: SCALAR_BYTES + text.len(), depth: 0 },
            Datum::Array(array) => array.size,
            Datum::Object(object) => object.size,
        }
    }

    /// A string that an operation made; ends the evaluation when it is too long.
    pub(super) fn text(text: impl Into<String>) -> Datum {
        let text = text.into();
        allow_text(text.len());
        Datum::Text(Arc::new(text))
    }

    /// An array that an operation made. Items are taken one by one, so that an endless iterator is
    /// stopped while it is collected.
    pub(super) fn array(items: impl IntoIterator<Item = Datum>) -> Datum {
        meter::allocate(SCALAR_BYTES);
        let mut array = Array { items: Vec::new(), size: Size::EMPTY };
        for item in items {
            meter::allocate(SCALAR_BYTES);
            array.size = array.size.grown(item.size()).check();
            array.items.push(item);
        }
        Datum::Array(Arc::new(array))
    }

    /// An object that an operation made; of two members with one key the later stays.
    pub(super) fn object(members: impl IntoIterator<Item = (Arc<String>, Datum)>) -> Datum {
        meter::allocate(SCALAR_BYTES);
        let mut object = Object { members: Members::new(), size: Size::EMPTY };
        for (key, value) in members {
            object.insert(key, value);
        }
        Datum::Object(Arc::new(object))
    }

    /// The truth of jq: all but false and null.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Datum::Null | Datum::Bool(false))
    }

    fn rank(&self) -> u8 {
        match self {
            Datum::Null => 0,
            Datum::Bool(_) => 1,
            Datum::Number(_) => 2,
            Datum::Text(_) => 3,
            Datum::Array(_) => 4,
            Datum::Object(_) => 5,
        }
    }
}

/// Asks for a string of `bytes` before it is made.
pub(super) fn allow_text(bytes: usize) {
    if bytes > meter::TEXT_BYTES_MAX {
        meter::stop(Stop::TooLarge { bytes, max: meter::TEXT_BYTES_MAX });
    }
    meter::allocate(SCALAR_BYTES + bytes);
}

impl Array {
    /// Puts `item` in the place of the one at `index` and gives that back; null when there is none.
    pub(super) fn replace(&mut self, index: usize, item: Datum) -> Datum {
        let Some(place) = self.items.get_mut(index) else { return Datum::Null };
        self.size = self.size.shrunk(place.size()).grown(item.size()).check();
        std::mem::replace(place, item)
    }

    /// Adds nulls until there is an item at `index`.
    pub(super) fn fill(&mut self, index: usize) {
        let nulls = index.saturating_add(1).saturating_sub(self.items.len());
        let bytes = nulls.saturating_mul(SCALAR_BYTES);
        self.size = self.size.grown(Size { bytes, depth: 0 }).check();
        meter::allocate(bytes);
        self.items.extend(std::iter::repeat_n(Datum::Null, nulls));
    }
}

impl Object {
    /// Adds a member or puts a new value in the place of an old one.
    pub(super) fn insert(&mut self, key: Arc<String>, value: Datum) {
        meter::allocate(KEY_BYTES);
        let size = self.size.grown(value.size());
        self.size = match self.members.get(&key) {
            Some(old) => size.shrunk(old.size()),
            None => size.grown(key_size(&key)),
        }
        .check();
        self.members.insert(key, value);
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, key: &String) -> Option<Datum> {
        let old = self.members.remove(key)?;
        self.size = self.size.shrunk(old.size()).shrunk(key_size(key));
        Some(old)
    }
}

impl Ord for Datum {
    /// jq's order: null, false, true, numbers, strings, arrays, objects; objects first by their
    /// sets of keys. Spends steps, because a sort of large values is long.
    fn cmp(&self, other: &Datum) -> Ordering {
        meter::spend(1);
        match (self, other) {
            (Datum::Bool(left), Datum::Bool(right)) => left.cmp(right),
            (Datum::Number(left), Datum::Number(right)) => left.cmp(right),
            (Datum::Text(left), Datum::Text(right)) => {
                meter::spend(left.len().min(right.len()) as u64 / 1024);
                left.cmp(right)
            }
            (Datum::Array(left), Datum::Array(right)) => left.items.cmp(&right.items),
            (Datum::Object(left), Datum::Object(right)) => (left.members.keys())
                .cmp(right.members.keys())
                .then_with(|| left.members.values().cmp(right.members.values())),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Datum) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        match (self, other) {
            (Datum::Number(left), Datum::Number(right)) => left == right,
            _ => self.cmp(other) == Ordering::Equal,
        }
    }
}

impl Eq for Datum {}

/// Longest part of a value in an error, bytes: a message is read by a person.
const SHOWN_BYTES_MAX: usize = 120;

impl fmt::Display for Datum {
    /// The start of the value as JSON. Only errors are made of it; `tojson` writes all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, whole) = super::json::write_at_most(self, SHOWN_BYTES_MAX);
        f.write_str(&text)?;
        f.write_str(if whole { "" } else { "…" })
    }
}
