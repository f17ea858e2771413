//! Pages of checkpoints. A query of one status is walked in its index from where the page begins;
//! any other is gathered from the narrowest index and decided on the rows themselves.

use std::ops::Bound;

use ::redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable, StorageError};

use crate::model::id::CheckpointId;
use crate::model::row::CheckpointRow;
use crate::store::code::Coded;
use crate::store::codec;
use crate::store::page::{self, Order, SortKey, Window};
use crate::store::query::{CheckpointQuery, CheckpointSort, Page};
use crate::store::rec;
use crate::store::redb::error::Failure;
use crate::store::redb::read;
use crate::store::redb::tables::{
    CHECKPOINTS, CHECKPOINTS_BY_AGE, CHECKPOINTS_BY_EXPIRY, CHECKPOINTS_BY_JOB,
};

/// Keys of a list, in its order.
type Keys = Box<dyn Iterator<Item = Result<SortKey, StorageError>>>;

/// The keys of a range of an index, as sort keys.
fn walk<'a, K: Key + 'static>(
    table: &ReadOnlyTable<K, ()>,
    bounds: (Bound<K::SelfType<'a>>, Bound<K::SelfType<'a>>),
    sort_key: impl Fn(K::SelfType<'_>) -> SortKey + 'static,
) -> Result<Keys, Failure> {
    let range = table.range::<K::SelfType<'a>>(bounds)?;
    Ok(Box::new(range.map(move |entry| Ok(sort_key(entry?.0.value())))))
}

/// The page out of keys that begin after the cursor.
fn paged<O: Order>(
    order: O,
    window: Window,
    keys: Keys,
    total: u64,
) -> Result<(Vec<SortKey>, u64, page::Next), Failure> {
    let wanted = keys.skip(window.skip).take(window.limit.saturating_add(1));
    let mut keys = wanted.collect::<Result<Vec<_>, _>>()?;
    let more = keys.len() > window.limit;
    keys.truncate(window.limit);
    let next = keys.last().filter(|_| more).map(|key| page::write_cursor(order, *key));
    Ok((keys, total, next))
}

/// A page of checkpoints.
pub(super) fn checkpoints(
    t: &ReadTransaction,
    query: &CheckpointQuery,
    window: Window,
) -> Result<Page<CheckpointRow>, Failure> {
    let only_status = query.job.is_none()
        && query.owner.is_none()
        && query.assignee.is_none()
        && query.claimed_by.is_none()
        && query.may_decide.is_none()
        && query.like.is_none();
    let (keys, total, next_cursor) = match query.statuses.as_slice() {
        [status] if only_status => {
            let counts = read::counts(t)?.checkpoints;
            let total = counts.iter().find(|(of, _)| of == status).map_or(0, |(_, count)| *count);
            let keys = checkpoints_of(t, status.code(), query.sort, window.after)?;
            paged(query.sort, window, keys, total)?
        }
        _ => {
            let keys = gather_checkpoints(t, query)?;
            let total = keys.len() as u64;
            let (keys, next) = window.cut(query.sort, keys);
            (keys, total, next)
        }
    };
    let rows = keys.iter().map(|key| {
        let id = CheckpointId::from_u128(query.sort.turn_id(key.id));
        let row = read::checkpoint(t, id)?;
        Ok(row.ok_or_else(|| read::misplaced("checkpoints", id, "none, but an index names it"))?)
    });
    Ok(Page { rows: rows.collect::<Result<_, Failure>>()?, total, next_cursor })
}

/// Keys of the checkpoints of one status, in an order.
fn checkpoints_of(
    t: &ReadTransaction,
    status: u8,
    sort: CheckpointSort,
    after: Option<SortKey>,
) -> Result<Keys, Failure> {
    let table = match sort {
        CheckpointSort::Age => t.open_table(CHECKPOINTS_BY_AGE)?,
        CheckpointSort::Expiry => t.open_table(CHECKPOINTS_BY_EXPIRY)?,
    };
    let from = after.map_or(Bound::Included((status, i64::MIN, 0)), |key| {
        Bound::Excluded((status, key.rank, key.id))
    });
    let bounds = (from, Bound::Included((status, i64::MAX, u128::MAX)));
    walk(&table, bounds, |(_, rank, id)| SortKey { rank, second: 0, id })
}

/// The keys of all checkpoints that match, in no order.
fn gather_checkpoints(
    t: &ReadTransaction,
    query: &CheckpointQuery,
) -> Result<Vec<SortKey>, Failure> {
    let key = |row: CheckpointRow| {
        page::checkpoint_matches(query, &row).then(|| page::checkpoint_key(query.sort, &row))
    };
    let mut ids = Vec::new();
    if let Some(job) = query.job {
        let job = job.as_u128();
        for entry in t.open_table(CHECKPOINTS_BY_JOB)?.range((job, 0)..=(job, u128::MAX))? {
            ids.push(entry?.0.value().1);
        }
    } else if !query.statuses.is_empty() {
        let mut statuses = query.statuses.clone();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            for key in checkpoints_of(t, status.code(), CheckpointSort::Age, None)? {
                ids.push(key?.id);
            }
        }
    } else {
        let mut keys = Vec::new();
        for entry in t.open_table(CHECKPOINTS)?.iter()? {
            let (id, record) = entry?;
            let row = rec::read_checkpoint(record.value())
                .map_err(|bad| bad.at(codec::CHECKPOINT, CheckpointId::from_u128(id.value())))?;
            keys.extend(key(row));
        }
        return Ok(keys);
    }
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        keys.extend(read::checkpoint(t, CheckpointId::from_u128(id))?.and_then(key));
    }
    Ok(keys)
}
