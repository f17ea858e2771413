//! What stands where, as numbers that change in the transaction of the rows they count.

use std::collections::BTreeMap;

use ::redb::{ReadableTable, Table};

use crate::model::checkpoint::CheckpointStatus;
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::status::Status;
use crate::store::answer::Counts;
use crate::store::code::Coded;
use crate::store::redb::error::Failure;

/// Jobs by status.
const JOBS: u8 = 1;
/// Checkpoints by status.
const CHECKPOINTS: u8 = 2;
/// Jobs by place.
const PLACES: u8 = 3;

fn place_code(place: Place) -> u8 {
    match place {
        Place::Queue(_) => 1,
        Place::Active => 2,
        Place::Parked(_) => 3,
        Place::Ended => 4,
    }
}

/// By how much each number changes.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(u8, u8), i64>);

impl Tally {
    fn shift(&mut self, kind: u8, old: Option<u8>, new: u8) {
        if old == Some(new) {
            return;
        }
        if let Some(old) = old {
            *self.0.entry((kind, old)).or_default() -= 1;
        }
        *self.0.entry((kind, new)).or_default() += 1;
    }

    /// A job row replaces another.
    pub(super) fn job(&mut self, old: Option<&JobRow>, new: &JobRow) {
        self.shift(JOBS, old.map(|row| row.status.code()), new.status.code());
        self.shift(PLACES, old.map(|row| place_code(row.place)), place_code(new.place));
    }

    /// A checkpoint row replaces another.
    pub(super) fn checkpoint(&mut self, old: Option<&CheckpointRow>, new: &CheckpointRow) {
        self.shift(CHECKPOINTS, old.map(|row| row.status.code()), new.status.code());
    }

    /// A job is removed.
    pub(super) fn job_gone(&mut self, row: &JobRow) {
        *self.0.entry((JOBS, row.status.code())).or_default() -= 1;
        *self.0.entry((PLACES, place_code(row.place))).or_default() -= 1;
    }

    /// A checkpoint is removed.
    pub(super) fn checkpoint_gone(&mut self, row: &CheckpointRow) {
        *self.0.entry((CHECKPOINTS, row.status.code())).or_default() -= 1;
    }

    /// Adds the changes to the table.
    pub(super) fn apply(self, table: &mut Table<'_, (u8, u8), u64>) -> Result<(), Failure> {
        for (key, change) in self.0 {
            let held = table.get(key)?.map_or(0, |value| value.value());
            table.insert(key, held.saturating_add_signed(change))?;
        }
        Ok(())
    }

    /// The numbers as they would stand if nothing had been there before.
    pub(super) fn into_numbers(self) -> BTreeMap<(u8, u8), u64> {
        let positive = |change: i64| u64::try_from(change).unwrap_or(0);
        self.0.into_iter().map(|(key, change)| (key, positive(change))).collect()
    }
}

/// Every number.
pub(super) fn numbers(
    table: &impl ReadableTable<(u8, u8), u64>,
) -> Result<BTreeMap<(u8, u8), u64>, Failure> {
    let mut numbers = BTreeMap::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        numbers.insert(key.value(), value.value());
    }
    Ok(numbers)
}

/// The numbers as the port shows them: every status, also those that nothing stands at.
pub(super) fn counts(numbers: &BTreeMap<(u8, u8), u64>) -> Counts {
    let number = |kind: u8, code: u8| numbers.get(&(kind, code)).copied().unwrap_or(0);
    let statuses = CheckpointStatus::ALL.iter();
    Counts {
        jobs: Status::ALL.iter().map(|status| (*status, number(JOBS, status.code()))).collect(),
        checkpoints: statuses.map(|status| (*status, number(CHECKPOINTS, status.code()))).collect(),
        queued: number(PLACES, place_code(Place::Queue(0))),
        active: number(PLACES, place_code(Place::Active)),
        parked: number(PLACES, place_code(Place::Parked(None))),
    }
}
