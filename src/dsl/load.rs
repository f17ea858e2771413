//! A folder of documents. A broken one never hides the others: each comes back with its own
//! defects.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::dsl::defect::Defect;
use crate::dsl::definition::Definition;
use crate::dsl::parse::{Format, Rules, check, read, whole};
use crate::model::id::ContentHash;
use crate::model::limits::DOCUMENT_BYTES_MAX;

/// One file of a folder.
#[derive(Debug)]
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// The checked document, or every defect.
    pub result: Result<Arc<Definition>, Vec<Defect>>,
    /// `document.name` as far as it could be read, so that jobs of a broken type can be refused
    /// with the reason.
    pub name: Option<String>,
}

/// Reads every `*.yaml`, `*.yml` and `*.json` of a folder, sorted by name; hidden files and
/// subfolders are left out. Of two files with the same namespace, name and version but different
/// content the second is defective.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn load_folder(dir: &Path, rules: &Rules) -> io::Result<Vec<Loaded>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && Format::of_path(&path).is_some() && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    let mut seen = HashMap::new();
    Ok(paths.into_iter().map(|path| distinct(load(path, rules), &mut seen)).collect())
}

fn load(path: PathBuf, rules: &Rules) -> Loaded {
    let format = Format::of_path(&path).unwrap_or(Format::Yaml);
    let text = match text(&path).and_then(|text| read(&text, format)) {
        Ok(text) => text,
        Err(defect) => return Loaded { path, result: Err(vec![defect]), name: None },
    };
    let name = text.value.pointer("/document/name").and_then(Value::as_str).map(str::to_owned);
    let result = check(Arc::new(text.value), &text.positions, text.duplicates, rules);
    Loaded { path, result, name }
}

fn text(path: &Path) -> Result<String, Defect> {
    let mut bytes = Vec::new();
    // One byte over the limit is enough to know that the file is too large.
    let limit = DOCUMENT_BYTES_MAX as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| whole(format!("the file cannot be read: {error}")))?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(whole(format!("the document is larger than {DOCUMENT_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| whole(format!("the file is no UTF-8 text: {error}")))
}

type Seen = HashMap<(String, String, String), (ContentHash, PathBuf)>;

fn distinct(mut loaded: Loaded, seen: &mut Seen) -> Loaded {
    let Ok(definition) = &loaded.result else { return loaded };
    let key = (definition.namespace.clone(), definition.name.clone(), definition.version.clone());
    match seen.get(&key) {
        Some((hash, first)) if *hash != definition.hash => {
            let mut defect = whole(format!(
                "{}/{} {} is also in {}, with other content",
                key.0,
                key.1,
                key.2,
                first.display()
            ));
            defect.pointer = "/document/version".to_owned();
            defect.hint = Some("give a changed document a new version".to_owned());
            loaded.result = Err(vec![defect]);
        }
        Some(_) => {}
        None => {
            seen.insert(key, (definition.hash, loaded.path.clone()));
        }
    }
    loaded
}
