//! Applies commands inside one transaction. A command reads and checks everything before it writes
//! anything, so one that is refused leaves its neighbours alone.

use std::borrow::Cow;

use ::redb::{ReadableTable, ReadableTableMetadata};

use crate::model::audit::{AuditHead, Fact};
use crate::model::id::{CheckpointId, JobId};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;
use crate::store::answer::{Document, DocumentOutcome};
use crate::store::audit::{ChangeOutcome, DocumentChange, Told, link_commit};
use crate::store::chain;
use crate::store::codec;
use crate::store::commit::{Commit, CommitOutcome, IdempotencyKey};
use crate::store::error::StoreError;
use crate::store::precondition::{self, Standing, UsedKey};
use crate::store::rec::{self, Append, HeldJob, Key};
use crate::store::redb::audit;
use crate::store::redb::card;
use crate::store::redb::counters::Tally;
use crate::store::redb::drawer::{Drawers, Place};
use crate::store::redb::error::Failure;
use crate::store::redb::index;
use crate::store::redb::journal;
use crate::store::redb::tables::{META_LAST_TIME, Tables};
use crate::store::redb::upkeep::{Kept, Upkeep};

/// Old idempotency keys that one creation forgets: more than it adds, so that they become fewer.
const KEYS_FORGOTTEN_AT_ONCE: usize = 64;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Makes a decision durable.
    Commit(Box<Prepared>),
    /// Writes a document.
    Put { kind: String, document: Document, expect_version: Option<u64> },
    /// Removes a document.
    Remove { kind: String, id: String },
    /// Changes documents, all or none, and writes the entry of a fact.
    Change { changes: Vec<DocumentChange>, fact: Option<Fact>, at: Timestamp },
    /// Clears a nudge.
    ClearNudge(JobId),
    /// Something beside decisions.
    Upkeep(Upkeep),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// Of a commit.
    Commit(CommitOutcome),
    /// Of writing a document.
    Document(DocumentOutcome),
    /// Was the document there?
    Removed(bool),
    /// Of changing documents.
    Changed(ChangeOutcome),
    /// What came of upkeep.
    Kept(Kept),
    /// Nothing to say.
    Done,
}

/// A commit with everything encoded that does not depend on what the store holds: that work is
/// done on the thread of the caller, not on the one writer.
#[derive(Debug)]
pub(super) struct Prepared {
    commit: Commit,
    events: Vec<Vec<u8>>,
    told: Told,
    checkpoints: Vec<Vec<u8>>,
    snapshot: Option<Vec<u8>>,
    place: Place,
    card: Vec<u8>,
}

impl Prepared {
    /// Checks and encodes.
    pub(super) fn new(mut commit: Commit) -> Result<Self, StoreError> {
        precondition::check_form(&commit)?;
        let job = commit.job;
        // The events are dropped here, so that the writer does not have to.
        let events = std::mem::take(&mut commit.events);
        let told = Told::of(events.iter().map(|event| &**event), &commit.checkpoints);
        let events = events.iter().map(|event| chain::event_json(event));
        let events = events.collect::<Result<_, _>>();
        let events = events.map_err(|bad| bad.at(codec::APPEND, job))?;
        let checkpoint = |row: &CheckpointRow| {
            rec::write_checkpoint(row).map_err(|bad| bad.at(codec::CHECKPOINT, row.id))
        };
        let checkpoints = commit.checkpoints.iter().map(checkpoint).collect::<Result<_, _>>()?;
        let version = commit.row.version;
        let snapshot = commit.snapshot.take().map(|body| {
            rec::write_snapshot(job, version, &body).map_err(|bad| bad.at(codec::SNAPSHOT, job))
        });
        let (place, card) = (card::place_of(&commit.row), card::card_of(&commit.row));
        let snapshot = snapshot.transpose()?;
        Ok(Self { commit, events, told, checkpoints, snapshot, place, card })
    }

    /// Is its job found by another text, or at another place, than before?
    fn changes_text(&self, old: Option<&JobRow>) -> bool {
        let new = &self.commit.row;
        old.is_none_or(|old| {
            (card::place_of(old), &old.name, &old.description)
                != (self.place, &new.name, &new.description)
        })
    }
}

/// One transaction's worth of commands.
pub(super) struct Group<'t> {
    pub(super) tables: Tables<'t>,
    pub(super) cards: Drawers,
    pub(super) texts: Drawers,
    pub(super) tally: Tally,
    pub(super) last_feed: u64,
    pub(super) last_time: Timestamp,
    pub(super) audit: AuditHead,
    held_time: Timestamp,
    held_audit: AuditHead,
    pub(super) changed: bool,
}

impl<'t> Group<'t> {
    /// Begins with the tables of a transaction.
    pub(super) fn begin(tables: Tables<'t>) -> Result<Self, Failure> {
        let last_feed = tables.feed.last()?.map_or(0, |(feed, _)| feed.value());
        let held_time = read_last_time(&tables.meta)?;
        let held_audit = audit::read_head(&tables.meta)?;
        Ok(Self {
            tables,
            cards: Drawers::new(codec::CARDS),
            texts: Drawers::new(codec::TEXTS),
            tally: Tally::default(),
            last_feed,
            last_time: held_time,
            audit: held_audit,
            held_time,
            held_audit,
            changed: false,
        })
    }

    /// Does one command. `Failure::Store` concerns this command alone.
    pub(super) fn apply(&mut self, command: &Command) -> Result<Answer, Failure> {
        match command {
            Command::Commit(prepared) => self.commit(prepared).map(Answer::Commit),
            Command::Put { kind, document, expect_version } => {
                self.put(kind, document, *expect_version).map(Answer::Document)
            }
            Command::Remove { kind, id } => {
                let removed = self.tables.documents.remove((kind.as_str(), id.as_str()))?.is_some();
                self.changed |= removed;
                Ok(Answer::Removed(removed))
            }
            Command::Change { changes, fact, at } => {
                self.change(changes, fact.as_ref(), *at).map(Answer::Changed)
            }
            Command::Upkeep(upkeep) => self.keep_up(upkeep).map(Answer::Kept),
            Command::ClearNudge(job) => {
                self.changed |= self.tables.nudges.remove(job.as_u128())?.is_some();
                Ok(Answer::Done)
            }
        }
    }

    /// Writes what the commands share. Says whether there is anything to commit.
    pub(super) fn finish(mut self) -> Result<bool, Failure> {
        if self.last_time > self.held_time {
            let text = self.last_time.0.to_string();
            self.tables.meta.insert(META_LAST_TIME, text.as_str())?;
        }
        if self.audit != self.held_audit {
            audit::write_head(&mut self.tables, self.audit)?;
        }
        self.tally.apply(&mut self.tables.counters)?;
        self.cards.write(&mut self.tables.cards)?;
        self.texts.write(&mut self.tables.texts)?;
        Ok(self.changed)
    }

    fn commit(&mut self, prepared: &Prepared) -> Result<CommitOutcome, Failure> {
        let commit = &prepared.commit;
        let held = self.held_job(commit.job)?;
        let used = commit.key.as_ref().map(|key| self.used_key(key)).transpose()?.flatten();
        let standing = held.as_ref().map(|held| self.standing(commit, held)).transpose()?;
        let used_key = used.as_ref().map(|key| UsedKey {
            job: key.job,
            digest: key.digest,
            used_at: key.used_at,
        });
        if let Some(outcome) = precondition::refuse(commit, standing, used_key) {
            return Ok(outcome);
        }
        let checkpoints = commit.checkpoints.iter().map(|row| self.held_checkpoint(row.id));
        let checkpoints = checkpoints.collect::<Result<Vec<_>, _>>()?;
        let append = Append {
            first_seq: commit.expect_version + 1,
            previous_hash: held
                .as_ref()
                .map_or_else(|| chain::genesis(commit.job), |held| held.head_hash),
            at: commit.at,
            by: Cow::Borrowed(&commit.by),
            commit_id: commit.commit_id,
            events: Cow::Borrowed(&prepared.events),
        };
        let linked = chain::link(&append);
        let (appends, head_hash) = linked.map_err(|bad| bad.at(codec::APPEND, commit.job))?;
        let job = HeldJob {
            row: commit.row.clone(),
            head_hash,
            last_commit: commit.commit_id,
            subscriptions: commit.subscriptions.clone(),
        };
        let record = job.to_record().map_err(|bad| bad.at(codec::JOB, commit.job))?;
        let key = commit.key.as_ref().map(|key| new_key(commit, key)).transpose()?;
        let feed = self.last_feed + 1;
        let entry = link_commit(self.audit, commit, &prepared.told, feed, head_hash)?;
        self.take_entries(prepared, held.as_ref())?;

        // Everything is read, checked and encoded: from here on only the disk can fail.
        self.changed = true;
        self.write_job(prepared, held.as_ref(), &job, &record, &appends)?;
        self.write_checkpoints(prepared, &checkpoints)?;
        self.write_entry(entry)?;
        if let (Some((key, record)), Some(wish)) = (key, &commit.key) {
            self.write_key(used.as_ref(), &key, &record, wish.forget_before)?;
        }
        self.last_time = self.last_time.max(commit.at);
        Ok(CommitOutcome::Applied { version: commit.row.version, feed: self.last_feed })
    }

    fn write_job(
        &mut self,
        prepared: &Prepared,
        held: Option<&HeldJob>,
        job: &HeldJob,
        record: &[u8],
        appends: &[(u64, Vec<u8>)],
    ) -> Result<(), Failure> {
        let commit = &prepared.commit;
        let (id, first_seq) = (commit.job.as_u128(), commit.expect_version + 1);
        self.last_feed += 1;
        self.tables.feed.insert(self.last_feed, (id, first_seq, job.row.version))?;
        let records = appends.iter().map(|(last_seq, record)| (*last_seq, record.as_slice()));
        journal::write(&mut self.tables, self.last_feed, id, records)?;
        self.tables.jobs.insert(id, record)?;
        let old_row = held.map(|held| &*held.row);
        index::move_job(&mut self.tables, old_row, &job.row)?;
        self.move_entries(prepared, old_row)?;
        let listened = held.map_or(&[][..], |held| &held.subscriptions);
        index::move_subscriptions(&mut self.tables, id, listened, &job.subscriptions)?;
        self.tally.job(old_row, &job.row);
        if let Some(snapshot) = &prepared.snapshot {
            self.tables.snapshots.insert(id, snapshot.as_slice())?;
        }
        if !self.tables.nudges.is_empty()? {
            self.tables.nudges.remove(id)?;
        }
        if let Some(nudged) = commit.nudge {
            self.tables.nudges.insert(nudged.as_u128(), ())?;
        }
        Ok(())
    }

    /// Takes the drawers in hand that a commit will change: damage of one refuses it here.
    fn take_entries(&mut self, prepared: &Prepared, held: Option<&HeldJob>) -> Result<(), Failure> {
        let Self { tables, cards, texts, .. } = self;
        let old = held.map(|held| &*held.row);
        for place in old.map(card::place_of).into_iter().chain([prepared.place]) {
            cards.take(&tables.cards, place)?;
            if prepared.changes_text(old) {
                texts.take(&tables.texts, place)?;
            }
        }
        Ok(())
    }

    /// Puts the card and the text of a job where they belong.
    fn move_entries(&mut self, prepared: &Prepared, old: Option<&JobRow>) -> Result<(), Failure> {
        let Self { tables, cards, texts, .. } = self;
        let place = prepared.place;
        if let Some(before) = old.map(card::place_of).filter(|before| *before != place) {
            cards.remove(&tables.cards, before)?;
            texts.remove(&tables.texts, before)?;
        }
        cards.put(&tables.cards, place, &prepared.card)?;
        if prepared.changes_text(old) {
            texts.put(&tables.texts, place, &card::text_of(&prepared.commit.row))?;
        }
        Ok(())
    }

    fn write_checkpoints(
        &mut self,
        prepared: &Prepared,
        held: &[Option<CheckpointRow>],
    ) -> Result<(), Failure> {
        let rows = prepared.commit.checkpoints.iter().zip(&prepared.checkpoints).zip(held);
        for ((row, record), old) in rows {
            self.tables.checkpoints.insert(row.id.as_u128(), record.as_slice())?;
            index::move_checkpoint(&mut self.tables, old.as_ref(), row)?;
            self.tally.checkpoint(old.as_ref(), row);
        }
        Ok(())
    }

    fn write_key(
        &mut self,
        forgotten: Option<&Key>,
        key: &Key,
        record: &[u8],
        forget_before: Timestamp,
    ) -> Result<(), Failure> {
        if let Some(old) = forgotten {
            let name = (old.used_at.0, old.owner.as_str(), old.key.as_str());
            self.tables.keys_by_age.remove(name)?;
        }
        for _ in 0..KEYS_FORGOTTEN_AT_ONCE {
            let Some((oldest, ())) = self.tables.keys_by_age.first()?.map(|(k, v)| (k, v.value()))
            else {
                break;
            };
            let (used_at, owner, name) = oldest.value();
            if used_at >= forget_before.0 {
                break;
            }
            self.tables.keys.remove((owner, name))?;
            drop(oldest);
            self.tables.keys_by_age.pop_first()?;
        }
        let (owner, name) = (key.owner.as_str(), key.key.as_str());
        self.tables.keys.insert((owner, name), record)?;
        self.tables.keys_by_age.insert((key.used_at.0, owner, name), ())?;
        Ok(())
    }

    fn put(
        &mut self,
        kind: &str,
        document: &Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, Failure> {
        let name = (kind, document.id.as_str());
        let bad =
            |bad: codec::BadRecord| bad.at(codec::DOCUMENT, format!("{kind}/{}", document.id));
        let held = self.tables.documents.get(name)?;
        let held = held.map(|record| rec::read_document(kind, record.value())).transpose();
        let version = held.map_err(bad)?.map_or(0, |held| held.version);
        if expect_version.is_some_and(|expected| expected != version) {
            return Ok(DocumentOutcome::Conflict(version));
        }
        let next = Document { version: version + 1, ..document.clone() };
        let record = rec::write_document(kind, &next).map_err(bad)?;
        self.tables.documents.insert(name, record.as_slice())?;
        self.changed = true;
        self.last_time = self.last_time.max(document.updated_at);
        Ok(DocumentOutcome::Written(next.version))
    }

    fn held_job(&self, job: JobId) -> Result<Option<HeldJob>, Failure> {
        let record = self.tables.jobs.get(job.as_u128())?;
        let held = record.map(|record| HeldJob::from_record(record.value())).transpose();
        Ok(held.map_err(|bad| bad.at(codec::JOB, job))?)
    }

    fn held_checkpoint(&self, id: CheckpointId) -> Result<Option<CheckpointRow>, Failure> {
        let record = self.tables.checkpoints.get(id.as_u128())?;
        let held = record.map(|record| rec::read_checkpoint(record.value())).transpose();
        Ok(held.map_err(|bad| bad.at(codec::CHECKPOINT, id))?)
    }

    fn used_key(&self, key: &IdempotencyKey) -> Result<Option<Key>, Failure> {
        let record = self.tables.keys.get((key.owner.as_str(), key.key.as_str()))?;
        let used = record.map(|record| Key::from_record(record.value())).transpose();
        Ok(used.map_err(|bad| bad.at(codec::KEY, format!("{}/{}", key.owner, key.key)))?)
    }

    /// What the job stands at. The journal is read only when the commit is behind it.
    fn standing(&self, commit: &Commit, held: &HeldJob) -> Result<Standing, Failure> {
        let version = held.row.version;
        let mut replayed = None;
        if version > commit.expect_version {
            let id = commit.job.as_u128();
            let mut ids = Vec::new();
            let later = (id, commit.expect_version + 1)..=(id, version);
            for entry in self.tables.journal_by_job.range(later)? {
                let (key, place) = entry?;
                let seq = key.value().1;
                let record = self.tables.journal.get(place.value())?;
                let record = record.ok_or_else(|| journal::missing(id, seq))?;
                let append = Append::from_record(record.value())
                    .map_err(|bad| bad.at(codec::APPEND, format!("{} {seq}", commit.job)))?;
                let after = (append.first_seq..=seq).filter(|seq| *seq > commit.expect_version);
                ids.extend(after.map(|_| append.commit_id));
                if append.commit_id != commit.commit_id {
                    break;
                }
            }
            replayed = precondition::replayed_version(commit, ids.into_iter());
        }
        Ok(Standing { version, fence: held.row.fence, replayed })
    }
}

fn new_key(commit: &Commit, wish: &IdempotencyKey) -> Result<(Key, Vec<u8>), StoreError> {
    let key = Key {
        owner: wish.owner.clone(),
        key: wish.key.clone(),
        job: commit.job,
        digest: wish.digest,
        used_at: commit.at,
    };
    let record = key.to_record().map_err(|bad| bad.at(codec::KEY, &wish.key))?;
    Ok((key, record))
}

/// The latest time of any fact in the store.
pub(super) fn read_last_time(
    meta: &impl ReadableTable<&'static str, &'static str>,
) -> Result<Timestamp, Failure> {
    let Some(text) = meta.get(META_LAST_TIME)? else { return Ok(Timestamp::default()) };
    let micros = text.value().parse().map_err(|_| StoreError::Corrupt {
        table: "meta",
        key: META_LAST_TIME.to_owned(),
        reason: format!("{:?} is no time", text.value()),
    })?;
    Ok(Timestamp(micros))
}
