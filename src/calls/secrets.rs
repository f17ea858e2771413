//! The secrets of an installation, and the placeholders that stand for them in expressions and
//! journals. A value leaves this file only into a request that is about to be sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use serde_json::{Map, Value};

/// Most secrets: a folder with more is the wrong folder.
const SECRETS_MAX: usize = 1_000;
/// Largest file of a secret, bytes: a certificate chain fits.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// The invisible separator that opens and closes a placeholder.
pub(crate) const EDGE: &str = "\u{2063}";
/// What opens a placeholder.
pub(crate) const OPENING: &str = "\u{2063}hp-secret:";
/// The edge as it stands in a URI after percent-encoding.
pub(crate) const EDGE_ENCODED: &str = "%E2%81%A3";
/// The opening as it stands in a URI after percent-encoding.
pub(crate) const OPENING_ENCODED: &str = "%E2%81%A3hp-secret%3A";

/// Why the secrets could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The folder or a file of it cannot be read.
    #[error("could not read the secret {path} (`[secrets] dir`): {source}")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file name is no name of a secret.
    #[error(
        "the file {path} in `[secrets] dir` has a name other than letters, digits, `.`, `_`, `-`"
    )]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// A file is too large.
    #[error("the secret {path} has more than {SECRET_BYTES_MAX} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file is no text.
    #[error("the secret {path} is no UTF-8 text; store binary values as base64")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// There are too many.
    #[error("{path} (`[secrets] dir`) has more than {SECRETS_MAX} files")]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

/// The secrets by name. `Debug` shows the names alone.
#[derive(Clone)]
pub struct Secrets {
    values: Arc<BTreeMap<String, Value>>,
    /// What each placeholder stands for, with the name of its secret.
    leaves: Arc<BTreeMap<String, Leaf>>,
    masked: Arc<Value>,
}

struct Leaf {
    name: String,
    value: Value,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::from_values(BTreeMap::new())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.values.keys().collect::<Vec<_>>()).finish()
    }
}

impl Secrets {
    /// Reads one secret from each file of a folder (`[secrets] dir`): its name is the name of the
    /// file, its value the JSON object in it or else the trimmed text. Hidden files are skipped.
    ///
    /// # Errors
    /// A file cannot be read, is too large, is no text, or has a name that is none.
    pub fn load(dir: Option<&Path>) -> Result<Self, SecretsError> {
        let Some(dir) = dir else { return Ok(Self::default()) };
        let failed = |path: &Path, source| SecretsError::Read { path: path.to_owned(), source };
        let mut values = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(|e| failed(dir, e))? {
            let path = entry.map_err(|e| failed(dir, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Orchestrators mount secrets as links into a hidden folder, so links are followed.
            let metadata = fs::metadata(&path).map_err(|e| failed(&path, e))?;
            if name.starts_with('.') || !metadata.is_file() {
                continue;
            }
            if !is_name(name) {
                return Err(SecretsError::Name { path });
            }
            if metadata.len() > SECRET_BYTES_MAX {
                return Err(SecretsError::TooLarge { path });
            }
            let bytes = fs::read(&path).map_err(|e| failed(&path, e))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| SecretsError::NotText { path: path.clone() })?;
            values.insert(name.to_owned(), value_of(&text));
            if values.len() > SECRETS_MAX {
                return Err(SecretsError::TooMany { path: dir.to_owned() });
            }
        }
        Ok(Self::from_values(values))
    }

    /// Secrets that are already at hand: an object of strings and objects by name.
    pub fn from_values(values: BTreeMap<String, Value>) -> Self {
        let mut leaves = BTreeMap::new();
        let masked = values
            .iter()
            .map(|(name, value)| (name.clone(), mask(name, "", value, &mut leaves)))
            .collect::<Map<_, _>>();
        Self {
            values: Arc::new(values),
            leaves: Arc::new(leaves),
            masked: Arc::new(Value::Object(masked)),
        }
    }

    /// The same shape with a placeholder in place of every leaf. The same secret always has the
    /// same placeholder: it is written into journals.
    pub fn masked(&self) -> Arc<Value> {
        Arc::clone(&self.masked)
    }

    /// What a placeholder stands for, with the name of its secret.
    pub(crate) fn leaf(&self, placeholder: &str) -> Option<(&str, &Value)> {
        self.leaves.get(placeholder).map(|leaf| (leaf.name.as_str(), &leaf.value))
    }

    /// The whole secret of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => Value::String(text.trim().to_owned()),
    }
}

fn mask(name: &str, at: &str, value: &Value, leaves: &mut BTreeMap<String, Leaf>) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| {
                let key_of_pointer = key.replace('~', "~0").replace('/', "~1");
                (key.clone(), mask(name, &format!("{at}/{key_of_pointer}"), value, leaves))
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| mask(name, &format!("{at}/{index}"), value, leaves))
            .collect(),
        // Nothing to hide, and an expression may ask whether a value is there.
        Value::Null => Value::Null,
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            let placeholder = format!("{OPENING}{name}{at}{EDGE}");
            let leaf = Leaf { name: name.to_owned(), value: value.clone() };
            leaves.insert(placeholder.clone(), leaf);
            Value::String(placeholder)
        }
    }
}
