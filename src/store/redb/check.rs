//! The walk behind the whole-store check: every record, every chain, every index entry against the
//! rows. It changes nothing and stops at nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ::redb::{Key, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, Value};

use crate::model::id::{CheckpointId, JobId};
use crate::model::row::JobRow;
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::rec::{self, HeldJob, Key as UsedKey};
use crate::store::redb::audit;
use crate::store::redb::card;
use crate::store::redb::counters::{self, Tally};
use crate::store::redb::drawer;
use crate::store::redb::error::Failure;
use crate::store::redb::index::{CheckpointKeys, JobKeys};
use crate::store::redb::journal;
use crate::store::redb::older;
use crate::store::redb::open;
use crate::store::redb::read::{self, Records};
use crate::store::redb::tables::{self, *};
use crate::store::redb::upkeep;
use crate::store::redb::verify::{ALL, Defect};

/// Defects that are reported one by one: after so many the store is lost anyway.
const DEFECTS_MAX: usize = 1_000;
/// A table of drawers.
type Filed = TableDefinition<'static, drawer::Place, &'static [u8]>;

/// Events that are read at once: a journal may be longer than memory.
const EVENTS_AT_ONCE: usize = 1_024;

/// The number of events, and everything that is wrong.
pub(super) fn walk(t: &ReadTransaction) -> Result<(u64, Vec<Defect>), Failure> {
    let format = t.open_table(META)?.get(META_FORMAT)?;
    let format = format.map(|format| format.value().to_owned()).unwrap_or_default();
    let (is_older, has_trail) = (open::is_older(&format), open::has_trail(&format));
    let (defects, expected) = (Vec::new(), Expected::default());
    let mut check = Check { t, is_older, has_trail, defects, expected };
    check.run()?;
    Ok((check.expected.events, check.defects))
}

/// Name and rows of every table of a store.
pub(super) fn lengths(
    t: &ReadTransaction,
    has_trail: bool,
) -> Result<Vec<(&'static str, u64)>, Failure> {
    if has_trail { tables::lengths(t) } else { older::lengths(t) }
}

/// What the rows say that the other tables must hold.
#[derive(Default)]
struct Expected {
    tally: Tally,
    appends: u64,
    events: u64,
    subscriptions: u64,
    queue: u64,
    wakes: u64,
    active: u64,
    snapshots: u64,
    keys: u64,
    last_time: Timestamp,
}

struct Check<'t> {
    t: &'t ReadTransaction,
    /// Is the store laid out as formats 1 and 2 were?
    is_older: bool,
    /// Has it an audit trail?
    has_trail: bool,
    defects: Vec<Defect>,
    expected: Expected,
}

impl Check<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let jobs = self.jobs()?;
        let checkpoints = self.checkpoints()?;
        self.feed()?;
        if !self.is_older {
            self.drawers(CARDS, codec::CARDS, jobs)?;
            self.drawers(TEXTS, codec::TEXTS, jobs)?;
        }
        self.keys()?;
        self.documents()?;
        self.numbers()?;
        if self.has_trail {
            for defect in audit::check(self.t)? {
                self.note(defect.into())?;
            }
        }
        let expected = &self.expected;
        let mut wanted = vec![
            ("journal", expected.appends),
            ("snapshots", expected.snapshots),
            ("queue", expected.queue),
            ("wakes", expected.wakes),
            ("active", expected.active),
            ("subscriptions", expected.subscriptions),
            ("checkpoints_by_job", checkpoints),
            ("checkpoints_by_age", checkpoints),
            ("checkpoints_by_expiry", checkpoints),
            ("keys_by_age", expected.keys),
        ];
        if self.is_older {
            wanted.extend(older::INDEXES.map(|table| (table, jobs)));
        } else {
            wanted.extend([("journal_by_job", expected.appends), ("unplaced", 0)]);
        }
        let held = lengths(self.t, self.has_trail)?;
        for (table, wanted) in wanted {
            let found = held.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
            if found != wanted {
                let reason = format!("it has {found} entries, the rows ask for {wanted}");
                self.add(Defect { table, key: ALL.to_owned(), reason, is_lack: found < wanted });
            }
        }
        Ok(())
    }

    fn defect(&mut self, table: &'static str, key: impl ToString, reason: impl ToString) {
        let (key, reason) = (key.to_string(), reason.to_string());
        self.add(Defect { table, key, reason, is_lack: false });
    }

    fn add(&mut self, defect: Defect) {
        if self.defects.len() < DEFECTS_MAX {
            self.defects.push(defect);
        }
    }

    /// Keeps what concerns one record; passes on what concerns the file.
    fn note(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure {
            Failure::Store(StoreError::Corrupt { table, key, reason }) => {
                self.defect(table, key, reason);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// An index must have this entry.
    fn entry<'a, K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
        table: &'static str,
        key: K::SelfType<'a>,
    ) -> Result<(), Failure>
    where
        K::SelfType<'a>: fmt::Debug,
    {
        let shown = format!("{key:?}");
        if self.t.open_table(definition)?.get(key)?.is_none() {
            let reason = "it is missing, although a row asks for it".to_owned();
            self.add(Defect { table, key: shown, reason, is_lack: true });
        }
        Ok(())
    }

    fn jobs(&mut self) -> Result<u64, Failure> {
        let table = self.t.open_table(JOBS)?;
        for entry in table.iter()? {
            let (key, record) = entry?;
            let job = JobId::from_u128(key.value());
            match HeldJob::from_record(record.value()) {
                Ok(held) if held.row.id == job => {
                    self.job(&held)?;
                    if let Err(failure) = self.journal(&held) {
                        self.note(failure)?;
                    }
                }
                Ok(held) => self.defect("jobs", job, format!("it is that of {}", held.row.id)),
                Err(bad) => self.defect("jobs", job, bad),
            }
        }
        Ok(table.len()?)
    }

    fn job(&mut self, held: &HeldJob) -> Result<(), Failure> {
        let (row, id) = (&held.row, held.row.id.as_u128());
        self.listed(row)?;
        let keys = JobKeys::of(row);
        if let Some(key) = keys.queue {
            self.expected.queue += 1;
            self.entry(QUEUE, "queue", key)?;
        }
        if let Some(key) = keys.wake {
            self.expected.wakes += 1;
            self.entry(WAKES, "wakes", key)?;
        }
        if let Some(key) = keys.active {
            self.expected.active += 1;
            self.entry(ACTIVE, "active", key)?;
        }
        let types: BTreeSet<&String> = held.subscriptions.iter().collect();
        for event_type in types {
            self.expected.subscriptions += 1;
            self.entry(SUBSCRIPTIONS, "subscriptions", (event_type.as_str(), id))?;
        }
        self.expected.tally.job(None, row);
        self.snapshot(held)
    }

    /// What lists know of a job.
    fn listed(&mut self, row: &JobRow) -> Result<(), Failure> {
        if self.is_older {
            let keys = older::JobKeys::of(row);
            self.entry(older::BY_CREATED, "by_created", keys.created)?;
            self.entry(older::BY_UPDATED, "by_updated", keys.updated)?;
            self.entry(older::BY_PRIORITY, "by_priority", keys.priority)?;
            self.entry(older::BY_STATUS, "by_status", keys.status)?;
            self.entry(older::BY_TYPE, "by_type", keys.job_type)?;
            return self.entry(older::BY_OWNER, "by_owner", keys.owner);
        }
        self.filed(CARDS, codec::CARDS, row, &card::card_of(row))?;
        self.filed(TEXTS, codec::TEXTS, row, &card::text_of(row))
    }

    /// A drawer must have this entry of a job.
    fn filed(
        &mut self,
        table: Filed,
        kind: codec::Kind,
        row: &JobRow,
        wanted: &[u8],
    ) -> Result<(), Failure> {
        let table = self.t.open_table(table)?;
        match drawer::content(&table, kind, card::place_of(row)) {
            Ok(Some(found)) if found == wanted => {}
            Ok(Some(_)) => self.defect(kind.table, row.id, "it is not what the row says"),
            Ok(None) => self.defect(kind.table, row.id, "it is missing, although there is a row"),
            // The walk through the drawers names it.
            Err(Failure::Store(_)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Every drawer of a table, and every entry where it belongs.
    fn drawers(&mut self, table: Filed, kind: codec::Kind, jobs: u64) -> Result<(), Failure> {
        let table = self.t.open_table(table)?;
        let (mut entries, mut until) = (0, None);
        for entry in table.iter()?.rev() {
            let (first, record) = entry?;
            let first = first.value();
            let body = drawer::body(kind, first, record.value());
            let count = body.and_then(|body| {
                drawer::check(body, first, until).map_err(|bad| drawer::at(kind, first, bad))
            });
            match count {
                Ok(count) => entries += count,
                Err(error) => self.note(error.into())?,
            }
            until = Some(first);
        }
        if entries != jobs {
            self.defect(kind.table, "all", format!("it has entries of {entries} jobs of {jobs}"));
        }
        Ok(())
    }

    fn snapshot(&mut self, held: &HeldJob) -> Result<(), Failure> {
        let job = held.row.id;
        let table = self.t.open_table(SNAPSHOTS)?;
        let Some(record) = table.get(job.as_u128())? else { return Ok(()) };
        self.expected.snapshots += 1;
        match rec::read_snapshot(job, record.value()) {
            Ok((version, _)) if version > held.row.version => {
                let reason = format!("it is of version {version}, the job of {}", held.row.version);
                self.defect("snapshots", job, reason);
            }
            Ok(_) => {}
            Err(bad) => self.defect("snapshots", job, bad),
        }
        Ok(())
    }

    /// The chain of a job from its beginning to the head that the job names.
    fn journal(&mut self, held: &HeldJob) -> Result<(), Failure> {
        let (job, version) = (held.row.id, held.row.version);
        // Counted before anything can stop the walk: one bad event is not also a wrong number.
        let records: Records = if self.is_older { older::records } else { journal::records };
        self.expected.events += version;
        self.expected.appends += records(self.t, job, 1)?.count() as u64;
        let (mut seq, mut head) = (0, chain::genesis(job));
        loop {
            let part = read::follow(records, self.t, job, seq, Some(head), EVENTS_AT_ONCE)?;
            let Some(last) = part.last() else { break };
            (seq, head) = (last.seq, last.hash);
            let latest = part.iter().map(|event| event.at).max();
            self.expected.last_time = self.expected.last_time.max(latest.unwrap_or_default());
        }
        if seq != version {
            self.defect(
                "journal",
                job,
                format!("it ends with event {seq}, the job with {version}"),
            );
        } else if head != held.head_hash {
            self.defect("journal", job, "its last event is not the one that was written");
        }
        Ok(())
    }

    fn checkpoints(&mut self) -> Result<u64, Failure> {
        let table = self.t.open_table(CHECKPOINTS)?;
        for entry in table.iter()? {
            let (key, record) = entry?;
            let id = CheckpointId::from_u128(key.value());
            match rec::read_checkpoint(record.value()) {
                Ok(row) if row.id == id => {
                    let keys = CheckpointKeys::of(&row);
                    self.entry(CHECKPOINTS_BY_JOB, "checkpoints_by_job", keys.job)?;
                    self.entry(CHECKPOINTS_BY_AGE, "checkpoints_by_age", keys.age)?;
                    self.entry(CHECKPOINTS_BY_EXPIRY, "checkpoints_by_expiry", keys.expiry)?;
                    self.entry(JOBS, "jobs", row.job.as_u128())?;
                    self.expected.tally.checkpoint(None, &row);
                }
                Ok(row) => self.defect("checkpoints", id, format!("it is that of {}", row.id)),
                Err(bad) => self.defect("checkpoints", id, bad),
            }
        }
        Ok(table.len()?)
    }

    fn feed(&mut self) -> Result<(), Failure> {
        let (mut last, mut entries, mut events) = (0, 0, 0);
        let jobs = self.t.open_table(JOBS)?;
        for entry in self.t.open_table(FEED)?.iter()? {
            let (feed, change) = entry?;
            let (job, first_seq, last_seq) = change.value();
            (last, entries) = (feed.value(), entries + 1);
            // What the feed says of a job that was removed goes later than the job.
            if jobs.get(job)?.is_none() {
                continue;
            }
            events += last_seq.saturating_sub(first_seq) + 1;
            self.append(feed.value(), job, first_seq, last_seq)?;
        }
        let pruned = upkeep::read_pruned(&self.t.open_table(META)?)?;
        let missing = last - entries;
        if missing != pruned {
            let reason =
                format!("{missing} places are missing, {pruned} were forgotten on purpose");
            self.defect("feed", "all", reason);
        }
        if events != self.expected.events {
            let wanted = self.expected.events;
            self.defect(
                "feed",
                "all",
                format!("it tells of {events} events, the jobs of {wanted}"),
            );
        }
        Ok(())
    }

    /// The records of an append must stand at its place in the feed, in order, up to its end.
    fn append(&mut self, feed: u64, job: u128, first_seq: u64, last: u64) -> Result<(), Failure> {
        let shown = || format!("{} {last}", JobId::from_u128(job));
        if self.is_older {
            if !older::has_record(self.t, job, last)? {
                self.defect("journal", shown(), "the feed tells of it, and it is missing");
            }
            return Ok(());
        }
        let (mut part, mut end) = (0, None);
        let by_job = self.t.open_table(JOURNAL_BY_JOB)?;
        for entry in by_job.range((job, first_seq)..=(job, last.max(first_seq)))? {
            let (key, place) = entry?;
            if place.value() != (feed, part) {
                let (found, _) = place.value();
                let reason = format!("it is at place {found} of the feed, which says {feed}");
                self.defect("journal_by_job", shown(), reason);
            }
            (part, end) = (part + 1, Some(key.value().1));
        }
        if end != Some(last) {
            self.defect("journal_by_job", shown(), "the feed tells of it, and it is missing");
        }
        Ok(())
    }

    fn keys(&mut self) -> Result<(), Failure> {
        for entry in self.t.open_table(KEYS)?.iter()? {
            let (name, record) = entry?;
            let (owner, key) = name.value();
            self.expected.keys += 1;
            match UsedKey::from_record(record.value()) {
                Ok(used) if (used.owner.as_str(), used.key.as_str()) == (owner, key) => {
                    self.entry(KEYS_BY_AGE, "keys_by_age", (used.used_at.0, owner, key))?;
                }
                Ok(_) => self.defect("keys", format!("{owner}/{key}"), "it is that of another key"),
                Err(bad) => self.defect("keys", format!("{owner}/{key}"), bad),
            }
        }
        Ok(())
    }

    fn documents(&mut self) -> Result<(), Failure> {
        for entry in self.t.open_table(DOCUMENTS)?.iter()? {
            let (name, record) = entry?;
            let (kind, id) = name.value();
            match read::read_document(kind, id, record.value()) {
                Ok(document) => {
                    let latest = self.expected.last_time.max(document.updated_at);
                    self.expected.last_time = latest;
                }
                Err(failure) => self.note(failure)?,
            }
        }
        Ok(())
    }

    /// The numbers and the latest time, against what the rows add up to.
    fn numbers(&mut self) -> Result<(), Failure> {
        let held = counters::numbers(&self.t.open_table(COUNTERS)?)?;
        let wanted = std::mem::take(&mut self.expected.tally).into_numbers();
        let kinds: BTreeSet<_> = held.keys().chain(wanted.keys()).collect();
        for kind in kinds {
            let number = |of: &BTreeMap<_, u64>| of.get(kind).copied().unwrap_or(0);
            let (held, wanted) = (number(&held), number(&wanted));
            if held != wanted {
                let reason = format!("it says {held}, the rows say {wanted}");
                self.defect("counters", format!("{kind:?}"), reason);
            }
        }
        match read::last_time(self.t) {
            Ok(last) if last < self.expected.last_time => {
                let reason = format!("{last} is before a fact of {}", self.expected.last_time);
                self.defect("meta", META_LAST_TIME, reason);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(failure) => self.note(failure),
        }
    }
}
