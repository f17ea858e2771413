//! The places of live jobs, derived anew: a job whose row of the queue, of the wakes or of the
//! active jobs is gone gets it back when the store is opened. It removes nothing: a row too many
//! costs a look at a job, a row too few the job.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use ::redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::model::row::JobRow;
use crate::store::rec::HeldJob;
use crate::store::redb::counters;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::index::{self, JobKeys};
use crate::store::redb::open::{NOT_AS_WRITTEN, Recovery, RedbOptions};
use crate::store::redb::tables::{ACTIVE, COUNTERS, JOBS, QUEUE, Tables, WAKES};

/// The tables that are derived here.
pub(super) const PLACES: [&str; 3] = ["queue", "wakes", "active"];

/// Puts back what is missing. All jobs are looked at only when the numbers leave it open: a job
/// that waits without a time has no row, and nobody counts those.
pub(super) fn restore(options: &RedbOptions, database: &Database) -> Result<(), OpenError> {
    let path = &options.path;
    // In a file that is not verified redb panics on damage that it meets.
    let restored = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let missing = find(&database.begin_read()?, options.recovery)?;
        if missing.is_empty() { Ok(()) } else { write(path, database, &missing) }
    }));
    let restored = restored.unwrap_or_else(|_| {
        Err(Failure::from(::redb::StorageError::Corrupted(NOT_AS_WRITTEN.to_owned())))
    });
    restored.map_err(|failure| OpenError::from_failure(path, "places of its jobs", failure))
}

fn find(transaction: &ReadTransaction, recovery: Recovery) -> Result<Vec<JobRow>, Failure> {
    let queue = transaction.open_table(QUEUE)?;
    let (wakes, active) = (transaction.open_table(WAKES)?, transaction.open_table(ACTIVE)?);
    let counts = counters::counts(&counters::numbers(&transaction.open_table(COUNTERS)?)?);
    let is_sure = counts.queued == queue.len()? && counts.active == active.len()?;
    let may_look = recovery == Recovery::Verify && counts.parked != wakes.len()?;
    if is_sure && !may_look {
        return Ok(Vec::new());
    }
    let mut missing = Vec::new();
    for entry in transaction.open_table(JOBS)?.iter()? {
        // A record that cannot be read is its job's trouble, and is found when that is loaded.
        let Ok(held) = HeldJob::from_record(entry?.1.value()) else { continue };
        let keys = JobKeys::of(&held.row);
        let is_there = match keys {
            JobKeys { queue: Some(key), .. } => queue.get(key)?.is_some(),
            JobKeys { wake: Some(key), .. } => wakes.get(key)?.is_some(),
            JobKeys { active: Some(key), .. } => active.get(key)?.is_some(),
            JobKeys { .. } => true,
        };
        if !is_there {
            missing.push((*held.row).clone());
        }
    }
    Ok(missing)
}

fn write(path: &Path, database: &Database, missing: &[JobRow]) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    {
        let mut tables = Tables::open(&transaction)?;
        for row in missing {
            index::move_job(&mut tables, None, row)?;
        }
    }
    transaction.commit()?;
    let first = missing.first().map(|row| row.id.to_string());
    tracing::warn!(
        path = %path.display(), jobs = missing.len(), first,
        "jobs had no row of the queue, the wakes or the active jobs; it was derived anew"
    );
    Ok(())
}
