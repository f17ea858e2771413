//! The whole-store check behind `check-db`: every page, every record, every chain, every index. It
//! changes nothing and stops at nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use ::redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Value,
};

use crate::model::id::{CheckpointId, JobId};
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::error::StoreError;
use crate::store::rec::{self, HeldJob, Key as UsedKey};
use crate::store::redb::counters::{self, Tally};
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::index::{CheckpointKeys, JobKeys};
use crate::store::redb::open::{self, RedbOptions};
use crate::store::redb::read;
use crate::store::redb::tables::{self, *};
use crate::store::redb::upkeep;

/// Defects that are reported one by one: after so many the store is lost anyway.
const DEFECTS_MAX: usize = 1_000;
/// Events that are read at once: a journal may be longer than memory.
const EVENTS_AT_ONCE: usize = 1_024;

/// What is wrong with one record or index entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The table.
    pub table: &'static str,
    /// The key, readable.
    pub key: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, key {}: {}", self.table, self.key, self.reason)
    }
}

/// What a check of a whole store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version of its format.
    pub format: u64,
    /// The program that created it.
    pub created_by: String,
    /// Its random id.
    pub store_id: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Events in all journals.
    pub events: u64,
    /// Name and rows of every table.
    pub tables: Vec<(&'static str, u64)>,
    /// Everything that is wrong, at most 1,000 of it; a sound store has nothing here.
    pub problems: Vec<Defect>,
}

impl Report {
    /// Rows of a table; none when there is no such table.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows)
    }
}

/// Checks a store that no process has open. Damage of the file itself is an `OpenError`; damage of
/// records, chains and indexes is in the report.
pub fn verify(path: &Path) -> Result<Report, OpenError> {
    verify_within(path, RedbOptions::new(path).cache_bytes)
}

/// The same with this much memory for pages.
pub fn verify_within(path: &Path, cache_bytes: usize) -> Result<Report, OpenError> {
    let database = open::open_existing(&RedbOptions { cache_bytes, ..RedbOptions::new(path) })?;
    verify_database(path, database, std::fs::metadata(path).map_or(0, |file| file.len()))
}

/// Checks an open database that has this many bytes, and closes it.
pub(super) fn verify_database(
    path: &Path,
    database: Database,
    bytes: u64,
) -> Result<Report, OpenError> {
    const CHECK: &str = "walk through its tables";
    let failed = |failure| OpenError::from_failure(path, CHECK, failure);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let (events, problems) = walk(&transaction).map_err(failed)?;
    let report = describe(&transaction, bytes, events, problems).map_err(failed)?;
    drop(transaction);
    database.close().map_err(|error| OpenError::from_redb(path, error))?;
    Ok(report)
}

/// Everything that is wrong with records, chains and indexes.
#[cfg(any(test, feature = "fault-injection"))]
pub(super) fn defects(t: &ReadTransaction) -> Result<Vec<Defect>, Failure> {
    Ok(walk(t)?.1)
}

/// The number of events, and everything that is wrong.
fn walk(t: &ReadTransaction) -> Result<(u64, Vec<Defect>), Failure> {
    let mut check = Check { t, defects: Vec::new(), expected: Expected::default() };
    check.run()?;
    Ok((check.expected.events, check.defects))
}

fn describe(
    t: &ReadTransaction,
    bytes: u64,
    events: u64,
    problems: Vec<Defect>,
) -> Result<Report, Failure> {
    let meta = t.open_table(META)?;
    let text = |name: &str| -> Result<String, Failure> {
        Ok(meta.get(name)?.map(|value| value.value().to_owned()).unwrap_or_default())
    };
    Ok(Report {
        format: text(META_FORMAT)?.parse().unwrap_or(open::FORMAT_VERSION),
        created_by: text(META_CREATED_BY)?,
        store_id: text(META_STORE_ID)?,
        bytes,
        events,
        tables: tables::lengths(t)?,
        problems,
    })
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
    defects: Vec<Defect>,
    expected: Expected,
}

impl Check<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let jobs = self.jobs()?;
        let checkpoints = self.checkpoints()?;
        self.feed()?;
        self.keys()?;
        self.documents()?;
        self.numbers()?;
        let expected = &self.expected;
        let lengths = [
            ("journal", expected.appends),
            ("snapshots", expected.snapshots),
            ("by_created", jobs),
            ("by_updated", jobs),
            ("by_priority", jobs),
            ("by_status", jobs),
            ("by_type", jobs),
            ("by_owner", jobs),
            ("queue", expected.queue),
            ("wakes", expected.wakes),
            ("active", expected.active),
            ("subscriptions", expected.subscriptions),
            ("checkpoints_by_job", checkpoints),
            ("checkpoints_by_age", checkpoints),
            ("checkpoints_by_expiry", checkpoints),
            ("keys_by_age", expected.keys),
        ];
        let held = tables::lengths(self.t)?;
        for (table, wanted) in lengths {
            let found = held.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
            if found != wanted {
                let reason = format!("it has {found} entries, the rows ask for {wanted}");
                self.defect(table, "all", reason);
            }
        }
        Ok(())
    }

    fn defect(&mut self, table: &'static str, key: impl ToString, reason: impl ToString) {
        if self.defects.len() < DEFECTS_MAX {
            let (key, reason) = (key.to_string(), reason.to_string());
            self.defects.push(Defect { table, key, reason });
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
        definition: ::redb::TableDefinition<'static, K, V>,
        table: &'static str,
        key: K::SelfType<'a>,
    ) -> Result<(), Failure>
    where
        K::SelfType<'a>: fmt::Debug,
    {
        let shown = format!("{key:?}");
        if self.t.open_table(definition)?.get(key)?.is_none() {
            self.defect(table, shown, "it is missing, although a row asks for it");
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
        let keys = JobKeys::of(row);
        self.entry(BY_CREATED, "by_created", keys.created)?;
        self.entry(BY_UPDATED, "by_updated", keys.updated)?;
        self.entry(BY_PRIORITY, "by_priority", keys.priority)?;
        self.entry(BY_STATUS, "by_status", keys.status)?;
        self.entry(BY_TYPE, "by_type", keys.job_type)?;
        self.entry(BY_OWNER, "by_owner", keys.owner)?;
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
        let records = (job.as_u128(), 1)..=(job.as_u128(), version);
        self.expected.events += version;
        self.expected.appends += self.t.open_table(JOURNAL)?.range(records)?.count() as u64;
        let (mut seq, mut head) = (0, chain::genesis(job));
        loop {
            let part = read::follow(self.t, job, seq, Some(head), EVENTS_AT_ONCE)?;
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
            self.entry(JOURNAL, "journal", (job, last_seq))?;
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
