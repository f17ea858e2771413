//! How far the audit trail was read, and what came of it: a document for each day, written together
//! with the place in the trail, so that after a crash every decision is counted once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::figures::{Day, Figures, Oversight, OversightBy, OversightRow};
use super::fold::{count, day_of};
use super::open::open;
use crate::engine::{Engine, EngineError};
use crate::model::metric_names as names;
use crate::model::time::Timestamp;
use crate::store::{ChangeOutcome, Document, DocumentChange, Store, StoreError};

/// A document for each day, by date.
const DAYS: &str = "oversight-days";
/// The place, and the sums over all days.
const KIND: &str = "oversight";
const ID: &str = "place";
/// Entries that are counted together.
const ENTRIES: usize = 1_000;
/// Days read at a time.
const PAGE: usize = 100;

/// How far the trail was read, and what all days add up to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Place {
    seq: u64,
    all: Figures,
}

/// The figures; whoever asks lets them catch up.
#[derive(Default)]
pub(crate) struct Keeper {
    alone: Mutex<()>,
}

impl Keeper {
    async fn catch_up(&self, store: &dyn Store, now: Timestamp) -> Result<Place, StoreError> {
        let _alone = self.alone.lock().await;
        let held = store.document(KIND, ID).await?;
        let version = held.as_ref().map_or(0, |held| held.version);
        let (mut place, mut version) = (read::<Place>(KIND, held.as_ref())?, version);
        loop {
            let entries = store.audit_entries(place.seq, ENTRIES).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(place) };
            let mut fresh: BTreeMap<String, Day> = BTreeMap::new();
            for entry in &entries {
                count(store, entry, &mut fresh).await?;
            }
            // Where nothing was to be counted the place is not worth a write of its own.
            let is_worth = !fresh.is_empty() || entries.len() == ENTRIES;
            place.seq = last;
            for day in fresh.values() {
                place.all.merge(&day.all);
            }
            if is_worth {
                version = write(store, &place, version, fresh, now).await?;
            }
        }
    }
}

async fn write(
    store: &dyn Store,
    place: &Place,
    version: u64,
    fresh: BTreeMap<String, Day>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut changes = vec![put(KIND, ID.to_owned(), place, version, now)?];
    for (date, counted) in fresh {
        let held = store.document(DAYS, &date).await?;
        let mut day: Day = read(DAYS, held.as_ref())?;
        day.merge(&counted);
        let version = held.map_or(0, |held| held.version);
        changes.push(put(DAYS, date, &day, version, now)?);
    }
    match store.change_documents(changes, None, now).await? {
        ChangeOutcome::Applied => Ok(version + 1),
        ChangeOutcome::Conflict { .. } => {
            Err(StoreError::Unavailable("somebody else counts as well: ask again".to_owned()))
        }
    }
}

fn put(
    kind: &str,
    id: String,
    content: &impl Serialize,
    version: u64,
    now: Timestamp,
) -> Result<DocumentChange, StoreError> {
    let unwritten = |error: serde_json::Error| StoreError::Unavailable(error.to_string());
    let body = serde_json::to_vec(content).map_err(unwritten)?;
    let document = Document { id, version: 0, updated_at: now, body };
    Ok(DocumentChange::Put { kind: kind.to_owned(), document, expect_version: Some(version) })
}

fn read<T: for<'de> Deserialize<'de> + Default>(
    kind: &'static str,
    held: Option<&Document>,
) -> Result<T, StoreError> {
    let Some(document) = held else { return Ok(T::default()) };
    serde_json::from_slice(&document.body).map_err(|error| StoreError::Corrupt {
        table: "documents",
        key: format!("{kind}/{}", document.id),
        reason: format!("the figures of oversight cannot be read: {error}"),
    })
}

impl Day {
    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        let sides = [
            (&mut self.workflows, &other.workflows),
            (&mut self.agents, &other.agents),
            (&mut self.reviewers, &other.reviewers),
        ];
        for (mine, theirs) in sides {
            for (name, figures) in theirs {
                mine.entry(name.clone()).or_default().merge(figures);
            }
        }
    }
}

impl Engine {
    /// How people decided from this day to that one, and what waits for them now. Days are whole,
    /// in UTC.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn oversight(
        &self,
        by: OversightBy,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Oversight, EngineError> {
        let store = &*self.shared.parts.store;
        self.shared.oversight.catch_up(store, self.now()).await?;
        let (first, last) = (from.map(day_of), to.map(day_of));
        let is_asked = |date: &String| {
            first.as_ref().is_none_or(|first| date >= first)
                && last.as_ref().is_none_or(|last| date <= last)
        };
        let (mut after, mut sum): (Option<String>, _) = (None, Day::default());
        loop {
            let page = store.documents(DAYS, after.as_deref(), PAGE).await?;
            let Some(end) = page.last() else { break };
            after = Some(end.id.clone());
            for document in page.iter().filter(|document| is_asked(&document.id)) {
                sum.merge(&read::<Day>(DAYS, Some(document))?);
            }
        }
        let (all, mut waiting) = open(store, Some(by), self.now()).await?;
        let named: Vec<String> = sum.by(by).keys().chain(waiting.keys()).cloned().collect();
        let mut rows: Vec<OversightRow> = Vec::new();
        for name in named {
            if rows.iter().any(|row| row.name == name) {
                continue;
            }
            let decisions = sum.by(by).get(&name).map(Figures::shown).unwrap_or_default();
            let open = waiting.remove(&name).unwrap_or_default();
            rows.push(OversightRow { name, open, decisions });
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let total = OversightRow { name: "all".to_owned(), open: all, decisions: sum.all.shown() };
        Ok(Oversight { rows, total })
    }

    /// Lets the figures catch up, and sets the metrics.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_oversight(&self) -> Result<(), EngineError> {
        let store = &*self.shared.parts.store;
        let place = self.shared.oversight.catch_up(store, self.now()).await?;
        let outcome = |word: &'static str, count: u64| {
            metrics::counter!(names::OVERSIGHT_OUTCOMES_TOTAL, "outcome" => word).absolute(count);
        };
        outcome("approved", place.all.approved);
        outcome("rejected", place.all.rejected);
        outcome("sent-back", place.all.sent_back);
        outcome("expired", place.all.expired);
        metrics::counter!(names::OVERSIGHT_SUB_SECOND_TOTAL).absolute(place.all.sub_second);
        let (waiting, _) = open(store, None, self.now()).await?;
        let age = |word: &'static str, count: u64| {
            metrics::gauge!(names::OVERSIGHT_OPEN, "age" => word).set(count as f64);
        };
        age("<1h", waiting.under1h);
        age("<4h", waiting.under4h);
        age("<24h", waiting.under24h);
        age("<3d", waiting.under3d);
        age("older", waiting.older);
        let head = store.audit_head().await?;
        metrics::gauge!(names::AUDIT_ENTRIES).set(head.count as f64);
        Ok(())
    }
}
