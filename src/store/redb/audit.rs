//! The audit trail in the file: entries written by the transaction of what they are about, groups
//! of document changes, and the reads of both. An entry, once written, is never touched.

use std::collections::BTreeSet;

use ::redb::{ReadTransaction, ReadableTable};

use crate::model::audit::{AuditEntry, AuditHead, CommitPlace, Fact};
use crate::model::id::{ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::answer::Document;
use crate::store::audit::{
    self, AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange, Told,
};
use crate::store::chain;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::item::Record;
use crate::store::rec::{self, Append, Draft};
use crate::store::redb::apply::{Group, read_last_time};
use crate::store::redb::error::Failure;
use crate::store::redb::journal;
use crate::store::redb::tables::{
    AUDIT, FEED, JOBS, JOURNAL, META, META_AUDIT_HEAD, META_STORE_ID, Tables,
};

/// A document as it is to be written, by kind and id; no record: it goes.
type Change<'c> = (&'c str, &'c str, Option<(Vec<u8>, Timestamp)>);

impl Group<'_> {
    /// Makes all changes and writes the entry of the fact, or does nothing.
    pub(super) fn change(
        &mut self,
        changes: &[DocumentChange],
        fact: Option<&Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, Failure> {
        let (mut ready, mut seen): (Vec<Change<'_>>, _) = (Vec::new(), BTreeSet::new());
        for (index, change) in changes.iter().enumerate() {
            let (kind, id, expected) = match change {
                DocumentChange::Put { kind, document, expect_version } => {
                    (kind, &document.id, expect_version)
                }
                DocumentChange::Remove { kind, id, expect_version } => (kind, id, expect_version),
            };
            let version = self.held_version(kind, id)?;
            // A document that comes twice would be judged by what it no longer is.
            if !seen.insert((kind, id)) || expected.is_some_and(|expected| expected != version) {
                return Ok(ChangeOutcome::Conflict { index, version });
            }
            let written = match change {
                DocumentChange::Put { document, .. } => {
                    let next = Document { version: version + 1, ..document.clone() };
                    let record = rec::write_document(kind, &next);
                    let record =
                        record.map_err(|bad| bad.at(codec::DOCUMENT, format!("{kind}/{id}")))?;
                    Some((record, document.updated_at))
                }
                DocumentChange::Remove { .. } => None,
            };
            ready.push((kind, id, written));
        }
        let entry = fact.map(|fact| audit::link_fact(self.audit, fact, at)).transpose()?;
        for (kind, id, written) in ready {
            match written {
                Some((record, updated_at)) => {
                    self.tables.documents.insert((kind, id), record.as_slice())?;
                    self.last_time = self.last_time.max(updated_at);
                    self.changed = true;
                }
                None => self.changed |= self.tables.documents.remove((kind, id))?.is_some(),
            }
        }
        if let Some(entry) = entry {
            self.last_time = self.last_time.max(at);
            self.write_entry(entry)?;
        }
        Ok(ChangeOutcome::Applied)
    }

    fn held_version(&self, kind: &str, id: &str) -> Result<u64, Failure> {
        let held = self.tables.documents.get((kind, id))?;
        let held = held.map(|record| rec::read_document(kind, record.value())).transpose();
        let held = held.map_err(|bad| bad.at(codec::DOCUMENT, format!("{kind}/{id}")))?;
        Ok(held.map_or(0, |held| held.version))
    }

    /// Writes the next entry.
    pub(super) fn write_entry(&mut self, entry: (Vec<u8>, AuditHead)) -> Result<(), Failure> {
        let (record, head) = entry;
        self.tables.audit.insert(head.count, record.as_slice())?;
        self.audit = head;
        self.changed = true;
        Ok(())
    }

    /// Takes an entry of another store in, which must be the next one.
    pub(super) fn import_entry(&mut self, seq: u64, record: &[u8]) -> Result<(), Failure> {
        let entry = audit::read(seq, record)?;
        let after = audit::follow(self.audit, &entry);
        let after = after.map_err(|reason| damaged(seq, reason))?;
        self.write_entry((record.to_vec(), after))
    }

    /// A store that comes from a format without a trail gets one.
    pub(super) fn make_missing_trail(&mut self) -> Result<(), Failure> {
        if self.audit.count == 0 && self.last_feed > 0 {
            self.audit = make_trail(&mut self.tables, "a stream without a trail", self.last_time)?;
        }
        Ok(())
    }
}

/// An entry that is not what was written.
pub(super) fn damaged(seq: u64, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { table: "audit", key: seq.to_string(), reason: reason.into() }
}

/// How far the trail goes.
pub(super) fn read_head(
    meta: &impl ReadableTable<&'static str, &'static str>,
) -> Result<AuditHead, Failure> {
    let text = meta.get(META_AUDIT_HEAD)?;
    let text = text.as_ref().map(|text| text.value());
    let head = audit::read_head(text).ok_or_else(|| StoreError::Corrupt {
        table: "meta",
        key: META_AUDIT_HEAD.to_owned(),
        reason: format!("{:?} is no head", text.unwrap_or_default()),
    })?;
    Ok(head)
}

/// Notes how far it goes.
pub(super) fn write_head(tables: &mut Tables<'_>, head: AuditHead) -> Result<(), Failure> {
    tables.meta.insert(META_AUDIT_HEAD, audit::head_text(head).as_str())?;
    Ok(())
}

/// Makes the entries of all journals that are there, in the order of the feed, and one that says
/// so: what is before it was made afterwards.
pub(super) fn make_trail(
    tables: &mut Tables<'_>,
    from: &str,
    at: Timestamp,
) -> Result<AuditHead, Failure> {
    let mut head = AuditHead::genesis();
    let mut after = 0;
    while let Some((feed, (job, _, last_seq))) = next_change(tables, after)? {
        after = feed;
        let Some(told) = told_at(tables, feed)? else { continue };
        let (append, by, told, digest) = told;
        let job = JobId::from_u128(job);
        let draft = Draft {
            at: append,
            by: &by,
            action: told.action,
            target: "",
            commit: Some(CommitPlace { job, feed, last_seq }),
            digest,
            shown: told.shown,
            has_reason: told.has_reason,
            detail: None,
            origin: None,
        };
        let linked = draft.link(head).map_err(|bad| bad.at(codec::AUDIT, head.count + 1))?;
        tables.audit.insert(linked.1.count, linked.0.as_slice())?;
        head = linked.1;
    }
    if head.count > 0 {
        let (record, next) = audit::link_fact(head, &audit::raised(from, head.count), at)?;
        tables.audit.insert(next.count, record.as_slice())?;
        head = next;
    }
    write_head(tables, head)?;
    Ok(head)
}

/// A place of the feed, with the job that changed there, its first and its last new event.
type ChangeAt = (u64, (u128, u64, u64));

fn next_change(tables: &Tables<'_>, after: u64) -> Result<Option<ChangeAt>, Failure> {
    let next = tables.feed.range(after + 1..)?.next().transpose()?;
    Ok(next.map(|(feed, change)| (feed.value(), change.value())))
}

/// When, by whom, what, and the hash of the last record.
type ToldAt = (Timestamp, Principal, Told, ContentHash);

/// What a commit of a journal is remembered as; nothing where its job is gone. A record that cannot
/// be read costs its own entry only: the whole-store check names it.
fn told_at(tables: &Tables<'_>, feed: u64) -> Result<Option<ToldAt>, Failure> {
    let (mut events, mut last) = (Vec::new(), None);
    for entry in tables.journal.range((feed, 0)..=(feed, u32::MAX))? {
        let (_, record) = entry?;
        let Ok(append) = Append::from_record(record.value()) else { return Ok(None) };
        let parsed = append.events.iter().map(|json| serde_json::from_slice(json));
        let Ok(parsed) = parsed.collect::<Result<Vec<_>, _>>() else { return Ok(None) };
        events.extend(parsed);
        let hash = ContentHash::of(codec::body(record.value()));
        last = Some((append.at, append.by.into_owned(), hash));
    }
    let Some((at, by, hash)) = last else { return Ok(None) };
    let shown = |id| -> Result<_, Failure> {
        let record = tables.checkpoints.get(id)?;
        Ok(record.and_then(|record| rec::read_checkpoint(record.value()).ok()))
    };
    let mut rows = Vec::new();
    for event in &events {
        if let Some(checkpoint) = audit::checkpoint_of(event) {
            rows.extend(shown(checkpoint.as_u128())?);
        }
    }
    Ok(Some((at, by, Told::of(&events, &rows), hash)))
}

/// How far the trail goes.
pub(super) fn head(t: &ReadTransaction) -> Result<AuditHead, Failure> {
    read_head(&t.open_table(META)?)
}

/// The random id of the store.
pub(super) fn store_id(t: &ReadTransaction) -> Result<String, Failure> {
    let id = t.open_table(META)?.get(META_STORE_ID)?;
    Ok(id.map(|id| id.value().to_owned()).unwrap_or_default())
}

/// Entries after a place, in order.
pub(super) fn entries(
    t: &ReadTransaction,
    after: u64,
    max: usize,
) -> Result<Vec<AuditEntry>, Failure> {
    let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    for entry in t.open_table(AUDIT)?.range(first..)?.take(max) {
        let (seq, record) = entry?;
        entries.push(audit::read(seq.value(), record.value())?);
    }
    Ok(entries)
}

/// A page, newest first.
pub(super) fn page(t: &ReadTransaction, query: &AuditQuery) -> Result<AuditPage, Failure> {
    let before = query.before.unwrap_or(u64::MAX);
    let newest_first = t.open_table(AUDIT)?.range(..before)?.rev().map(|entry| {
        let (seq, record) = entry?;
        Ok(audit::read(seq.value(), record.value())?)
    });
    audit::page(query, head(t)?.count, newest_first)
}

/// What the journals have of the commits after a place.
pub(super) fn appends(
    t: &ReadTransaction,
    after: u64,
    max: usize,
) -> Result<Vec<AppendSeal>, Failure> {
    let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
    let (journal, jobs) = (t.open_table(JOURNAL)?, t.open_table(JOBS)?);
    let mut seals = Vec::new();
    for entry in t.open_table(FEED)?.range(first..)?.take(max) {
        let (feed, change) = entry?;
        let (feed, (job, _, last_seq)) = (feed.value(), change.value());
        let mut parts = Vec::new();
        for record in journal.range((feed, 0)..=(feed, u32::MAX))? {
            parts.push(record?.1.value().to_vec());
        }
        let hash = match jobs.get(job)?.is_some() || !parts.is_empty() {
            true => seal(last_seq, &parts).map(Some),
            false => Ok(None),
        };
        seals.push(AppendSeal { feed, job: JobId::from_u128(job), last_seq, hash });
    }
    Ok(seals)
}

/// The hash of the last record of an append, each of whose records carries that of the one before.
fn seal(last_seq: u64, parts: &[Vec<u8>]) -> Result<ContentHash, String> {
    let mut before: Option<ContentHash> = None;
    for record in parts {
        let append = Append::from_record(record).map_err(|bad| bad.to_string())?;
        let last = append.first_seq + append.events.len() as u64 - 1;
        let link = chain::read(last, record).map_err(|bad| bad.to_string())?;
        chain::follow(before, &link).map_err(|bad| bad.to_string())?;
        before = Some(link.hash);
        if last > last_seq {
            return Err(format!("it holds event {last}, the feed says up to {last_seq}"));
        }
    }
    before.ok_or_else(|| "its records are missing".to_owned())
}

/// The records of a journal.
pub(super) fn journal_records(
    t: &ReadTransaction,
    job: JobId,
) -> Result<Vec<(u64, Record)>, Failure> {
    let mut records = Vec::new();
    for held in journal::records(t, job, 1)? {
        let (last_seq, record) = held?;
        records.push((last_seq, Record(record.value().to_vec())));
    }
    Ok(records)
}

/// Every entry follows on the one before it up to the head: what the whole-store check says of the
/// trail.
pub(super) fn check(t: &ReadTransaction) -> Result<Vec<StoreError>, Failure> {
    let (mut defects, mut at) = (Vec::new(), AuditHead::genesis());
    for entry in t.open_table(AUDIT)?.iter()? {
        let (seq, record) = entry?;
        let seq = seq.value();
        let followed = audit::read(seq, record.value()).and_then(|entry| {
            audit::follow(at, &entry).map_err(|reason| damaged(seq, reason))?;
            Ok(AuditHead { count: seq, hash: entry.hash })
        });
        match followed {
            Ok(after) => at = after,
            // What comes after it cannot be judged by a link that is lost.
            Err(error) => {
                defects.push(error);
                return Ok(defects);
            }
        }
    }
    let head = head(t)?;
    if head != at {
        let reason = format!(
            "it ends with entry {} and link {}; its head says {} and {}",
            at.count, at.hash, head.count, head.hash
        );
        defects.push(damaged(at.count, reason));
    }
    Ok(defects)
}

/// The latest time in a store, for the entry that raising it makes.
pub(super) fn latest(tables: &Tables<'_>) -> Result<Timestamp, Failure> {
    read_last_time(&tables.meta)
}
