//! The pieces of a store out of one snapshot, in their order.

use ::redb::{ReadTransaction, ReadableTable};

use crate::model::id::{CheckpointId, JobId};
use crate::store::item::{Item, Record};
use crate::store::redb::error::Failure;
use crate::store::redb::journal;
use crate::store::redb::read;
use crate::store::redb::tables::{
    AUDIT, CHECKPOINTS, DOCUMENTS, FEED, JOBS, KEYS, NUDGES, SNAPSHOTS,
};

/// Bytes of records in one piece of a journal.
const JOURNAL_BYTES: usize = 1 << 20;

/// Gives every piece to `take`, which says why it wants no more.
pub(super) fn items(
    t: &ReadTransaction,
    take: &mut dyn FnMut(Item) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let record = |bytes: &[u8]| Record(bytes.to_vec());
    for entry in t.open_table(DOCUMENTS)?.iter()? {
        let (name, document) = entry?;
        let (kind, id) = name.value();
        let (kind, id) = (kind.to_owned(), id.to_owned());
        take(Item::Document { kind, id, record: record(document.value()) })?;
    }
    for entry in t.open_table(JOBS)?.iter()? {
        let (id, held) = entry?;
        let job = JobId::from_u128(id.value());
        take(Item::Job { job, record: record(held.value()) })?;
        journal_of(t, job, take)?;
    }
    for entry in t.open_table(SNAPSHOTS)?.iter()? {
        let (id, snapshot) = entry?;
        let job = JobId::from_u128(id.value());
        take(Item::Snapshot { job, record: record(snapshot.value()) })?;
    }
    for entry in t.open_table(CHECKPOINTS)?.iter()? {
        let (id, row) = entry?;
        let checkpoint = CheckpointId::from_u128(id.value());
        take(Item::Checkpoint { checkpoint, record: record(row.value()) })?;
    }
    for entry in t.open_table(KEYS)?.iter()? {
        let (name, used) = entry?;
        let (owner, key) = name.value();
        let (owner, key) = (owner.to_owned(), key.to_owned());
        take(Item::Key { owner, key, record: record(used.value()) })?;
    }
    for entry in t.open_table(NUDGES)?.iter()? {
        take(Item::Nudge { job: JobId::from_u128(entry?.0.value()) })?;
    }
    for entry in t.open_table(FEED)?.iter()? {
        let (feed, change) = entry?;
        let (job, first_seq, last_seq) = change.value();
        let job = JobId::from_u128(job);
        take(Item::Change { feed: feed.value(), job, first_seq, last_seq })?;
    }
    for entry in t.open_table(AUDIT)?.iter()? {
        let (seq, entry) = entry?;
        take(Item::Audit { seq: seq.value(), record: record(entry.value()) })?;
    }
    take(Item::Time { last: read::last_time(t)? })
}

fn journal_of(
    t: &ReadTransaction,
    job: JobId,
    take: &mut dyn FnMut(Item) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    for held in journal::records(t, job, 0)? {
        let (last_seq, record) = held?;
        bytes += record.value().len();
        records.push((last_seq, Record(record.value().to_vec())));
        if bytes >= JOURNAL_BYTES {
            take(Item::Journal { job, records: std::mem::take(&mut records) })?;
            bytes = 0;
        }
    }
    if records.is_empty() {
        return Ok(());
    }
    take(Item::Journal { job, records })
}
