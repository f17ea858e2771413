//! Journals: the records of all appends stand in the order of the feed, so that what a transaction
//! writes stands together, and a small index has for each job the places of its own.

use std::ops::RangeInclusive;

use ::redb::{AccessGuard, ReadTransaction, ReadableTable};

use crate::model::id::JobId;
use crate::store::codec::{self, BadRecord};
use crate::store::error::StoreError;
use crate::store::redb::error::Failure;
use crate::store::redb::tables::{JOURNAL, JOURNAL_BY_JOB, Tables};

/// Where a record stands: the place of its append in the feed, and which part of the append it is,
/// from 0. Only an append of more than a MiB has several.
pub(super) type Place = (u64, u32);

/// A record and the seq of its last event.
pub(super) type Held = (u64, AccessGuard<'static, &'static [u8]>);

/// The places of a journal from an event on.
pub(super) fn after(job: u128, first_seq: u64) -> RangeInclusive<(u128, u64)> {
    (job, first_seq)..=(job, u64::MAX)
}

/// The complaint about a record that an index names and that is not there.
pub(super) fn missing(job: u128, last_seq: u64) -> StoreError {
    let key = format!("{} {last_seq}", JobId::from_u128(job));
    BadRecord::damaged("its record is missing").at(codec::APPEND, key)
}

/// The records of a journal from the one that holds this event on.
pub(super) fn records(
    t: &ReadTransaction,
    job: JobId,
    first_seq: u64,
) -> Result<Box<dyn Iterator<Item = Result<Held, Failure>>>, Failure> {
    let records = t.open_table(JOURNAL)?;
    let places = t.open_table(JOURNAL_BY_JOB)?.range(after(job.as_u128(), first_seq))?;
    Ok(Box::new(places.map(move |entry| {
        let (key, place) = entry?;
        let (job, last_seq) = key.value();
        let record = records.get(place.value())?.ok_or_else(|| missing(job, last_seq))?;
        Ok((last_seq, record))
    })))
}

/// Writes the records of one append.
pub(super) fn write<'r>(
    tables: &mut Tables<'_>,
    feed: u64,
    job: u128,
    records: impl Iterator<Item = (u64, &'r [u8])>,
) -> Result<(), Failure> {
    for (part, (last_seq, record)) in (0..).zip(records) {
        tables.journal.insert((feed, part), record)?;
        tables.journal_by_job.insert((job, last_seq), (feed, part))?;
    }
    Ok(())
}

/// Removes a journal.
pub(super) fn remove(tables: &mut Tables<'_>, job: u128) -> Result<(), Failure> {
    let mut places: Vec<Place> = Vec::new();
    for entry in tables.journal_by_job.range(after(job, 0))? {
        places.push(entry?.1.value());
    }
    tables.journal_by_job.retain_in(after(job, 0), |_, _| false)?;
    for place in places {
        tables.journal.remove(place)?;
    }
    Ok(())
}

/// Gives the records that came without their places in the feed the one that they have.
pub(super) fn settle(
    tables: &mut Tables<'_>,
    feed: u64,
    job: u128,
    first_seq: u64,
    last_seq: u64,
) -> Result<(), Failure> {
    let Tables { unplaced, journal, journal_by_job, .. } = tables;
    let mut seqs = Vec::new();
    if first_seq <= last_seq {
        for entry in unplaced.range((job, first_seq)..=(job, last_seq))? {
            seqs.push(entry?.0.value().1);
        }
    }
    for (part, last_seq) in (0..).zip(seqs) {
        if let Some(record) = unplaced.remove((job, last_seq))? {
            journal.insert((feed, part), record.value())?;
            journal_by_job.insert((job, last_seq), (feed, part))?;
        }
    }
    Ok(())
}
