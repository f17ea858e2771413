//! A store looked at through its port, as one that is in use can be: jobs that nothing will carry
//! on, rows that contradict their journals, jobs that were parked, and how long the disk will last.
//! It changes nothing.

use crate::machine::{evolve, job_row};
use crate::model::id::JobId;
use crate::model::job::Job;
use crate::model::limits::PAGE_MAX;
use crate::model::problem::{Kind, Problem};
use crate::model::row::{JobRow, Place};
use crate::model::status::WaitCode;
use crate::model::time::{Span, Timestamp};
use crate::store::{JobQuery, JobSort, ReadError, Store, StoreError};

/// Jobs that are named one by one.
const NAMED_MAX: usize = 100;
/// Events that are read at a time.
const EVENTS_AT_ONCE: usize = 1_000;
/// Entries of the feed among which one of a job that still exists is looked for.
const CHANGES_AT_ONCE: usize = 64;
/// The time whose growth is taken for that of the future.
const WINDOW: Span = Span::from_secs(7 * 86_400);
/// A store that grows for less than this has no pace yet.
const PACE_AFTER: Span = Span::from_secs(3_600);

/// Something about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which job.
    pub job: JobId,
    /// What is the matter.
    pub reason: String,
}

/// Findings: how many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many.
    pub total: u64,
    /// The first hundred.
    pub first: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, job: JobId, reason: impl Into<String>) {
        self.total += 1;
        if self.first.len() < NAMED_MAX {
            self.first.push(Finding { job, reason: reason.into() });
        }
    }
}

/// How long the disk will last, if the store goes on growing as it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Bytes of the store.
    pub bytes: u64,
    /// Bytes free on its disk; none when that is unknown.
    pub free_bytes: Option<u64>,
    /// Bytes that it grew by in a day, over the last week; none when it is too young to say.
    pub bytes_per_day: Option<u64>,
    /// Days until the disk is full; none when it does not grow, or that is unknown.
    pub days_left: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// Jobs that were looked at.
    pub jobs: u64,
    /// Live jobs that nothing will carry on.
    pub stranded: Findings,
    /// Jobs whose row is not what their journal says. Only looked for when asked to be thorough.
    pub contradicting: Findings,
    /// Jobs that this program could not carry on and parked.
    pub poisoned: Findings,
    /// The disk.
    pub forecast: Forecast,
}

/// Looks at every job; thorough: folds every journal as well.
///
/// # Errors
/// When the store cannot be read.
pub async fn examine(
    store: &dyn Store,
    now: Timestamp,
    thorough: bool,
) -> Result<Examination, StoreError> {
    let mut found = Examination { forecast: forecast(store, now).await?, ..Default::default() };
    let mut query =
        JobQuery { sort: JobSort::CreatedAscending, limit: PAGE_MAX, ..JobQuery::default() };
    loop {
        let page = store.jobs(&query).await.map_err(|error| match error {
            ReadError::Store(error) => error,
            ReadError::Cursor(bad) => StoreError::Unavailable(bad.to_string()),
        })?;
        for row in &page.rows {
            found.jobs += 1;
            look_at(store, row, thorough, &mut found).await?;
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(found),
        }
    }
}

fn is_poisoned(row: &JobRow) -> bool {
    let poisoned = Problem::new(Kind::Poisoned, "").kind;
    row.error.as_ref().is_some_and(|error| error.kind == poisoned)
}

async fn look_at(
    store: &dyn Store,
    row: &JobRow,
    thorough: bool,
    found: &mut Examination,
) -> Result<(), StoreError> {
    if is_poisoned(row) {
        let detail = row.error.as_ref().and_then(|error| error.detail.clone());
        found.poisoned.add(row.id, detail.unwrap_or_default());
        // Its journal is what could not be read.
        return Ok(());
    }
    if let Some(reason) = stranded(row) {
        found.stranded.add(row.id, reason);
    }
    if thorough && let Some(reason) = contradiction(store, row).await? {
        found.contradicting.add(row.id, reason);
    }
    Ok(())
}

/// Why nothing will carry a live job on: it needs exactly one of an owner, a wait, a wake and a
/// place in the queue.
fn stranded(row: &JobRow) -> Option<&'static str> {
    let code = row.waiting_for.as_ref().map(|waiting| waiting.code);
    match (row.status.is_ended(), row.place) {
        (true, Place::Queue(_)) => Some("it has ended and stands in the queue"),
        (true, _) => None,
        (false, Place::Ended) => Some("it goes on and has no place: no actor, queue, wait or wake"),
        (false, Place::Parked(None)) => match code {
            None => Some("it is parked and waits for nothing"),
            Some(
                WaitCode::Time
                | WaitCode::Retry
                | WaitCode::Slot
                | WaitCode::Callback
                | WaitCode::JudgeUnavailable,
            ) => Some("it waits for a time that no wake is set for"),
            Some(_) => None,
        },
        (false, _) => None,
    }
}

/// Where the row is not what the journal up to the same event says.
async fn contradiction(store: &dyn Store, row: &JobRow) -> Result<Option<String>, StoreError> {
    let (mut job, mut after): (Option<Job>, u64) = (None, 0);
    while after < row.version {
        let page = match store.journal(row.id, after, EVENTS_AT_ONCE).await {
            Ok(page) => page,
            Err(StoreError::Corrupt { reason, .. }) => return Ok(Some(reason)),
            Err(error) => return Err(error),
        };
        let facts = page.iter().filter(|fact| fact.seq <= row.version);
        for fact in facts {
            match evolve(job.take(), row.id, &fact.event, fact.at) {
                Ok(folded) => job = Some(folded),
                Err(corrupt) => return Ok(Some(corrupt.to_string())),
            }
        }
        match page.last() {
            Some(last) => after = last.seq,
            None => return Ok(Some(format!("its journal ends with event {after}"))),
        }
    }
    // A job that was removed meanwhile has no journal, and nothing to be compared.
    let Some(job) = job else { return Ok(None) };
    let told = job_row(&job);
    Ok((told != *row).then(|| {
        format!(
            "its row says {} in place {:?}, its journal {} in place {:?}",
            row.status, row.place, told.status, told.place
        )
    }))
}

async fn forecast(store: &dyn Store, now: Timestamp) -> Result<Forecast, StoreError> {
    let health = store.health().await?;
    let (bytes, free_bytes) = (health.bytes, health.free_bytes);
    let bytes_per_day = growth(store, now, bytes).await?;
    let days_left = match (free_bytes, bytes_per_day) {
        (Some(free), Some(pace)) => free.checked_div(pace),
        _ => None,
    };
    Ok(Forecast { bytes, free_bytes, bytes_per_day, days_left })
}

/// The share of all changes that came within the window is the share of the bytes.
async fn growth(store: &dyn Store, now: Timestamp, bytes: u64) -> Result<Option<u64>, StoreError> {
    let last = store.last_change().await?;
    let Some(first_at) = time_after(store, 0).await? else { return Ok(None) };
    let age = now.since(first_at);
    if age < PACE_AFTER {
        return Ok(None);
    }
    let window = age.min(WINDOW);
    let begin = Timestamp(now.0.saturating_sub(window.0 as i64));
    let (mut before, mut within) = (0, last);
    while before + 1 < within {
        let middle = before + (within - before) / 2;
        match time_after(store, middle).await? {
            Some(at) if at < begin => before = middle,
            _ => within = middle,
        }
    }
    let changes = u128::from(last - before);
    let grown = u128::from(bytes) * changes / u128::from(last.max(1));
    let micros_per_day = 86_400_000_000u128;
    let pace = grown * micros_per_day / u128::from(window.0.max(1));
    Ok(u64::try_from(pace).ok())
}

/// When the next change after this place was made; nothing when there is none.
async fn time_after(store: &dyn Store, place: u64) -> Result<Option<Timestamp>, StoreError> {
    for change in store.changes(place, CHANGES_AT_ONCE).await? {
        let before = change.last_seq.saturating_sub(1);
        if let Some(fact) = store.journal(change.job, before, 1).await?.first() {
            return Ok(Some(fact.at));
        }
    }
    Ok(None)
}
