//! The sections that name folders: `[secrets]`, `[workflows]`, `[artifacts]`. They make
//! and read no folder.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::check::Complaints;

/// Named secrets: one file each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The folder; none means that workflows have no secrets.
    #[serde(deserialize_with = "optional")]
    pub dir: Option<PathBuf>,
    /// The file of the key that seals the secrets in the store; none: the service manager's
    /// credential, or a file beside the store.
    #[serde(deserialize_with = "optional")]
    pub key_file: Option<PathBuf>,
}

/// Workflow documents that are registered at start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflows {
    /// The folder.
    pub dir: PathBuf,
}

/// What workflows write: one folder per job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// The folder.
    pub dir: PathBuf,
}

impl Workflows {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if self.dir.as_os_str().is_empty() {
            complaints.add("workflows.dir", "empty", "the path of a folder");
        }
    }
}

impl Artifacts {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if self.dir.as_os_str().is_empty() {
            complaints.add("artifacts.dir", "empty", "the path of a folder");
        }
    }
}

pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(from)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}
