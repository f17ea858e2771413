//! What is done to a store beside decisions, in the transactions of its writer: pieces of another
//! store are taken in, jobs that ended are removed, and what the feed says of them.

use std::collections::BTreeSet;

use ::redb::ReadableTable;

use crate::model::id::JobId;
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::time::Timestamp;
use crate::store::audit;
use crate::store::chain;
use crate::store::codec::{self, BadRecord};
use crate::store::error::StoreError;
use crate::store::item::{Item, Record};
use crate::store::rec::{self, HeldJob, Key};
use crate::store::redb::apply::Group;
use crate::store::redb::card;
use crate::store::redb::error::Failure;
use crate::store::redb::index::{self, CheckpointKeys};
use crate::store::redb::journal;
use crate::store::redb::tables::META_FEED_PRUNED;

/// What is done.
#[derive(Debug)]
pub(super) enum Upkeep {
    /// Takes pieces in.
    Import(Vec<Item>),
    /// Removes those of these jobs that stand at this version and have ended.
    RemoveJobs { jobs: Vec<(JobId, u64)>, at: Timestamp },
    /// Forgets entries of the feed about jobs that are gone, looking at so many after this place.
    PruneFeed { after: u64, max: usize },
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Kept {
    /// Everything was taken in.
    Imported,
    /// These were removed.
    Removed(Vec<JobId>),
    /// The place up to which the feed was looked at; none at its end.
    Pruned(Option<u64>),
}

impl Group<'_> {
    /// Does it. `Failure::Store` leaves everything as it was.
    pub(super) fn keep_up(&mut self, upkeep: &Upkeep) -> Result<Kept, Failure> {
        match upkeep {
            Upkeep::Import(items) => {
                for item in items {
                    self.import(item)?;
                }
                Ok(Kept::Imported)
            }
            Upkeep::RemoveJobs { jobs, at } => self.remove_jobs(jobs, *at).map(Kept::Removed),
            Upkeep::PruneFeed { after, max } => self.prune_feed(*after, *max).map(Kept::Pruned),
        }
    }

    fn import(&mut self, item: &Item) -> Result<(), Failure> {
        self.changed = true;
        match item {
            Item::Document { kind, id, record } => {
                let place = || format!("{kind}/{id}");
                let document = rec::read_document(kind, &record.0)
                    .map_err(|bad| bad.at(codec::DOCUMENT, place()))?;
                same(document.id == *id).map_err(|bad| bad.at(codec::DOCUMENT, place()))?;
                self.last_time = self.last_time.max(document.updated_at);
                self.tables.documents.insert((kind.as_str(), id.as_str()), bytes(record))?;
            }
            Item::Job { job, record } => self.import_job(*job, record)?,
            Item::Journal { job, records } => {
                for (seq, record) in records {
                    let bad = |bad: BadRecord| bad.at(codec::APPEND, format!("{job} {seq}"));
                    chain::read(*seq, &record.0).map_err(bad)?;
                    self.tables.unplaced.insert((job.as_u128(), *seq), bytes(record))?;
                }
            }
            Item::Snapshot { job, record } => {
                rec::read_snapshot(*job, &record.0).map_err(|bad| bad.at(codec::SNAPSHOT, job))?;
                self.tables.snapshots.insert(job.as_u128(), bytes(record))?;
            }
            Item::Checkpoint { checkpoint, record } => {
                let bad = |bad: BadRecord| bad.at(codec::CHECKPOINT, checkpoint);
                let row = rec::read_checkpoint(&record.0).map_err(bad)?;
                same(row.id == *checkpoint).map_err(bad)?;
                self.tables.checkpoints.insert(row.id.as_u128(), bytes(record))?;
                index::move_checkpoint(&mut self.tables, None, &row)?;
                self.tally.checkpoint(None, &row);
            }
            Item::Key { owner, key, record } => {
                let bad = |bad: BadRecord| bad.at(codec::KEY, format!("{owner}/{key}"));
                let used = Key::from_record(&record.0).map_err(bad)?;
                same(used.owner == *owner && used.key == *key).map_err(bad)?;
                let name = (owner.as_str(), key.as_str());
                self.tables.keys.insert(name, bytes(record))?;
                let aged = (used.used_at.0, owner.as_str(), key.as_str());
                self.tables.keys_by_age.insert(aged, ())?;
            }
            Item::Nudge { job } => {
                self.tables.nudges.insert(job.as_u128(), ())?;
            }
            Item::Change { feed, job, first_seq, last_seq } => {
                let missing = feed.saturating_sub(self.last_feed + 1);
                self.add_pruned(missing)?;
                let (id, first_seq, last_seq) = (job.as_u128(), *first_seq, *last_seq);
                self.tables.feed.insert(*feed, (id, first_seq, last_seq))?;
                journal::settle(&mut self.tables, *feed, id, first_seq, last_seq)?;
                self.last_feed = *feed;
            }
            Item::Audit { seq, record } => self.import_entry(*seq, bytes(record))?,
            Item::Time { last } => {
                self.last_time = self.last_time.max(*last);
                self.make_missing_trail()?;
            }
        }
        Ok(())
    }

    fn import_job(&mut self, job: JobId, record: &Record) -> Result<(), Failure> {
        let bad = |bad: BadRecord| bad.at(codec::JOB, job);
        let held = HeldJob::from_record(&record.0).map_err(bad)?;
        same(held.row.id == job).map_err(bad)?;
        if self.tables.jobs.insert(job.as_u128(), bytes(record))?.is_some() {
            return Err(bad(BadRecord::damaged("the store holds this job already")).into());
        }
        index::move_job(&mut self.tables, None, &held.row)?;
        let (place, row) = (card::place_of(&held.row), &held.row);
        self.cards.put(&self.tables.cards, place, &card::card_of(row))?;
        self.texts.put(&self.tables.texts, place, &card::text_of(row))?;
        let id = job.as_u128();
        index::move_subscriptions(&mut self.tables, id, &[], &held.subscriptions)?;
        self.tally.job(None, &held.row);
        Ok(())
    }

    fn remove_jobs(&mut self, jobs: &[(JobId, u64)], at: Timestamp) -> Result<Vec<JobId>, Failure> {
        // The last entry of the feed says where the feed ends, so its job stays for now.
        let last = self.tables.feed.last()?.map(|(_, change)| change.value().0);
        let mut removed = Vec::new();
        for (job, version) in jobs {
            let record = self.tables.jobs.get(job.as_u128())?;
            let held = record.map(|record| HeldJob::from_record(record.value())).transpose();
            let Some(held) = held.map_err(|bad| bad.at(codec::JOB, job))? else { continue };
            let has_ended = held.row.status.is_ended() && held.row.place == Place::Ended;
            if held.row.version == *version && has_ended && last != Some(job.as_u128()) {
                let place = card::place_of(&held.row);
                self.cards.take(&self.tables.cards, place)?;
                self.texts.take(&self.tables.texts, place)?;
                self.remove_job(&held)?;
                removed.push(*job);
            }
        }
        if !removed.is_empty() {
            self.last_time = self.last_time.max(at);
            let entry = audit::link_fact(self.audit, &audit::removal(&removed), at)?;
            self.write_entry(entry)?;
        }
        Ok(removed)
    }

    fn remove_job(&mut self, held: &HeldJob) -> Result<(), Failure> {
        self.changed = true;
        let (row, id): (&JobRow, u128) = (&held.row, held.row.id.as_u128());
        let tables = &mut self.tables;
        self.cards.remove(&tables.cards, card::place_of(row))?;
        self.texts.remove(&tables.texts, card::place_of(row))?;
        tables.nudges.remove(id)?;
        tables.snapshots.remove(id)?;
        journal::remove(tables, id)?;
        index::move_subscriptions(tables, id, &held.subscriptions, &[])?;
        let mut checkpoints = Vec::new();
        for entry in tables.checkpoints_by_job.range((id, 0)..=(id, u128::MAX))? {
            checkpoints.push(entry?.0.value().1);
        }
        for checkpoint in checkpoints {
            self.remove_checkpoint(checkpoint)?;
        }
        self.tables.jobs.remove(id)?;
        self.tally.job_gone(row);
        Ok(())
    }

    fn remove_checkpoint(&mut self, id: u128) -> Result<(), Failure> {
        let record = self.tables.checkpoints.remove(id)?;
        let row: Option<Result<CheckpointRow, BadRecord>> =
            record.map(|record| rec::read_checkpoint(record.value()));
        let Some(row) = row else { return Ok(()) };
        let row = row.map_err(|bad| bad.at(codec::CHECKPOINT, id))?;
        let keys = CheckpointKeys::of(&row);
        self.tables.checkpoints_by_job.remove(keys.job)?;
        self.tables.checkpoints_by_age.remove(keys.age)?;
        self.tables.checkpoints_by_expiry.remove(keys.expiry)?;
        self.tally.checkpoint_gone(&row);
        Ok(())
    }

    /// The last entry always stays: it says where the feed ends.
    fn prune_feed(&mut self, after: u64, max: usize) -> Result<Option<u64>, Failure> {
        let Some(first) = after.checked_add(1) else { return Ok(None) };
        let (mut gone, mut seen, mut known) = (Vec::new(), None, BTreeSet::new());
        for entry in self.tables.feed.range(first..)?.take(max) {
            let (feed, change) = entry?;
            let (feed, job) = (feed.value(), change.value().0);
            seen = Some(feed);
            let is_there = known.contains(&job) || self.tables.jobs.get(job)?.is_some();
            if is_there {
                known.insert(job);
            } else if feed < self.last_feed {
                gone.push(feed);
            }
        }
        for feed in &gone {
            self.tables.feed.remove(*feed)?;
        }
        self.add_pruned(gone.len() as u64)?;
        Ok(seen.filter(|seen| *seen < self.last_feed))
    }

    /// Counts the places of the feed that are missing, so that others that go are noticed.
    fn add_pruned(&mut self, more: u64) -> Result<(), Failure> {
        if more == 0 {
            return Ok(());
        }
        self.changed = true;
        let held = read_pruned(&self.tables.meta)?;
        let text = held.saturating_add(more).to_string();
        self.tables.meta.insert(META_FEED_PRUNED, text.as_str())?;
        Ok(())
    }
}

/// Places of the feed that were pruned.
pub(super) fn read_pruned(
    meta: &impl ReadableTable<&'static str, &'static str>,
) -> Result<u64, Failure> {
    let Some(text) = meta.get(META_FEED_PRUNED)? else { return Ok(0) };
    let pruned = text.value().parse().map_err(|_| StoreError::Corrupt {
        table: "meta",
        key: META_FEED_PRUNED.to_owned(),
        reason: format!("{:?} is no number", text.value()),
    })?;
    Ok(pruned)
}

fn bytes(record: &Record) -> &[u8] {
    &record.0
}

/// A record belongs where it was found.
fn same(is_same: bool) -> Result<(), BadRecord> {
    if is_same { Ok(()) } else { Err(BadRecord::damaged("it is that of another key")) }
}
