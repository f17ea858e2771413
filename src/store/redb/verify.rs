//! The whole-store check behind `check-db`: what it says of a store. It changes nothing.

use std::fmt;
use std::path::Path;

use ::redb::{Database, ReadTransaction, ReadableDatabase};

use crate::store::redb::check::{lengths, walk};
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::open::{self, RedbOptions};
use crate::store::redb::places::PLACES;
use crate::store::redb::tables::{META, META_CREATED_BY, META_FORMAT, META_STORE_ID};

/// What is wrong with one record or index entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The table.
    pub table: &'static str,
    /// The key, readable.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// Is something missing that a row of a job asks for, and nothing else wrong with it?
    pub is_lack: bool,
}

/// The key of a defect that is about a table as a whole.
pub(super) const ALL: &str = "all";

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, key {}: {}", self.table, self.key, self.reason)
    }
}

/// What a check of a whole store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version of its format.
    pub format: u64,
    /// The program that created it.
    pub created_by: String,
    /// Its random id.
    pub store_id: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Events in all journals.
    pub events: u64,
    /// Name and rows of every table.
    pub tables: Vec<(&'static str, u64)>,
    /// Everything that is wrong, at most 1,000 of it; a sound store has nothing here.
    pub problems: Vec<Defect>,
}

impl Report {
    /// Rows of a table; none when there is no such table.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
    }

    /// Is nothing wrong but that live jobs have no row of the queue, the wakes or the active jobs?
    /// The next start derives those anew.
    pub fn lacks_only_places(&self) -> bool {
        let is_place = |defect: &Defect| defect.is_lack && PLACES.contains(&defect.table);
        // A start looks for them only when there are too few of them.
        self.problems.iter().all(is_place) && self.problems.iter().any(|it| it.key == ALL)
    }
}

/// Checks a store that no process has open. Damage of the file itself is an `OpenError`; damage of
/// records, chains and indexes is in the report.
pub fn verify(path: &Path) -> Result<Report, OpenError> {
    verify_within(path, RedbOptions::new(path).cache_bytes)
}

/// The same with this much memory for pages.
pub fn verify_within(path: &Path, cache_bytes: usize) -> Result<Report, OpenError> {
    let database = open::open_existing(&RedbOptions { cache_bytes, ..RedbOptions::new(path) })?;
    verify_database(path, database, std::fs::metadata(path).map_or(0, |file| file.len()))
}

/// Checks an open database that has this many bytes, and closes it.
pub(super) fn verify_database(
    path: &Path,
    database: Database,
    bytes: u64,
) -> Result<Report, OpenError> {
    const CHECK: &str = "walk through its tables";
    let failed = |failure| OpenError::from_failure(path, CHECK, failure);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let (events, problems) = walk(&transaction).map_err(failed)?;
    let report = describe(&transaction, bytes, events, problems).map_err(failed)?;
    drop(transaction);
    database.close().map_err(|error| OpenError::from_redb(path, error))?;
    Ok(report)
}

/// Everything that is wrong with records, chains and indexes.
#[cfg(any(test, feature = "fault-injection"))]
pub(super) fn defects(t: &ReadTransaction) -> Result<Vec<Defect>, Failure> {
    Ok(walk(t)?.1)
}

fn describe(
    t: &ReadTransaction,
    bytes: u64,
    events: u64,
    problems: Vec<Defect>,
) -> Result<Report, Failure> {
    let meta = t.open_table(META)?;
    let text = |name: &str| -> Result<String, Failure> {
        Ok(meta.get(name)?.map(|value| value.value().to_owned()).unwrap_or_default())
    };
    Ok(Report {
        format: text(META_FORMAT)?.parse().unwrap_or(open::FORMAT_VERSION),
        created_by: text(META_CREATED_BY)?,
        store_id: text(META_STORE_ID)?,
        bytes,
        events,
        tables: lengths(t, open::has_trail(&text(META_FORMAT)?))?,
        problems,
    })
}
