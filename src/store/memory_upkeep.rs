//! The in-memory engine beside decisions: its pieces, the pieces of another store, removal. As few
//! lines as possible: it is the specification.

use std::borrow::Cow;

use crate::model::event::Recorded;
use crate::model::id::JobId;
use crate::model::row::Place;
use crate::model::time::Timestamp;
use crate::store::answer::Change;
use crate::store::audit;
use crate::store::chain;
use crate::store::codec::{self, BadRecord};
use crate::store::error::StoreError;
use crate::store::item::{Item, Record};
use crate::store::memory::{Held, State};
use crate::store::precondition::UsedKey;
use crate::store::rec::{self, Append, HeldJob, Key};

impl State {
    /// Every piece, in order.
    pub(super) fn items(&self) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for ((kind, id), document) in &self.documents {
            let record = rec::write_document(kind, document)
                .map_err(|bad| bad.at(codec::DOCUMENT, format!("{kind}/{id}")))?;
            let (kind, id) = (kind.clone(), id.clone());
            items.push(Item::Document { kind, id, record: Record(record) });
        }
        for (job, held) in &self.jobs {
            let bad = |bad: BadRecord| bad.at(codec::JOB, job);
            let record = HeldJob {
                row: held.row.clone(),
                head_hash: held.journal.last().map_or_else(|| chain::genesis(*job), |e| e.hash),
                last_commit: held.last_commit,
                subscriptions: held.subscriptions.clone(),
            };
            let record = Record(record.to_record().map_err(bad)?);
            items.push(Item::Job { job: *job, record });
            let records = journal(*job, &held.journal).map_err(bad)?;
            items.push(Item::Journal { job: *job, records });
        }
        for (job, held) in &self.jobs {
            let Some((version, body)) = &held.snapshot else { continue };
            let record = rec::write_snapshot(*job, *version, body);
            let record = Record(record.map_err(|bad| bad.at(codec::SNAPSHOT, job))?);
            items.push(Item::Snapshot { job: *job, record });
        }
        for (id, row) in &self.checkpoints {
            let record = rec::write_checkpoint(row).map_err(|bad| bad.at(codec::CHECKPOINT, id))?;
            items.push(Item::Checkpoint { checkpoint: *id, record: Record(record) });
        }
        for ((owner, key), used) in &self.keys {
            let (owner, key) = (owner.clone(), key.clone());
            let UsedKey { job, digest, used_at } = *used;
            let record = Key { owner: owner.clone(), key: key.clone(), job, digest, used_at };
            let record = record.to_record().map_err(|bad| bad.at(codec::KEY, &key))?;
            items.push(Item::Key { owner, key, record: Record(record) });
        }
        items.extend(self.nudges.iter().map(|job| Item::Nudge { job: *job }));
        items.extend(self.feed.iter().map(|change| {
            let Change { feed, job, first_seq, last_seq } = *change;
            Item::Change { feed, job, first_seq, last_seq }
        }));
        items.extend(self.audit_items());
        items.push(Item::Time { last: self.last_time });
        Ok(items)
    }

    /// The records of a journal.
    pub(super) fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        let held = self.jobs.get(&job).map(|held| held.journal.as_slice());
        journal(job, held.unwrap_or_default()).map_err(|bad| bad.at(codec::APPEND, job))
    }

    /// Takes a piece in.
    pub(super) fn import(&mut self, item: Item) -> Result<(), StoreError> {
        match item {
            Item::Document { kind, id, record } => {
                let document = rec::read_document(&kind, &record.0)
                    .map_err(|bad| bad.at(codec::DOCUMENT, format!("{kind}/{id}")))?;
                self.last_time = self.last_time.max(document.updated_at);
                self.documents.insert((kind, id), document);
            }
            Item::Job { job, record } => {
                let bad = |bad: BadRecord| bad.at(codec::JOB, job);
                let HeldJob { row, last_commit, subscriptions, .. } =
                    HeldJob::from_record(&record.0).map_err(bad)?;
                let (journal, snapshot) = (Vec::new(), None);
                let held = Held { row, journal, snapshot, subscriptions, last_commit };
                if self.jobs.insert(job, held).is_some() {
                    return Err(bad(BadRecord::damaged("the store holds this job already")));
                }
            }
            Item::Journal { job, records } => {
                for (seq, record) in records {
                    let bad = |bad: BadRecord| bad.at(codec::APPEND, format!("{job} {seq}"));
                    let link = chain::read(seq, &record.0).map_err(bad)?;
                    let held = self.jobs.get_mut(&job);
                    let held = held.ok_or_else(|| bad(BadRecord::damaged("it has no job")))?;
                    held.journal.extend(link.events);
                }
            }
            Item::Snapshot { job, record } => {
                let snapshot = rec::read_snapshot(job, &record.0);
                let snapshot = snapshot.map_err(|bad| bad.at(codec::SNAPSHOT, job))?;
                if let Some(held) = self.jobs.get_mut(&job) {
                    held.snapshot = Some(snapshot);
                }
            }
            Item::Checkpoint { checkpoint, record } => {
                let row = rec::read_checkpoint(&record.0);
                let row = row.map_err(|bad| bad.at(codec::CHECKPOINT, checkpoint))?;
                self.checkpoints.insert(checkpoint, row);
            }
            Item::Key { owner, key, record } => {
                let used = Key::from_record(&record.0).map_err(|bad| bad.at(codec::KEY, &key))?;
                let Key { job, digest, used_at, .. } = used;
                self.keys.insert((owner, key), UsedKey { job, digest, used_at });
            }
            Item::Nudge { job } => drop(self.nudges.insert(job)),
            Item::Change { feed, job, first_seq, last_seq } => {
                self.feed.push(Change { feed, job, first_seq, last_seq });
            }
            Item::Audit { seq, record } => self.import_entry(seq, record.0)?,
            Item::Time { last } => {
                self.last_time = self.last_time.max(last);
                self.make_missing_trail()?;
            }
        }
        Ok(())
    }

    /// Removes those of these jobs that stand at this version and have ended.
    pub(super) fn remove_jobs(
        &mut self,
        jobs: &[(JobId, u64)],
        at: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        let last = self.feed.last().map(|change| change.job);
        let may_go = |state: &Self, job: &JobId, version: u64| {
            state.jobs.get(job).is_some_and(|held| {
                let has_ended = held.row.status.is_ended() && held.row.place == Place::Ended;
                has_ended && held.row.version == version && last != Some(*job)
            })
        };
        let gone: Vec<JobId> = jobs
            .iter()
            .filter(|(job, version)| may_go(self, job, *version))
            .map(|(job, _)| *job)
            .collect();
        if !gone.is_empty() {
            self.note(&audit::removal(&gone), at)?;
        }
        for job in &gone {
            self.jobs.remove(job);
            self.nudges.remove(job);
            self.checkpoints.retain(|_, row| row.job != *job);
        }
        Ok(gone)
    }

    /// Forgets what the feed says of jobs that are gone, but for its last entry.
    pub(super) fn prune_feed(&mut self, after: u64, max: usize) -> Option<u64> {
        let last = self.feed.last().map_or(0, |change| change.feed);
        let looked = self.feed.iter().filter(|change| change.feed > after).take(max);
        let seen = looked.map(|change| change.feed).last()?;
        let jobs = &self.jobs;
        self.feed.retain(|change| {
            let is_looked_at = change.feed > after && change.feed <= seen;
            !is_looked_at || change.feed == last || jobs.contains_key(&change.job)
        });
        (seen < last).then_some(seen)
    }
}

/// The records of a journal, as they would be on disk: the events of one append share a hash.
fn journal(job: JobId, events: &[Recorded]) -> Result<Vec<(u64, Record)>, BadRecord> {
    let mut records = Vec::with_capacity(events.len());
    let mut before = chain::genesis(job);
    for facts in events.chunk_by(|one, next| one.hash == next.hash) {
        let [first, ..] = facts else { continue };
        let events: Result<Vec<_>, _> =
            facts.iter().map(|fact| chain::event_json(&fact.event)).collect();
        let append = Append {
            first_seq: first.seq,
            previous_hash: before,
            at: first.at,
            by: Cow::Borrowed(&first.by),
            commit_id: first.commit_id,
            events: events?.into(),
        };
        let (linked, head) = chain::link(&append)?;
        records.extend(linked.into_iter().map(|(last_seq, record)| (last_seq, Record(record))));
        before = head;
    }
    Ok(records)
}
