//! The hash chain of a journal: every event carries the hash of the one before it, the first one
//! that of its job. Pure; it writes nothing.

use std::sync::Arc;

use crate::model::event::{Event, Recorded};
use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::codec::{self, BadRecord};
use crate::store::rec::Envelope;

/// Deepest nesting of an event as JSON: `serde_json` refuses to read deeper ones, so they must
/// not be written either.
const JSON_DEPTH_MAX: usize = 127;

/// What stands before the first event of a journal.
pub fn genesis(job: JobId) -> ContentHash {
    ContentHash::of(job.0.as_bytes())
}

/// Everything of a commit that its events share.
#[derive(Clone, Debug)]
pub(crate) struct Append<'a> {
    /// The place of the first event.
    pub first_seq: u64,
    /// The hash of the event before it.
    pub previous_hash: ContentHash,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: &'a Principal,
    /// The commit.
    pub commit_id: CommitId,
}

/// An event as JSON, sure to be readable again.
pub(crate) fn event_json(event: &Event) -> Result<Vec<u8>, BadRecord> {
    let json = serde_json::to_vec(event).map_err(BadRecord::damaged)?;
    let depth = json_depth(&json);
    if depth > JSON_DEPTH_MAX {
        return Err(BadRecord::Damaged(format!(
            "event {:?} nests {depth} deep; at most {JSON_DEPTH_MAX} can be read again",
            event.name()
        )));
    }
    Ok(json)
}

/// How deep well-formed JSON nests.
fn json_depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The records of these events (name and JSON of each), in order, and the hash of the last one.
pub(crate) fn link(
    append: &Append<'_>,
    events: &[(&'static str, Vec<u8>)],
) -> Result<(Vec<Vec<u8>>, ContentHash), BadRecord> {
    let mut head = append.previous_hash;
    let mut records = Vec::with_capacity(events.len());
    for (seq, (kind, json)) in (append.first_seq..).zip(events) {
        let envelope = Envelope {
            seq,
            at: append.at,
            by: append.by.clone(),
            commit_id: append.commit_id,
            kind: (*kind).to_owned(),
            previous_hash: head,
            body: json.clone(),
        };
        let body = envelope.to_body()?;
        head = ContentHash::of(&body);
        records.push(codec::seal(codec::ENVELOPE, &body));
    }
    Ok((records, head))
}

/// An event as a journal gave it, with the hash of the one before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    /// The event.
    pub recorded: Recorded,
    /// The hash that must be that of the event before it.
    pub previous_hash: ContentHash,
}

/// Reads one record of a journal that was found at this place.
pub(crate) fn read(seq: u64, record: &[u8]) -> Result<Link, BadRecord> {
    let body = codec::open(codec::ENVELOPE, record)?;
    let envelope = Envelope::from_body(body)?;
    if envelope.seq != seq {
        return Err(BadRecord::Damaged(format!("it says that it is event {}", envelope.seq)));
    }
    let event: Event = serde_json::from_slice(&envelope.body).map_err(BadRecord::damaged)?;
    let recorded = Recorded {
        seq,
        at: envelope.at,
        by: envelope.by,
        commit_id: envelope.commit_id,
        event: Arc::new(event),
        hash: ContentHash::of(body),
    };
    Ok(Link { recorded, previous_hash: envelope.previous_hash })
}

/// Follows a chain: the hash of the event before, if known, must be what the next one carries.
pub(crate) fn follow(before: Option<ContentHash>, link: &Link) -> Result<(), BadRecord> {
    match before {
        Some(hash) if hash != link.previous_hash => Err(BadRecord::Damaged(format!(
            "the event before it has hash {hash}, it carries {}: the journal was changed",
            link.previous_hash
        ))),
        _ => Ok(()),
    }
}
