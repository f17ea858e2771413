//! YAML text to a value with positions, under the parser's budgets. Nothing but plain data comes
//! out: tags, anchors and merges are resolved or refused before anybody else sees the document.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Error, Location, Options, Spanned};

use crate::dsl::defect::Defect;
use crate::dsl::position::{Position, Positions, push_token};
use crate::model::limits::DEPTH_MAX;

/// Most nodes of a document, with every alias written out: 1 MiB of text has no more of its own.
const NODES_MAX: usize = 200_000;
/// Most aliases: a workflow repeats a few parts, a bomb repeats thousands.
const ALIASES_MAX: usize = 1_000;
/// Most bytes of text in all scalars, with every alias written out.
const SCALAR_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads a document. Duplicate keys come back beside the value, everything else that the parser
/// refuses comes back instead of it.
pub(super) fn read(text: &str) -> Result<(Value, Positions, Vec<Defect>), Defect> {
    let node: Spanned<Node> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax(&error))?;
    let mut reader = Reader::default();
    reader.positions.note("", place(&node.referenced));
    let value = reader.value(node.value);
    Ok((value, reader.positions, reader.duplicates))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_documents: 1,
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_recorded_anchor_events: NODES_MAX,
            max_recorded_anchor_bytes: SCALAR_BYTES_MAX,
            max_total_scalar_bytes: SCALAR_BYTES_MAX,
            max_merge_keys: ALIASES_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
        },
        // `on`, `yes` and `no` are words, as YAML 1.2 and JSON have it.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax(error: &Error) -> Defect {
    let error = error.without_snippet();
    let position = error.location().filter(|location| location.line() > 0).map(|l| place(&l));
    Defect {
        pointer: String::new(),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
        message: format!("the text is no usable YAML: {error}"),
        hint: None,
    }
}

fn place(location: &Location) -> Position {
    Position { line: location.line() as usize, column: location.column() as usize }
}

/// A node as the parser gives it: every key and value with its place.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Object(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Node::Object(object))
    }
}

#[derive(Default)]
struct Reader {
    pointer: String,
    positions: Positions,
    duplicates: Vec<Defect>,
}

impl Reader {
    fn value(&mut self, node: Node) -> Value {
        match node {
            Node::Scalar(value) => value,
            Node::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let position = place(&item.referenced);
                    list.push(self.member(&index.to_string(), position, item.value));
                }
                Value::Array(list)
            }
            Node::Object(members) => {
                let mut object = Map::new();
                for (key, member) in members {
                    let position = place(&key.referenced);
                    if object.contains_key(&key.value) {
                        self.duplicates.push(duplicate(&self.pointer, &key.value, position));
                        continue;
                    }
                    let value = self.member(&key.value, position, member.value);
                    object.insert(key.value, value);
                }
                Value::Object(object)
            }
        }
    }

    fn member(&mut self, token: &str, position: Position, node: Node) -> Value {
        let length = self.pointer.len();
        push_token(&mut self.pointer, token);
        self.positions.note(&self.pointer, position);
        let value = self.value(node);
        self.pointer.truncate(length);
        value
    }
}

/// The defect of a member that stands twice in its object.
pub(super) fn duplicate(object: &str, key: &str, position: Position) -> Defect {
    let mut pointer = object.to_owned();
    push_token(&mut pointer, key);
    Defect {
        pointer,
        line: Some(position.line),
        column: Some(position.column),
        message: format!("`{key}` stands twice in the same object"),
        hint: Some("keep one of the two".to_owned()),
    }
}
