//! The way in: a text or a stored value becomes a checked definition, or every defect at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::defect::Defect;
use crate::dsl::definition::Definition;
use crate::dsl::position::Positions;
use crate::dsl::schema::is_deeper;
use crate::dsl::{json, workflow, yaml};
use crate::model::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that the ending of a file name says.
    pub fn of_path(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Format::Yaml),
            "json" => Some(Format::Json),
            _ => None,
        }
    }
}

/// What this server allows a document beyond the safe part of the standard. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The processes that the operator allows: `[run] allow`, of `script`, `shell`, `container`.
    pub run_allow: BTreeSet<String>,
}

/// Reads and checks a document.
///
/// # Errors
/// Every defect, in the order of the text, each with its pointer, line and column. When the text
/// itself cannot be read, that is the only one.
pub fn parse(text: &str, format: Format, rules: &Rules) -> Result<Arc<Definition>, Vec<Defect>> {
    let text = read(text, format).map_err(|defect| vec![defect])?;
    check(Arc::new(text.value), &text.positions, text.duplicates, rules)
}

/// Checks a document that is a value already: the stored canonical form. Its defects have no lines.
///
/// # Errors
/// Every defect, each with its pointer.
pub fn from_value(document: Arc<Value>, rules: &Rules) -> Result<Arc<Definition>, Vec<Defect>> {
    if is_deeper(&document, DEPTH_MAX) {
        return Err(vec![too_deep()]);
    }
    check(document, &Positions::default(), Vec::new(), rules)
}

/// A text that could be read, before it is checked.
pub(super) struct Text {
    /// The document as a value.
    pub value: Value,
    /// Where its members stand.
    pub positions: Positions,
    /// Members that stand twice.
    pub duplicates: Vec<Defect>,
}

/// Reads a text without checking what it says.
pub(super) fn read(text: &str, format: Format) -> Result<Text, Defect> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(whole(format!("the document is larger than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let (value, positions, duplicates) = match format {
        Format::Yaml => yaml::read(text)?,
        Format::Json => json::read(text)?,
    };
    if is_deeper(&value, DEPTH_MAX) {
        return Err(too_deep());
    }
    Ok(Text { value, positions, duplicates })
}

/// Checks a document that was read.
pub(super) fn check(
    document: Arc<Value>,
    positions: &Positions,
    duplicates: Vec<Defect>,
    rules: &Rules,
) -> Result<Arc<Definition>, Vec<Defect>> {
    let mut check = Check::new(&document, positions, rules);
    let head = workflow::read(&mut check);
    let is_sound = duplicates.is_empty() && check.defect_count() == 0;
    match head {
        Some(head) if is_sound => {
            let (tasks, lists, is_cheap) = (check.tasks, check.lists, check.is_cheap);
            let built = workflow::definition(head, Arc::clone(&document), tasks, lists, is_cheap);
            Ok(Arc::new(built))
        }
        _ => {
            let mut defects = check.into_defects();
            defects.extend(duplicates);
            defects.sort_by_key(|defect| (defect.line, defect.column));
            Err(defects)
        }
    }
}

/// A defect of the document as a whole.
pub(super) fn whole(message: String) -> Defect {
    Defect { pointer: String::new(), line: None, column: None, message, hint: None }
}

fn too_deep() -> Defect {
    whole(format!("the document is nested deeper than {DEPTH_MAX} levels"))
}
