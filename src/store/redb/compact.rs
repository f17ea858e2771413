//! Compaction: a file never shrinks by itself when rows go, because their pages are used again.

use std::path::Path;

use crate::store::redb::error::OpenError;
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
        other => OpenError::Io {
            path: path.to_owned(),
            attempted: "compact",
            reason: other.to_string(),
        },
    })?;
    database.close().map_err(|error| OpenError::from_redb(path, error))?;
    Ok((before, size()?))
}
