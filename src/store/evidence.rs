//! Bytes of a store outside any store: what a person checks who has only a few records and no
//! server. It reads what it is given and nothing else.

use serde_json::Value;

use crate::model::audit::AuditEntry;
use crate::model::id::ContentHash;
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::codec;
use crate::store::rec::{self, Append, Draft};

/// An append, out of the body of its record.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadAppend {
    /// The place of its first event.
    pub first_seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// The hash of the append before it.
    pub previous_hash: ContentHash,
    /// Its events, as JSON.
    pub events: Vec<Value>,
}

/// The append in the body of a record of this schema version.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_append(version: u16, body: &[u8]) -> Result<ReadAppend, String> {
    let append = Append::from_body(version, body).map_err(|bad| bad.to_string())?;
    let events = append.events.iter().map(|json| serde_json::from_slice(json));
    Ok(ReadAppend {
        first_seq: append.first_seq,
        at: append.at,
        by: append.by.clone().into_owned(),
        previous_hash: append.previous_hash,
        events: events.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
    })
}

/// The entry of the audit trail with this content, behind the entry that has this link.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_entry(content: &[u8], previous: ContentHash) -> Result<AuditEntry, String> {
    let mut body = content.to_vec();
    body.extend_from_slice(&previous.0);
    rec::read_audit_body(&body).map_err(|bad| bad.to_string())
}

/// The content of the entry of a commit: the bytes that its content hash is of.
///
/// # Errors
/// When these are not the bytes that it was read from; it is so with facts, whose detail has many
/// spellings.
pub fn entry_content(entry: &AuditEntry) -> Result<Vec<u8>, String> {
    let draft = Draft {
        at: entry.at,
        by: &entry.by,
        action: &entry.action,
        target: "",
        commit: entry.commit,
        digest: entry.digest,
        shown: entry.shown,
        has_reason: entry.has_reason,
        detail: None,
        origin: entry.origin.as_ref(),
    };
    let before = crate::model::audit::AuditHead {
        count: entry.seq.saturating_sub(1),
        hash: entry.previous_hash,
    };
    let (record, _) = draft.link(before).map_err(|bad| bad.to_string())?;
    let body = codec::body(&record);
    let content = body.get(..body.len().saturating_sub(32)).unwrap_or_default();
    match ContentHash::of(content) == entry.content_hash {
        true => Ok(content.to_vec()),
        false => Err(format!("entry {} cannot be written as it was", entry.seq)),
    }
}
