//! The audit trail of the in-memory engine: groups of document changes, entries, what journals have
//! of a commit. As few lines as possible: it is the specification.

use std::collections::BTreeSet;

use crate::model::audit::{AuditEntry, AuditHead, CommitPlace, Fact};
use crate::model::time::Timestamp;
use crate::store::audit::{
    self, AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange, Told,
};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::item::{Item, Record};
use crate::store::memory::State;
use crate::store::rec::Draft;

impl State {
    /// Makes all changes and writes the entry of the fact, or does nothing.
    pub(super) fn change(
        &mut self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        let mut seen = BTreeSet::new();
        for (index, change) in changes.iter().enumerate() {
            let (kind, id, expected) = match change {
                DocumentChange::Put { kind, document, expect_version } => {
                    (kind, &document.id, expect_version)
                }
                DocumentChange::Remove { kind, id, expect_version } => (kind, id, expect_version),
            };
            let name = (kind.clone(), id.clone());
            let version = self.documents.get(&name).map_or(0, |held| held.version);
            if !seen.insert(name) || expected.is_some_and(|expected| expected != version) {
                return Ok(ChangeOutcome::Conflict { index, version });
            }
        }
        if let Some(fact) = fact {
            self.note(&fact, at)?;
        }
        for change in changes {
            match change {
                DocumentChange::Put { kind, document, .. } => {
                    self.put(&kind, document, None);
                }
                DocumentChange::Remove { kind, id, .. } => {
                    self.documents.remove(&(kind, id));
                }
            }
        }
        Ok(ChangeOutcome::Applied)
    }

    /// Writes the entry of a fact.
    pub(super) fn note(&mut self, fact: &Fact, at: Timestamp) -> Result<(), StoreError> {
        let entry = audit::link_fact(self.head, fact, at)?;
        self.last_time = self.last_time.max(at);
        self.write_entry(entry);
        Ok(())
    }

    /// Writes the next entry.
    pub(super) fn write_entry(&mut self, (record, head): (Vec<u8>, AuditHead)) {
        self.audit.push(record);
        self.head = head;
    }

    /// Takes an entry of another store in, which must be the next one.
    pub(super) fn import_entry(&mut self, seq: u64, record: Vec<u8>) -> Result<(), StoreError> {
        let entry = audit::read(seq, &record)?;
        let after = audit::follow(self.head, &entry).map_err(|reason| StoreError::Corrupt {
            table: "audit",
            key: seq.to_string(),
            reason,
        })?;
        self.write_entry((record, after));
        Ok(())
    }

    /// A store that comes from a format without a trail gets one.
    pub(super) fn make_missing_trail(&mut self) -> Result<(), StoreError> {
        if !self.audit.is_empty() || self.feed.is_empty() {
            return Ok(());
        }
        for change in self.feed.clone() {
            let Some(held) = self.jobs.get(&change.job) else { continue };
            let of_commit = |seq| seq >= change.first_seq && seq <= change.last_seq;
            let events: Vec<_> = held.journal.iter().filter(|fact| of_commit(fact.seq)).collect();
            let Some(last) = events.last() else { continue };
            let rows: Vec<_> = self.checkpoints.values().cloned().collect();
            let told = Told::of(events.iter().map(|fact| &*fact.event), &rows);
            let (job, feed, last_seq) = (change.job, change.feed, change.last_seq);
            let draft = Draft {
                at: last.at,
                by: &last.by,
                action: told.action,
                target: "",
                commit: Some(CommitPlace { job, feed, last_seq }),
                digest: last.hash,
                shown: told.shown,
                has_reason: told.has_reason,
                detail: None,
                origin: None,
            };
            let entry = draft.link(self.head);
            let entry = entry.map_err(|bad| bad.at(codec::AUDIT, self.head.count + 1))?;
            self.write_entry(entry);
        }
        self.note(&audit::raised("a stream without a trail", self.head.count), self.last_time)
    }

    /// The entries as pieces of a store.
    pub(super) fn audit_items(&self) -> impl Iterator<Item = Item> {
        let records = (1..).zip(&self.audit);
        records.map(|(seq, record)| Item::Audit { seq, record: Record(record.clone()) })
    }

    /// Entries after a place, in order.
    pub(super) fn entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let later = (1..).zip(&self.audit).skip(usize::try_from(after).unwrap_or(usize::MAX));
        later.take(max).map(|(seq, record)| audit::read(seq, record)).collect()
    }

    /// A page, newest first.
    pub(super) fn audit_page(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let before = query.before.unwrap_or(u64::MAX);
        let newest_first = (1..=self.head.count)
            .rev()
            .zip(self.audit.iter().rev())
            .filter(|(seq, _)| *seq < before);
        let entries = newest_first.map(|(seq, record)| audit::read(seq, record));
        audit::page(query, self.head.count, entries)
    }

    /// What the journals have of the commits after a place.
    pub(super) fn appends(&self, after: u64, max: usize) -> Vec<AppendSeal> {
        let later = self.feed.iter().filter(|change| change.feed > after).take(max);
        let seal = |change: &crate::store::Change| {
            let held = self.jobs.get(&change.job);
            let last = held.map(|held| held.journal.iter().find(|e| e.seq == change.last_seq));
            let hash = match last {
                None => Ok(None),
                Some(Some(event)) => Ok(Some(event.hash)),
                Some(None) => Err("its records are missing".to_owned()),
            };
            let (feed, job, last_seq) = (change.feed, change.job, change.last_seq);
            AppendSeal { feed, job, last_seq, hash }
        };
        later.map(seal).collect()
    }
}
