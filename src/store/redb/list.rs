//! Pages of rows. A query that one index answers in its own order is walked from where the page
//! begins; any other is gathered from the narrowest index and decided on the rows themselves.

use std::ops::Bound;
use std::sync::Arc;

use ::redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, StorageError,
};

use crate::model::id::{CheckpointId, JobId};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::status::Status;
use crate::store::code::Coded;
use crate::store::codec;
use crate::store::page::{self, JobFilter, Order, SortKey, Window};
use crate::store::query::{CheckpointQuery, CheckpointSort, JobQuery, JobSort, Page};
use crate::store::rec::{self, HeldJob};
use crate::store::redb::error::Failure;
use crate::store::redb::read;
use crate::store::redb::tables::{
    BY_CREATED, BY_OWNER, BY_PRIORITY, BY_STATUS, BY_TYPE, BY_UPDATED, CHECKPOINTS,
    CHECKPOINTS_BY_AGE, CHECKPOINTS_BY_EXPIRY, CHECKPOINTS_BY_JOB, JOBS,
};

/// Up to so many jobs, going by status is taken to be narrower than going by owner or workflow.
const FEW: u64 = 1_000;

/// Keys of a list, in its order.
type Keys = Box<dyn Iterator<Item = Result<SortKey, StorageError>>>;

/// A stretch of an index whose keys end with a time and an id.
#[derive(Clone, Copy)]
struct Stretch {
    from: Bound<(i64, u128)>,
    to: Bound<(i64, u128)>,
    backwards: bool,
}

impl Stretch {
    /// The part of an index that a query covers: after the cursor, within the times of creation.
    fn of(query: &JobQuery, after: Option<SortKey>) -> Self {
        let backwards = query.sort != JobSort::CreatedAscending;
        let mut from = query.created_from.map_or(Bound::Unbounded, |at| Bound::Included((at.0, 0)));
        let mut to = query.created_to.map_or(Bound::Unbounded, |at| Bound::Excluded((at.0, 0)));
        match after {
            Some(key) if backwards => {
                let start = (page::descending(key.rank), query.sort.turn_id(key.id));
                if !matches!(to, Bound::Excluded(end) if end < start) {
                    to = Bound::Excluded(start);
                }
            }
            Some(key) => {
                let start = (key.rank, key.id);
                if !matches!(from, Bound::Included(begin) if begin > start) {
                    from = Bound::Excluded(start);
                }
            }
            None => {}
        }
        Self { from, to, backwards }
    }

    /// Is there nothing in it? redb takes no range that ends before it begins.
    fn is_empty(self) -> bool {
        match (self.from, self.to) {
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
            _ => false,
        }
    }

    /// The same stretch of an index whose keys begin with something.
    fn under<K>(self, key: impl Fn(i64, u128) -> K) -> (Bound<K>, Bound<K>) {
        let from = match self.from {
            Bound::Unbounded => Bound::Included((i64::MIN, 0)),
            from => from,
        };
        let to = match self.to {
            Bound::Unbounded => Bound::Included((i64::MAX, u128::MAX)),
            to => to,
        };
        (from.map(|(at, id)| key(at, id)), to.map(|(at, id)| key(at, id)))
    }
}

/// The keys of a range of an index, as sort keys, in either direction.
fn walk<'a, K: Key + 'static>(
    table: &ReadOnlyTable<K, ()>,
    bounds: (Bound<K::SelfType<'a>>, Bound<K::SelfType<'a>>),
    backwards: bool,
    sort_key: impl Fn(K::SelfType<'_>) -> SortKey + 'static,
) -> Result<Keys, Failure> {
    let range = table.range::<K::SelfType<'a>>(bounds)?;
    Ok(if backwards {
        Box::new(range.rev().map(move |entry| Ok(sort_key(entry?.0.value()))))
    } else {
        Box::new(range.map(move |entry| Ok(sort_key(entry?.0.value()))))
    })
}

/// Which index a query is about, if one alone answers it.
enum Index<'a> {
    All,
    Status(Status),
    Type(&'a str),
    Owner(&'a str),
}

/// The index that alone answers a query: no filter or one, no condition that only a row can answer.
fn only_index(query: &JobQuery) -> Option<Index<'_>> {
    let on_rows = query.phase.is_some()
        || query.agent.is_some()
        || query.text.is_some()
        || query.waiting_for_person
        || !query.labels.is_empty();
    if on_rows {
        return None;
    }
    match (query.statuses.as_slice(), &query.job_type, &query.owner) {
        ([], None, None) => Some(Index::All),
        ([status], None, None) => Some(Index::Status(*status)),
        ([], Some(job_type), None) => Some(Index::Type(job_type)),
        ([], None, Some(owner)) => Some(Index::Owner(owner)),
        _ => None,
    }
}

/// Keys of jobs by creation out of one index.
fn by_created(
    t: &ReadTransaction,
    index: &Index<'_>,
    sort: JobSort,
    stretch: Stretch,
) -> Result<Keys, Failure> {
    if stretch.is_empty() {
        return Ok(Box::new(std::iter::empty()));
    }
    let backwards = stretch.backwards;
    let key = move |at: i64, id: u128| {
        let rank = if backwards { page::descending(at) } else { at };
        SortKey { rank, second: 0, id: sort.turn_id(id) }
    };
    match *index {
        Index::All => {
            let bounds = (stretch.from, stretch.to);
            walk(&t.open_table(BY_CREATED)?, bounds, backwards, move |(at, id)| key(at, id))
        }
        Index::Status(status) => {
            let bounds = stretch.under(|at, id| (status.code(), at, id));
            walk(&t.open_table(BY_STATUS)?, bounds, backwards, move |(_, at, id)| key(at, id))
        }
        Index::Type(name) => {
            let bounds = stretch.under(|at, id| (name, at, id));
            walk(&t.open_table(BY_TYPE)?, bounds, backwards, move |(_, at, id)| key(at, id))
        }
        Index::Owner(name) => {
            let bounds = stretch.under(|at, id| (name, at, id));
            walk(&t.open_table(BY_OWNER)?, bounds, backwards, move |(_, at, id)| key(at, id))
        }
    }
}

/// All keys of jobs in an order that has an index of its own.
fn by_other(t: &ReadTransaction, sort: JobSort, after: Option<SortKey>) -> Result<Keys, Failure> {
    if sort == JobSort::PriorityDescending {
        let from =
            after.map_or(Bound::Unbounded, |key| Bound::Excluded((key.rank, key.second, key.id)));
        return walk(&t.open_table(BY_PRIORITY)?, (from, Bound::Unbounded), false, |key| SortKey {
            rank: key.0,
            second: key.1,
            id: key.2,
        });
    }
    let to = after.map_or(Bound::Unbounded, |key| {
        Bound::Excluded((page::descending(key.rank), sort.turn_id(key.id)))
    });
    walk(&t.open_table(BY_UPDATED)?, (Bound::Unbounded, to), true, move |(at, id)| SortKey {
        rank: page::descending(at),
        second: 0,
        id: sort.turn_id(id),
    })
}

/// A page of jobs.
pub(super) fn jobs(
    t: &ReadTransaction,
    query: &JobQuery,
    window: Window,
) -> Result<Page<JobRow>, Failure> {
    let by_creation = matches!(query.sort, JobSort::CreatedAscending | JobSort::CreatedDescending);
    let any_time = query.created_from.is_none() && query.created_to.is_none();
    let (keys, total, next_cursor) = match only_index(query) {
        Some(index) if by_creation => {
            let all = Stretch::of(query, None);
            let total = match index {
                Index::All if any_time => t.open_table(JOBS)?.len()?,
                Index::Status(status) if any_time => jobs_of(t, &[status])?,
                _ => by_created(t, &index, query.sort, all)?.count() as u64,
            };
            let keys = by_created(t, &index, query.sort, Stretch::of(query, window.after))?;
            paged(query.sort, window, keys, total)?
        }
        Some(Index::All) if any_time => {
            let total = t.open_table(JOBS)?.len()?;
            paged(query.sort, window, by_other(t, query.sort, window.after)?, total)?
        }
        _ => {
            let keys = gather_jobs(t, query)?;
            let total = keys.len() as u64;
            let (keys, next) = window.cut(query.sort, keys);
            (keys, total, next)
        }
    };
    let rows = keys.iter().map(|key| {
        let id = JobId::from_u128(query.sort.turn_id(key.id));
        let held = read::held_job(t, id)?;
        let held =
            held.ok_or_else(|| read::misplaced("jobs", id, "no job, but an index names it"))?;
        Ok(Arc::unwrap_or_clone(held.row))
    });
    Ok(Page { rows: rows.collect::<Result<_, Failure>>()?, total, next_cursor })
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

/// How many jobs have one of these statuses.
fn jobs_of(t: &ReadTransaction, statuses: &[Status]) -> Result<u64, Failure> {
    let counts = read::counts(t)?;
    let wanted = counts.jobs.iter().filter(|(status, _)| statuses.contains(status));
    Ok(wanted.map(|(_, jobs)| jobs).sum())
}

/// The keys of all jobs that match, in no order.
fn gather_jobs(t: &ReadTransaction, query: &JobQuery) -> Result<Vec<SortKey>, Failure> {
    let filter = JobFilter::new(query);
    let by_status = !query.statuses.is_empty() && jobs_of(t, &query.statuses)? <= FEW;
    let sources: Vec<Index<'_>> = match (&query.owner, &query.job_type) {
        (Some(owner), _) if !by_status => vec![Index::Owner(owner)],
        (None, Some(job_type)) if !by_status => vec![Index::Type(job_type)],
        _ if !query.statuses.is_empty() => {
            let mut statuses = query.statuses.clone();
            statuses.sort_unstable();
            statuses.dedup();
            statuses.into_iter().map(Index::Status).collect()
        }
        _ => return scan_jobs(t, query, &filter),
    };
    let stretch = Stretch { backwards: false, ..Stretch::of(query, None) };
    let mut keys = Vec::new();
    for source in &sources {
        for key in by_created(t, source, JobSort::CreatedAscending, stretch)? {
            let job = read::held_job(t, JobId::from_u128(key?.id))?;
            keys.extend(
                job.filter(|job| filter.matches(&job.row))
                    .map(|job| page::job_key(query.sort, &job.row)),
            );
        }
    }
    Ok(keys)
}

fn scan_jobs(
    t: &ReadTransaction,
    query: &JobQuery,
    filter: &JobFilter<'_>,
) -> Result<Vec<SortKey>, Failure> {
    let mut keys = Vec::new();
    for entry in t.open_table(JOBS)?.iter()? {
        let (id, record) = entry?;
        let job = HeldJob::from_record(record.value())
            .map_err(|bad| bad.at(codec::JOB, JobId::from_u128(id.value())))?;
        if filter.matches(&job.row) {
            keys.push(page::job_key(query.sort, &job.row));
        }
    }
    Ok(keys)
}

/// A page of checkpoints.
pub(super) fn checkpoints(
    t: &ReadTransaction,
    query: &CheckpointQuery,
    window: Window,
) -> Result<Page<CheckpointRow>, Failure> {
    let only_status = query.job.is_none() && query.owner.is_none() && query.assignee.is_none();
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
    walk(&table, bounds, false, |(_, rank, id)| SortKey { rank, second: 0, id })
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
