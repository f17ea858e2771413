//! Reads of single things and short ranges, each in the transaction that it is given.

use std::ops::Bound;

use ::redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable};

use crate::model::event::Recorded;
use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::row::CheckpointRow;
use crate::model::time::Timestamp;
use crate::store::answer::{Change, Counts, Document, Loaded};
use crate::store::chain;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::rec::{self, HeldJob};
use crate::store::redb::apply;
use crate::store::redb::counters;
use crate::store::redb::error::Failure;
use crate::store::redb::journal::{self, Held};
use crate::store::redb::tables::{
    ACTIVE, CHECKPOINTS, COUNTERS, DOCUMENTS, FEED, JOBS, META, NUDGES, QUEUE, SNAPSHOTS,
    SUBSCRIPTIONS, WAKES,
};

/// Most items that a read makes room for before it has found any.
const ROOM_MAX: usize = 1024;

/// A job as it is held.
pub(super) fn held_job(t: &ReadTransaction, job: JobId) -> Result<Option<HeldJob>, Failure> {
    let record = t.open_table(JOBS)?.get(job.as_u128())?;
    let held = record.map(|record| HeldJob::from_record(record.value())).transpose();
    let held = held.map_err(|bad| bad.at(codec::JOB, job))?;
    match held {
        Some(held) if held.row.id != job => Err(misplaced("jobs", job, held.row.id).into()),
        held => Ok(held),
    }
}

/// A record that was found where another belongs.
pub(super) fn misplaced(
    table: &'static str,
    key: impl ToString,
    found: impl std::fmt::Display,
) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), reason: format!("it is that of {found}") }
}

/// A checkpoint.
pub(super) fn checkpoint(
    t: &ReadTransaction,
    id: CheckpointId,
) -> Result<Option<CheckpointRow>, Failure> {
    let record = t.open_table(CHECKPOINTS)?.get(id.as_u128())?;
    let row = record.map(|record| rec::read_checkpoint(record.value())).transpose();
    match row.map_err(|bad| bad.at(codec::CHECKPOINT, id))? {
        Some(row) if row.id != id => Err(misplaced("checkpoints", id, row.id).into()),
        row => Ok(row),
    }
}

/// What is needed to fold a job. The chain is followed to the head that the job's own record
/// names, so a journal that lost its end is damage and not a shorter journal.
pub(super) fn load(t: &ReadTransaction, job: JobId) -> Result<Option<Loaded>, Failure> {
    let Some(held) = held_job(t, job)? else { return Ok(None) };
    let snapshot = t.open_table(SNAPSHOTS)?.get(job.as_u128())?;
    let snapshot = snapshot.map(|record| rec::read_snapshot(job, record.value())).transpose();
    let snapshot = snapshot.map_err(|bad| bad.at(codec::SNAPSHOT, job))?;
    let after = snapshot.as_ref().map_or(0, |(version, _)| *version);
    let tail = journal(t, job, after, usize::MAX)?;
    let last = tail.last().map_or(after, |event| event.seq);
    let broken =
        |reason: String| StoreError::Corrupt { table: "journal", key: job.to_string(), reason };
    if last != held.row.version {
        let reason = format!("it ends with event {last} of {}", held.row.version);
        return Err(broken(reason).into());
    }
    if tail.last().is_some_and(|event| event.hash != held.head_hash) {
        return Err(broken("its last event is not the one that was written".to_owned()).into());
    }
    Ok(Some(Loaded { snapshot, tail, last_commit: held.last_commit }))
}

/// Events of a journal after a place.
pub(super) fn journal(
    t: &ReadTransaction,
    job: JobId,
    after_seq: u64,
    max: usize,
) -> Result<Vec<Recorded>, Failure> {
    let before = (after_seq == 0).then(|| chain::genesis(job));
    follow(journal::records, t, job, after_seq, before, max)
}

/// Gives the records of a journal from the one that holds an event on.
pub(super) type Records = fn(
    &ReadTransaction,
    JobId,
    u64,
) -> Result<Box<dyn Iterator<Item = Result<Held, Failure>>>, Failure>;

/// Events of a journal after a place, none missing, in appends each of which carries the hash of
/// the one before it; the hash before the first is checked when it is known.
pub(super) fn follow(
    records: Records,
    t: &ReadTransaction,
    job: JobId,
    after_seq: u64,
    mut before: Option<ContentHash>,
    max: usize,
) -> Result<Vec<Recorded>, Failure> {
    let mut events: Vec<Recorded> = Vec::new();
    let Some(first) = after_seq.checked_add(1) else { return Ok(events) };
    for held in records(t, job, first)? {
        if events.len() >= max {
            break;
        }
        let (seq, record) = held?;
        let expected = first + events.len() as u64;
        let bad = |bad: codec::BadRecord| bad.at(codec::APPEND, format!("{job} {seq}"));
        let link = chain::read(seq, record.value()).map_err(bad)?;
        // Only the first append that is read may have begun before the place that was asked for.
        let begins = link.events.first().map_or(seq, |event| event.seq);
        if begins > expected || (begins < expected && !events.is_empty()) {
            return Err(bad(codec::BadRecord::Damaged(format!("{expected} is missing"))).into());
        }
        if begins < first {
            // The event before the place that was asked for came with the same append.
            before = before.filter(|hash| *hash != link.hash).or(Some(link.previous_hash));
        }
        chain::follow(before, &link).map_err(bad)?;
        before = Some(link.hash);
        events.extend(link.events.into_iter().filter(|event| event.seq >= first));
    }
    events.truncate(max);
    Ok(events)
}

/// What stands where.
pub(super) fn counts(t: &ReadTransaction) -> Result<Counts, Failure> {
    Ok(counters::counts(&counters::numbers(&t.open_table(COUNTERS)?)?))
}

/// The head of the queue.
pub(super) fn queue(t: &ReadTransaction, max: usize) -> Result<Vec<(i64, JobId)>, Failure> {
    let mut jobs = Vec::with_capacity(max.min(ROOM_MAX));
    for entry in t.open_table(QUEUE)?.iter()?.take(max) {
        let (key, job) = entry?.0.value();
        jobs.push((key, JobId::from_u128(job)));
    }
    Ok(jobs)
}

/// Wakes up to a time.
pub(super) fn due(
    t: &ReadTransaction,
    now: Timestamp,
    max: usize,
) -> Result<Vec<(Timestamp, JobId)>, Failure> {
    let mut jobs = Vec::with_capacity(max.min(ROOM_MAX));
    for entry in t.open_table(WAKES)?.range(..=(now.0, u128::MAX))?.take(max) {
        let (at, job) = entry?.0.value();
        jobs.push((Timestamp(at), JobId::from_u128(job)));
    }
    Ok(jobs)
}

/// The earliest wake.
pub(super) fn next_wake(t: &ReadTransaction) -> Result<Option<Timestamp>, Failure> {
    let wakes = t.open_table(WAKES)?;
    let first = wakes.first()?;
    Ok(first.map(|(key, _)| Timestamp(key.value().0)))
}

fn ids_after<'a, K: Key + 'static>(
    table: &ReadOnlyTable<K, ()>,
    bounds: (Bound<K::SelfType<'a>>, Bound<K::SelfType<'a>>),
    max: usize,
    id: impl Fn(K::SelfType<'_>) -> u128,
) -> Result<Vec<JobId>, Failure> {
    let mut jobs = Vec::with_capacity(max.min(ROOM_MAX));
    for entry in table.range::<K::SelfType<'a>>(bounds)?.take(max) {
        jobs.push(JobId::from_u128(id(entry?.0.value())));
    }
    Ok(jobs)
}

fn after_bound(after: Option<JobId>) -> Bound<u128> {
    after.map_or(Bound::Unbounded, |job| Bound::Excluded(job.as_u128()))
}

/// Jobs that an actor must hold.
pub(super) fn active(
    t: &ReadTransaction,
    after: Option<JobId>,
    max: usize,
) -> Result<Vec<JobId>, Failure> {
    ids_after(&t.open_table(ACTIVE)?, (after_bound(after), Bound::Unbounded), max, |id| id)
}

/// Jobs that were nudged.
pub(super) fn nudged(t: &ReadTransaction, max: usize) -> Result<Vec<JobId>, Failure> {
    ids_after(&t.open_table(NUDGES)?, (Bound::Unbounded, Bound::Unbounded), max, |id| id)
}

/// Jobs that listen to this type or to any: two ranges in order of id, merged.
pub(super) fn subscribers(
    t: &ReadTransaction,
    event_type: &str,
    after: Option<JobId>,
    max: usize,
) -> Result<Vec<JobId>, Failure> {
    let table = t.open_table(SUBSCRIPTIONS)?;
    let mut jobs = Vec::new();
    for name in [event_type, "*"] {
        let from =
            after.map_or(Bound::Included((name, 0)), |job| Bound::Excluded((name, job.as_u128())));
        let range = (from, Bound::Included((name, u128::MAX)));
        jobs.extend(ids_after(&table, range, max, |(_, id)| id)?);
    }
    jobs.sort_unstable();
    jobs.dedup();
    jobs.truncate(max);
    Ok(jobs)
}

/// The feed after a place.
pub(super) fn changes(t: &ReadTransaction, after: u64, max: usize) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::with_capacity(max.min(ROOM_MAX));
    let range = (Bound::Excluded(after), Bound::Unbounded);
    for entry in t.open_table(FEED)?.range::<u64>(range)?.take(max) {
        let (feed, change) = entry?;
        let (job, first_seq, last_seq) = change.value();
        changes.push(Change {
            feed: feed.value(),
            job: JobId::from_u128(job),
            first_seq,
            last_seq,
        });
    }
    Ok(changes)
}

/// The end of the feed.
pub(super) fn last_change(t: &ReadTransaction) -> Result<u64, Failure> {
    let feed = t.open_table(FEED)?;
    let last = feed.last()?;
    Ok(last.map_or(0, |(feed, _)| feed.value()))
}

/// The document of a record that was found at this place.
pub(super) fn read_document(kind: &str, id: &str, record: &[u8]) -> Result<Document, Failure> {
    let place = || format!("{kind}/{id}");
    let document =
        rec::read_document(kind, record).map_err(|bad| bad.at(codec::DOCUMENT, place()))?;
    if document.id != id {
        return Err(misplaced("documents", place(), &document.id).into());
    }
    Ok(document)
}

/// A document.
pub(super) fn document(
    t: &ReadTransaction,
    kind: &str,
    id: &str,
) -> Result<Option<Document>, Failure> {
    let record = t.open_table(DOCUMENTS)?.get((kind, id))?;
    record.map(|record| read_document(kind, id, record.value())).transpose()
}

/// Documents of a kind.
pub(super) fn documents(
    t: &ReadTransaction,
    kind: &str,
    after: Option<&str>,
    max: usize,
) -> Result<Vec<Document>, Failure> {
    let from = after.map_or(Bound::Included((kind, "")), |id| Bound::Excluded((kind, id)));
    let table = t.open_table(DOCUMENTS)?;
    let mut documents = Vec::with_capacity(max.min(ROOM_MAX));
    for entry in table.range::<(&str, &str)>((from, Bound::Unbounded))?.take(max) {
        let (key, record) = entry?;
        let (of_kind, id) = key.value();
        if of_kind != kind {
            break;
        }
        documents.push(read_document(kind, id, record.value())?);
    }
    Ok(documents)
}

/// The latest time.
pub(super) fn last_time(t: &ReadTransaction) -> Result<Timestamp, Failure> {
    apply::read_last_time(&t.open_table(META)?)
}
