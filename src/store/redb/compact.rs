//! Compaction: a file never shrinks by itself when rows go, because their pages are used again.

use std::path::Path;

use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::open::{self, RedbOptions};

/// Makes the file of a store that no process has open as small as what is in it; answers its bytes
/// before and after.
pub fn compact(path: &Path) -> Result<(u64, u64), OpenError> {
    let bytes = || std::fs::metadata(path).map(|file| file.len());
    let size = || bytes().map_err(|error| OpenError::io(path, "look for store", &error));
    let before = size()?;
    let mut database = open::open_existing(&RedbOptions::new(path))?;
    database.compact().map_err(|error| match error {
        ::redb::CompactionError::Storage(error) => {
            OpenError::from_redb(path, ::redb::DatabaseError::Storage(error))
        }
        other => {
            OpenError::Io { path: path.to_owned(), attempted: "compact", reason: other.to_string() }
        }
    })?;
    database.close().map_err(|error| OpenError::from_redb(path, error))?;
    Ok((before, size()?))
}

/// Bytes of the file of a store that are in use; the rest is room that `compact` gives back.
pub fn used_bytes(path: &Path) -> Result<u64, OpenError> {
    const CHECK: &str = "statistics of its pages";
    let failed = |failure: Failure| OpenError::from_failure(path, CHECK, failure);
    let database = open::open_existing(&RedbOptions::new(path))?;
    // The statistics belong to a write transaction; this one writes nothing and is abandoned.
    let transaction = database.begin_write().map_err(|error| failed(error.into()))?;
    let stats = transaction.stats().map_err(|error| failed(error.into()))?;
    let used = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
    transaction.abort().map_err(|error| failed(error.into()))?;
    database.close().map_err(|error| OpenError::from_redb(path, error))?;
    Ok(used)
}
