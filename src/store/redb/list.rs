//! Pages of jobs. The cards say which rows a query is about, in which order and how many; the rows
//! of the page are read, and have the last word.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use memchr::memmem::Finder;

use crate::model::id::JobId;
use crate::model::row::JobRow;
use crate::model::status::Status;
use crate::store::codec;
use crate::store::page::{self, JobFilter, Next, Order, SortKey, Window};
use crate::store::query::{JobQuery, JobSort, Page};
use crate::store::rec::HeldJob;
use crate::store::redb::card::{self, Card, Found, Wanted};
use crate::store::redb::drawer::{self, Entries, Place, Stretch};
use crate::store::redb::error::Failure;
use crate::store::redb::read;
use crate::store::redb::tables::{CARDS, JOBS, TEXTS};

/// Keys that are kept beyond those of the page before the worse half of them is let go.
const KEYS_SPARE: usize = 4_096;

/// A page of jobs.
pub(super) fn jobs(
    t: &ReadTransaction,
    query: &JobQuery,
    window: Window,
) -> Result<Page<JobRow>, Failure> {
    let (keys, total, next_cursor) = by_cards(t, query, window)?;
    let (rows, filter) = (rows(t, query.sort, &keys)?, JobFilter::new(query));
    if rows.iter().all(|row| filter.matches(row)) {
        return Ok(Page { rows, total, next_cursor });
    }
    // Two texts share a mark: it happens to one store in billions, and this is its answer.
    let (keys, total, next_cursor) = by_rows(t, query, &filter, window)?;
    Ok(Page { rows: self::rows(t, query.sort, &keys)?, total, next_cursor })
}

fn rows(t: &ReadTransaction, sort: JobSort, keys: &[SortKey]) -> Result<Vec<JobRow>, Failure> {
    let row = |key: &SortKey| {
        let id = JobId::from_u128(sort.turn_id(key.id));
        let held = read::held_job(t, id)?;
        let held =
            held.ok_or_else(|| read::misplaced("jobs", id, "no job, but an index names it"))?;
        Ok(Arc::unwrap_or_clone(held.row))
    };
    keys.iter().map(row).collect()
}

/// The part of the cards that a query is about: within its times of creation.
fn stretch(query: &JobQuery) -> Stretch {
    Stretch {
        from: query.created_from.map_or(Bound::Unbounded, |at| Bound::Included((at.0, 0))),
        to: query.created_to.map_or(Bound::Unbounded, |at| Bound::Excluded((at.0, 0))),
        backwards: false,
    }
}

/// How many jobs a query is about, where a number is kept of them.
fn known_total(t: &ReadTransaction, query: &JobQuery) -> Result<Option<u64>, Failure> {
    let JobQuery { statuses, sort, limit, offset, cursor, .. } = query;
    let (statuses, cursor) = (statuses.clone(), cursor.clone());
    let bare = JobQuery {
        statuses,
        sort: *sort,
        limit: *limit,
        offset: *offset,
        cursor,
        ..JobQuery::default()
    };
    if *query != bare {
        return Ok(None);
    }
    if query.statuses.is_empty() {
        return Ok(Some(t.open_table(JOBS)?.len()?));
    }
    let counts = read::counts(t)?;
    let wanted = |(status, _): &&(Status, u64)| query.statuses.contains(status);
    Ok(Some(counts.jobs.iter().filter(wanted).map(|(_, jobs)| jobs).sum()))
}

/// What a walk through the cards keeps of what it meets.
struct Selection {
    total: u64,
    keys: Vec<SortKey>,
    after: Option<SortKey>,
    /// Keys after the cursor that say what the page is, and whether another follows.
    needed: usize,
}

impl Selection {
    fn new(window: Window) -> Self {
        let needed = window.skip.saturating_add(window.limit).saturating_add(1);
        Self { total: 0, keys: Vec::new(), after: window.after, needed }
    }

    fn add(&mut self, key: SortKey) {
        self.total += 1;
        if self.after.is_none_or(|after| key > after) {
            self.keys.push(key);
        }
        if self.keys.len() / 2 > self.needed.saturating_add(KEYS_SPARE) {
            self.keys.select_nth_unstable(self.needed);
            self.keys.truncate(self.needed);
        }
    }
}

/// The keys of a page, the number of all that match, and the next cursor.
type Selected = (Vec<SortKey>, u64, Next);

fn by_cards(t: &ReadTransaction, query: &JobQuery, window: Window) -> Result<Selected, Failure> {
    let by_creation = matches!(query.sort, JobSort::CreatedAscending | JobSort::CreatedDescending);
    let (mut stretch, mut selection) = (stretch(query), Selection::new(window));
    let known = known_total(t, query)?.filter(|_| by_creation);
    if known.is_some() {
        // Nothing has to be counted: the walk begins where the page does, and ends there.
        stretch.backwards = query.sort == JobSort::CreatedDescending;
        match window.after {
            Some(key) if stretch.backwards => {
                let place = (page::descending(key.rank), query.sort.turn_id(key.id));
                stretch.to = Bound::Excluded(place);
            }
            Some(key) => stretch.from = Bound::Excluded((key.rank, key.id)),
            None => {}
        }
    }
    let texts = query.text.as_deref().filter(|text| !text.is_empty());
    let texts = texts.map(|text| Texts::with(t, stretch, text)).transpose()?;
    let (wanted, filter) = (Wanted::of(query), JobFilter::new(query));
    let cards = t.open_table(CARDS)?;
    drawer::each_entry(&cards, codec::CARDS, stretch, &mut |entry| {
        let card =
            Card::read(entry.content).map_err(|bad| drawer::at(codec::CARDS, entry.place, bad))?;
        let matches = wanted.matches(&card)
            && match texts.as_ref().map(|texts| texts.found(entry.place)) {
                Some(Found::No) => false,
                Some(Found::AskRow) => {
                    let held = read::held_job(t, JobId::from_u128(entry.place.1))?;
                    held.is_some_and(|held| filter.matches(&held.row))
                }
                Some(Found::Yes) | None => true,
            };
        if matches {
            selection.add(card.sort_key(query.sort, entry.place));
        }
        let is_enough = known.is_some_and(|total| {
            selection.keys.len() >= selection.needed || selection.total >= total
        });
        Ok(if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let total = known.unwrap_or(selection.total);
    let (keys, next) = window.cut(query.sort, selection.keys);
    Ok((keys, total, next))
}

/// Where a text was found.
struct Texts {
    /// In order.
    found: Vec<Place>,
    /// Too long to be kept, in order: their rows must say.
    unknown: Vec<Place>,
}

impl Texts {
    /// The jobs of a stretch in which this text was found, whatever its case.
    fn with(t: &ReadTransaction, stretch: Stretch, text: &str) -> Result<Self, Failure> {
        let (text, stretch) = (text.to_lowercase(), Stretch { backwards: false, ..stretch });
        let finder = Finder::new(&text);
        let mut texts = Self { found: Vec::new(), unknown: Vec::new() };
        let table = t.open_table(TEXTS)?;
        drawer::each_drawer(&table, codec::TEXTS, stretch, &mut |first, body| {
            for entry in Entries::of(body) {
                let entry = entry.map_err(|bad| drawer::at(codec::TEXTS, first, bad))?;
                match card::search(&finder, entry.content) {
                    Found::Yes => texts.found.push(entry.place),
                    Found::AskRow => texts.unknown.push(entry.place),
                    Found::No => {}
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(texts)
    }

    fn found(&self, place: Place) -> Found {
        if self.found.binary_search(&place).is_ok() {
            Found::Yes
        } else if self.unknown.binary_search(&place).is_ok() {
            Found::AskRow
        } else {
            Found::No
        }
    }
}

/// The same from every row.
fn by_rows(
    t: &ReadTransaction,
    query: &JobQuery,
    filter: &JobFilter<'_>,
    window: Window,
) -> Result<Selected, Failure> {
    let mut selection = Selection::new(window);
    for entry in t.open_table(JOBS)?.iter()? {
        let (id, record) = entry?;
        let job = HeldJob::from_record(record.value())
            .map_err(|bad| bad.at(codec::JOB, JobId::from_u128(id.value())))?;
        if filter.matches(&job.row) {
            selection.add(page::job_key(query.sort, &job.row));
        }
    }
    let total = selection.total;
    let (keys, next) = window.cut(query.sort, selection.keys);
    Ok((keys, total, next))
}
