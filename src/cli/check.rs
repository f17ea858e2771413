//! `check`: workflow documents, without a server. Every defect with its line and what to do; the
//! documents themselves are not touched.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use crate::dsl::{Defect, Format, Loaded, Rules, load_folder, parse};
use crate::model::limits::DOCUMENT_BYTES_MAX;

/// Which documents.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files, or folders with documents (*.yaml, *.yml, *.json)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let mut documents = Vec::new();
    for path in &arguments.paths {
        documents.extend(load(path)?);
    }
    if output.is_json() {
        output.value(&as_json(&documents))?;
    } else {
        for document in &documents {
            print(document, output)?;
        }
        print_sum(&documents, output)?;
    }
    if documents.iter().all(|document| document.result.is_ok()) {
        Ok(())
    } else {
        Err(Failure::silent(Code::Refused))
    }
}

/// The documents that a path names. A path without any is a mistake, and no document is good.
fn load(path: &Path) -> Result<Vec<Loaded>, Failure> {
    let failed = |error: io::Error| {
        Failure::new(Code::Io, format!("cannot read {}: {error}", path.display()))
    };
    let rules = Rules::default();
    if !path.metadata().map_err(failed)?.is_dir() {
        return Ok(vec![load_file(path, &rules).map_err(failed)?]);
    }
    let documents = load_folder(path, &rules).map_err(failed)?;
    if documents.is_empty() {
        let text = format!("{} holds no document (*.yaml, *.yml, *.json)", path.display());
        return Err(Failure::new(Code::Refused, text));
    }
    Ok(documents)
}

fn load_file(path: &Path, rules: &Rules) -> io::Result<Loaded> {
    let loaded = |result| Loaded { path: path.to_owned(), result, name: None };
    let Some(format) = Format::of_path(path) else {
        let hint = "name it *.yaml, *.yml or *.json".to_owned();
        return Ok(loaded(Err(vec![whole("its ending does not say what it is", Some(hint))])));
    };
    let mut text = Vec::new();
    // One byte more than the limit is enough for the parser to see that it is too long.
    File::open(path)?.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(loaded(match String::from_utf8(text) {
        Ok(text) => parse(&text, format, rules),
        Err(error) => Err(vec![whole(&format!("it is no UTF-8 text: {error}"), None)]),
    }))
}

fn whole(message: &str, hint: Option<String>) -> Defect {
    Defect { pointer: String::new(), line: None, column: None, message: message.to_owned(), hint }
}

fn print(document: &Loaded, output: &mut Output) -> io::Result<()> {
    let path = document.path.display();
    match &document.result {
        Ok(definition) => {
            let (namespace, name) = (&definition.namespace, &definition.name);
            let text = format!("✅ {path}: {namespace}/{name} {}", definition.version);
            output.painted(Paint::Good, text)
        }
        Err(defects) => {
            let text = format!("❌ {path}: {}", count(defects.len() as u64, "defect"));
            output.painted(Paint::Bad, text)?;
            for defect in defects {
                output.line(format!("   {}", line_of(defect)))?;
                if let Some(hint) = &defect.hint {
                    output.painted(Paint::Dim, format!("      → {hint}"))?;
                }
            }
            Ok(())
        }
    }
}

/// Where it is, as editors jump to it, and what is wrong.
fn line_of(defect: &Defect) -> String {
    let place = match (defect.line, defect.column) {
        (Some(line), Some(column)) => format!("{line}:{column} "),
        (Some(line), None) => format!("{line} "),
        (None, _) => String::new(),
    };
    let pointer = &defect.pointer;
    let gap = if pointer.is_empty() { "" } else { ": " };
    format!("{place}{pointer}{gap}{}", defect.message)
}

fn print_sum(documents: &[Loaded], output: &mut Output) -> io::Result<()> {
    let good: Vec<_> =
        documents.iter().filter_map(|document| document.result.as_ref().ok()).collect();
    let broken = documents.len() - good.len();
    output.line(format!(
        "\n{}: {} good, {broken} with defects",
        count(documents.len() as u64, "document"),
        good.len()
    ))?;
    let costly: Vec<&str> =
        good.iter().filter(|good| !good.is_cheap).map(|good| good.name.as_str()).collect();
    if costly.is_empty() {
        return Ok(());
    }
    let names = costly.join(", ");
    output.line(format!(
        "{} with expressions whose cost grows with their data ({names}): each is evaluated aside \
         and ended after 250 ms",
        count(costly.len() as u64, "document"),
    ))
}

fn as_json(documents: &[Loaded]) -> Value {
    let rows: Vec<Value> = documents
        .iter()
        .map(|document| match &document.result {
            Ok(definition) => json!({
                "path": document.path,
                "namespace": definition.namespace,
                "name": definition.name,
                "version": definition.version,
                "hash": definition.hash,
                "isCheap": definition.is_cheap,
                "defects": [],
            }),
            Err(defects) => json!({
                "path": document.path,
                "name": document.name,
                "defects": defects,
            }),
        })
        .collect();
    json!({ "documents": rows })
}
