//! A backup as every engine describes it: what is asked for, what it became, the manifest beside
//! the file, and the note that names the last one. It copies nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::id::ContentHash;
use crate::model::time::Timestamp;
use crate::store::durable_file::{beside, write_whole};
use crate::store::error::StoreError;

/// The form of manifests that this program writes, and the newest that it reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// What stands behind the name of a file in that of its manifest.
const MANIFEST_SUFFIX: &str = ".manifest.json";

/// What is asked for.
#[derive(Clone, Debug)]
pub struct BackupOrder {
    /// The file to write. It must not exist.
    pub file: PathBuf,
    /// The time.
    pub taken_at: Timestamp,
    /// The generation of the store: how often it was restored.
    pub generation: u64,
}

/// The manifest: `FILE.manifest.json`. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The form of this manifest.
    pub manifest: u32,
    /// The name of the file that it is about.
    pub file: String,
    /// Bytes of that file.
    pub bytes: u64,
    /// SHA-256 of that file.
    pub sha256: ContentHash,
    /// The version of the format of the store.
    pub format: u64,
    /// The random id of the store.
    pub store_id: String,
    /// How often the store was restored before.
    pub generation: u64,
    /// Jobs in it.
    pub jobs: u64,
    /// Events in its journals.
    pub events: u64,
    /// Checkpoints in it.
    pub checkpoints: u64,
    /// The end of its feed: everything up to this place is in it, nothing after it.
    pub feed: u64,
    /// When it was taken.
    pub taken_at: String,
    /// The program that took it.
    pub program: String,
}

impl Manifest {
    /// Where the manifest of a file is.
    pub fn path_for(file: &Path) -> PathBuf {
        beside(file, MANIFEST_SUFFIX)
    }

    /// Reads the manifest of a file.
    pub fn read(file: &Path) -> Result<Self, BackupError> {
        let path = Self::path_for(file);
        let bytes =
            fs::read(&path).map_err(|error| BackupError::io(&path, "read manifest", &error))?;
        let unreadable = |reason: String| BackupError::Unsound { path: path.clone(), reason };
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| unreadable(format!("it is no manifest: {error}")))?;
        if manifest.manifest > MANIFEST_FORMAT {
            let (found, program) = (manifest.manifest, &manifest.program);
            return Err(unreadable(format!(
                "it has form {found}, written by {program}; this program reads up to form \
                 {MANIFEST_FORMAT}: use a newer holdpoint"
            )));
        }
        Ok(manifest)
    }

    /// Every file of a folder with its manifest, the newest first; manifests that cannot be read,
    /// or whose file is missing, are left out. No folder is an empty one.
    pub fn all_in(folder: &Path) -> Result<Vec<(PathBuf, Self)>, BackupError> {
        let failed = |error: &io::Error| BackupError::io(folder, "read folder", error);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(&error))?.path();
            let name = path.to_string_lossy();
            let Some(file) = name.strip_suffix(MANIFEST_SUFFIX).map(PathBuf::from) else {
                continue;
            };
            let Ok(manifest) = Self::read(&file) else { continue };
            let is_its_own = file.file_name().is_some_and(|name| *name == *manifest.file);
            if is_its_own && file.is_file() {
                found.push((file, manifest));
            }
        }
        found.sort_by(|(_, left), (_, right)| right.taken_at.cmp(&left.taken_at));
        Ok(found)
    }

    /// Writes the manifest of a file.
    pub fn write(&self, file: &Path) -> Result<(), BackupError> {
        let path = Self::path_for(file);
        write_whole(&path, &pretty(self))
            .map_err(|error| BackupError::io(&path, "write manifest", &error))
    }
}

/// The last backup of a store, as noted beside it, where a damaged store can still name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastBackup {
    /// The file, as an absolute path.
    pub file: PathBuf,
    /// When it was taken, RFC 3339 in UTC.
    pub taken_at: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: ContentHash,
}

impl LastBackup {
    /// The note beside the file of a store, if there is a readable one.
    pub fn of(store: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path_for(store)).ok()?).ok()
    }

    fn path_for(store: &Path) -> PathBuf {
        beside(store, ".last-backup.json")
    }

    /// Notes a backup beside the file of its store.
    pub fn note(store: &Path, file: &Path, manifest: &Manifest) -> Result<(), BackupError> {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let note = Self {
            file: absolute,
            taken_at: manifest.taken_at.clone(),
            bytes: manifest.bytes,
            sha256: manifest.sha256,
        };
        let path = Self::path_for(store);
        write_whole(&path, &pretty(&note))
            .map_err(|error| BackupError::io(&path, "note the backup in", &error))
    }
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    // These types have text keys and plain members only, so they always serialise.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Why there is no backup. What was begun is gone; the store is as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there already.
    #[error("{} exists already: choose another name, nothing is overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another backup writes to the same file.
    #[error("another backup is being written to {}", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// What was written is not what was to be written.
    #[error("{} cannot be used: {reason}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What a check found.
        reason: String,
    },
    /// The disk is full.
    #[error("no space to {attempted} {}: free some, or choose another disk", path.display())]
    NoSpace {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
    },
    /// The system said no.
    #[error("cannot {attempted} {}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
    /// The engine of this store has no files to copy.
    #[error("a store in {0} has no backups: export it instead")]
    Unsupported(&'static str),
}

impl BackupError {
    /// An error of the system, met while something was attempted on this file or folder.
    pub fn io(path: &Path, attempted: &'static str, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                BackupError::NoSpace { path, attempted }
            }
            _ => BackupError::Io { path, attempted, reason: error.to_string() },
        }
    }
}
