//! What a list query means: which rows match, in which order, where a page begins. Pure, and the
//! same for every engine.

use crate::model::row::{CheckpointRow, JobRow};
use crate::model::status::WaitCode;
use crate::model::time::Timestamp;
use crate::store::error::BadCursor;
use crate::store::query::{CheckpointQuery, CheckpointSort, JobQuery, JobSort};

/// The place of a row in an order: rows go by `rank`, then `second`, then id, all ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SortKey {
    /// The main thing that the list is sorted by.
    pub rank: i64,
    /// The same for rows of one rank.
    pub second: i64,
    /// The id, inverted where the newest come first.
    pub id: u128,
}

/// An order of a list: its name in cursors, and the id in a key of it.
pub(crate) trait Order: Copy {
    /// One byte that keeps the cursors of different orders apart.
    fn tag(self) -> u8;
    /// Between id and its form in a key; its own inverse.
    fn turn_id(self, id: u128) -> u128;
}

/// Turns an ascending number into a descending one, without overflow; its own inverse.
pub(crate) const fn descending(value: i64) -> i64 {
    !value
}

impl Order for JobSort {
    fn tag(self) -> u8 {
        match self {
            JobSort::CreatedDescending => 1,
            JobSort::CreatedAscending => 2,
            JobSort::UpdatedDescending => 3,
            JobSort::PriorityDescending => 4,
        }
    }

    fn turn_id(self, id: u128) -> u128 {
        match self {
            JobSort::CreatedDescending | JobSort::UpdatedDescending => !id,
            JobSort::CreatedAscending | JobSort::PriorityDescending => id,
        }
    }
}

impl Order for CheckpointSort {
    fn tag(self) -> u8 {
        match self {
            CheckpointSort::Age => 5,
            CheckpointSort::Expiry => 6,
        }
    }

    fn turn_id(self, id: u128) -> u128 {
        id
    }
}

/// The place of a job. Of jobs of one priority the oldest comes first.
pub(crate) fn job_key(sort: JobSort, row: &JobRow) -> SortKey {
    sort_key(sort, row.created_at.0, row.updated_at.0, row.priority, row.id.as_u128())
}

/// The same of what a place hangs on: times of creation and of the last change, priority, id.
pub(crate) fn sort_key(
    sort: JobSort,
    created: i64,
    updated: i64,
    priority: u8,
    id: u128,
) -> SortKey {
    let (rank, second) = match sort {
        JobSort::CreatedDescending => (descending(created), 0),
        JobSort::CreatedAscending => (created, 0),
        JobSort::UpdatedDescending => (descending(updated), 0),
        JobSort::PriorityDescending => (descending(i64::from(priority)), created),
    };
    SortKey { rank, second, id: sort.turn_id(id) }
}

/// When a checkpoint expires, for sorting: those that never do come last.
pub(crate) fn expiry_rank(expires_at: Option<Timestamp>) -> i64 {
    expires_at.map_or(i64::MAX, |at| at.0)
}

/// The place of a checkpoint.
pub(crate) fn checkpoint_key(sort: CheckpointSort, row: &CheckpointRow) -> SortKey {
    let rank = match sort {
        CheckpointSort::Age => row.opened_at.0,
        CheckpointSort::Expiry => expiry_rank(row.expires_at),
    };
    SortKey { rank, second: 0, id: sort.turn_id(row.id.as_u128()) }
}

/// Does a job stand still until a person decides?
pub(crate) fn waits_for_person(row: &JobRow) -> bool {
    let code = row.waiting_for.as_ref().map(|waiting| waiting.code);
    matches!(code, Some(WaitCode::Checkpoint | WaitCode::InDoubt))
}

fn wanted<T: PartialEq>(filter: &Option<T>, value: &T) -> bool {
    filter.as_ref().is_none_or(|wanted| wanted == value)
}

/// A job query made ready for many rows.
pub(crate) struct JobFilter<'a> {
    query: &'a JobQuery,
    text: Option<String>,
}

impl<'a> JobFilter<'a> {
    /// Prepares the query.
    pub(crate) fn new(query: &'a JobQuery) -> Self {
        Self { query, text: query.text.as_ref().map(|text| text.to_lowercase()) }
    }

    /// Does the row belong to the list?
    pub(crate) fn matches(&self, row: &JobRow) -> bool {
        let query = self.query;
        (query.statuses.is_empty() || query.statuses.contains(&row.status))
            && wanted(&query.phase, &row.phase)
            && wanted(&query.job_type, &row.job_type)
            && wanted(&query.owner, &row.owner)
            && (query.agent.is_none() || query.agent == row.agent)
            && query.created_from.is_none_or(|from| row.created_at >= from)
            && query.created_to.is_none_or(|to| row.created_at < to)
            && (!query.waiting_for_person || waits_for_person(row))
            && query.labels.iter().all(|(key, value)| row.labels.get(key) == Some(value))
            && self.text.as_ref().is_none_or(|text| {
                row.name.to_lowercase().contains(text)
                    || row.description.to_lowercase().contains(text)
            })
    }
}

/// Does the checkpoint belong to the list?
pub(crate) fn checkpoint_matches(query: &CheckpointQuery, row: &CheckpointRow) -> bool {
    (query.statuses.is_empty() || query.statuses.contains(&row.status))
        && wanted(&query.job, &row.job)
        && wanted(&query.owner, &row.owner)
        && query.assignee.as_ref().is_none_or(|wanted| row.assignees.contains(wanted))
        && query.like.as_ref().is_none_or(|known| known.is_like(row))
        && query.may_decide.as_ref().is_none_or(|voter| row.may_decide(voter, query.now))
        && query.claimed_by.as_ref().is_none_or(|wanted| {
            row.claim.as_ref().is_some_and(|(by, until)| by == wanted && query.now < *until)
        })
}

/// Where a page begins and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Only rows after this place.
    pub after: Option<SortKey>,
    /// Rows to skip after it.
    pub skip: usize,
    /// Rows on the page.
    pub limit: usize,
}

impl Window {
    /// The window that limit, offset and cursor of a query ask for.
    pub(crate) fn new<O: Order>(
        order: O,
        limit: u32,
        offset: u64,
        cursor: Option<&str>,
    ) -> Result<Self, BadCursor> {
        let after = cursor.map(|text| read_cursor(order, text)).transpose()?;
        let skip = if after.is_some() { 0 } else { usize::try_from(offset).unwrap_or(usize::MAX) };
        Ok(Self { after, skip, limit: limit as usize })
    }

    /// The keys of the page out of all matching keys, and the cursor of the next page.
    pub(crate) fn cut<O: Order>(self, order: O, mut keys: Vec<SortKey>) -> (Vec<SortKey>, Next) {
        keys.sort_unstable();
        let start = self.after.map_or(0, |after| keys.partition_point(|key| *key <= after));
        let start = start.saturating_add(self.skip).min(keys.len());
        let end = start.saturating_add(self.limit).min(keys.len());
        let page = keys[start..end].to_vec();
        let next = page.last().filter(|_| end < keys.len()).map(|key| write_cursor(order, *key));
        (page, next)
    }
}

/// The cursor of the next page, if there is one.
pub(crate) type Next = Option<String>;

/// The cursor that begins after this place.
pub(crate) fn write_cursor<O: Order>(order: O, key: SortKey) -> String {
    format!("{:02x}{:016x}{:016x}{:032x}", order.tag(), key.rank, key.second, key.id)
}

/// The place that a cursor begins after.
fn read_cursor<O: Order>(order: O, text: &str) -> Result<SortKey, BadCursor> {
    let part = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|digits| u128::from_str_radix(digits, 16).ok())
    };
    let read = || {
        let plain = text.len() == 66 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || part(0..2)? != u128::from(order.tag()) {
            return None;
        }
        let (rank, second, id) = (part(2..18)?, part(18..34)?, part(34..66)?);
        Some(SortKey { rank: rank as u64 as i64, second: second as u64 as i64, id })
    };
    read().ok_or_else(|| BadCursor(text.to_owned()))
}
