//! Entries of the audit trail as records. The link of the entry before stands at the very end, so
//! that the content of an entry can be hashed without it.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::audit::{AuditEntry, AuditHead, CommitPlace, Origin};
use crate::model::id::{ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::codec::{self, BadRecord};
use crate::store::rec::convert::{read_author, write_author};
use crate::store::rec::v1;

/// Bytes of a link at the end of a record.
const LINK_BYTES: usize = 32;

/// An entry that has no place in the trail yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft<'a> {
    pub at: Timestamp,
    pub by: &'a Principal,
    pub action: &'a str,
    /// Empty for a commit: its job is the target.
    pub target: &'a str,
    pub commit: Option<CommitPlace>,
    pub digest: ContentHash,
    pub shown: Option<ContentHash>,
    pub has_reason: bool,
    /// JSON; none for null.
    pub detail: Option<&'a [u8]>,
    pub origin: Option<&'a Origin>,
}

impl Draft<'_> {
    /// The record of the next entry, and the head after it.
    pub(crate) fn link(&self, head: AuditHead) -> Result<(Vec<u8>, AuditHead), BadRecord> {
        let text = |text| Cow::Borrowed(text);
        let record = v1::AuditEntry {
            seq: head.count + 1,
            at: self.at.0,
            by: write_author(self.by),
            action: text(self.action),
            target: text(self.target),
            commit: self.commit.map(|commit| v1::AuditedCommit {
                job: commit.job.as_u128(),
                feed: commit.feed,
                last_seq: commit.last_seq,
            }),
            digest: self.digest.0,
            shown: self.shown.map(|shown| shown.0),
            has_reason: self.has_reason,
            detail: self.detail.map(|json| v1::Bytes(json.into())),
            origin: self.origin.map(|origin| v1::Origin {
                address: origin.address.as_deref().map(text),
                via: text(&origin.via),
            }),
            previous_hash: head.hash.0,
        };
        let bytes_about = 160 + self.target.len() + self.detail.map_or(0, <[u8]>::len);
        let record = codec::encode(codec::AUDIT, &record, bytes_about)?;
        let after = head.after(content_hash(codec::body(&record)));
        Ok((record, after))
    }
}

fn content_hash(body: &[u8]) -> ContentHash {
    ContentHash::of(body.get(..body.len().saturating_sub(LINK_BYTES)).unwrap_or_default())
}

/// The entry in a record that was found at this place.
pub(crate) fn read_audit(seq: u64, record: &[u8]) -> Result<AuditEntry, BadRecord> {
    let entry = read_audit_body(codec::open(codec::AUDIT, record)?.1)?;
    match entry.seq == seq {
        true => Ok(entry),
        false => Err(BadRecord::Damaged(format!("it is entry {}", entry.seq))),
    }
}

/// The entry in the body of a record: its content and, behind it, the link of the entry before.
pub(crate) fn read_audit_body(body: &[u8]) -> Result<AuditEntry, BadRecord> {
    let entry: v1::AuditEntry<'_> = codec::decode_body(body)?;
    let seq = entry.seq;
    let detail = match &entry.detail {
        Some(json) => serde_json::from_slice(&json.0).map_err(BadRecord::damaged)?,
        None => Value::Null,
    };
    let commit = entry.commit.map(|commit| CommitPlace {
        job: JobId::from_u128(commit.job),
        feed: commit.feed,
        last_seq: commit.last_seq,
    });
    let target = commit.map(|commit| commit.job.to_string());
    let (previous, content) = (ContentHash(entry.previous_hash), content_hash(body));
    let before = AuditHead { count: seq.saturating_sub(1), hash: previous };
    Ok(AuditEntry {
        seq,
        at: Timestamp(entry.at),
        by: read_author(entry.by)?,
        action: entry.action.into_owned(),
        target: target.unwrap_or_else(|| entry.target.into_owned()),
        commit,
        digest: ContentHash(entry.digest),
        shown: entry.shown.map(ContentHash),
        has_reason: entry.has_reason,
        detail,
        origin: entry.origin.map(|origin| Origin {
            address: origin.address.map(Cow::into_owned),
            via: origin.via.into_owned(),
        }),
        previous_hash: previous,
        content_hash: content,
        hash: before.after(content).hash,
    })
}
