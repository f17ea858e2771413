//! The hash chain of a journal: every append carries the hash of the one before it, the first one
//! that of its job. Pure; it writes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::event::{Event, Recorded};
use crate::model::id::{ContentHash, JobId};
use crate::store::codec::{self, BadRecord};
use crate::store::rec::Append;

/// Deepest nesting of an event as JSON: `serde_json` refuses to read deeper ones, so they must
/// not be written either.
const JSON_DEPTH_MAX: usize = 127;

/// Bytes of events that share a record; a larger append takes several, so that a journal can be
/// read in parts.
const APPEND_BYTES_MAX: usize = 1024 * 1024;

/// What stands before the first event of a journal.
pub fn genesis(job: JobId) -> ContentHash {
    ContentHash::of(job.0.as_bytes())
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

/// A bound of how deep well-formed JSON nests, exact where it is over the limit.
fn json_depth(json: &[u8]) -> usize {
    // Counting takes a fraction of the time that following the nesting does, and nearly every event
    // has too few brackets to nest too deep.
    let brackets = json.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if brackets <= JSON_DEPTH_MAX {
        return brackets;
    }
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

/// A record of a journal, at the place of its last event.
pub(crate) type Placed = (u64, Vec<u8>);

/// The records of an append, each with the place of its last event, and the hash of the last one.
/// It is one record, unless its events together are larger than a record is to be.
pub(crate) fn link(append: &Append<'_>) -> Result<(Vec<Placed>, ContentHash), BadRecord> {
    let mut records = Vec::with_capacity(1);
    let (mut rest, mut first_seq, mut head) =
        (&*append.events, append.first_seq, append.previous_hash);
    while !rest.is_empty() {
        let (events, more) = rest.split_at(fitting(rest));
        let part = Append {
            first_seq,
            previous_hash: head,
            by: Cow::Borrowed(&*append.by),
            events: Cow::Borrowed(events),
            ..*append
        };
        let record = part.to_record()?;
        head = ContentHash::of(codec::body(&record));
        first_seq += events.len() as u64;
        records.push((first_seq - 1, record));
        rest = more;
    }
    Ok((records, head))
}

/// How many of these events go into one record: at least one.
fn fitting(events: &[Vec<u8>]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Vec<u8>| {
        bytes += event.len();
        bytes <= APPEND_BYTES_MAX
    };
    events.iter().take_while(fits).count().max(1)
}

/// The events of one append as a journal gave them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    /// The events, in order; never empty.
    pub events: Vec<Recorded>,
    /// The hash that must be that of the append before it.
    pub previous_hash: ContentHash,
    /// The hash of this one.
    pub hash: ContentHash,
}

/// Reads one record of a journal that was found at this place: that of its last event.
pub(crate) fn read(last_seq: u64, record: &[u8]) -> Result<Link, BadRecord> {
    let append = Append::from_record(record)?;
    let last = append.first_seq.checked_add(append.events.len() as u64 - 1);
    if last != Some(last_seq) {
        let (first, count) = (append.first_seq, append.events.len());
        let reason = format!("it says that it is {count} events from {first} on");
        return Err(BadRecord::Damaged(reason));
    }
    let hash = ContentHash::of(codec::body(record));
    let event = |(seq, json): (u64, &Vec<u8>)| {
        let event: Event = serde_json::from_slice(json).map_err(BadRecord::damaged)?;
        let (at, by, commit_id) = (append.at, append.by.clone().into_owned(), append.commit_id);
        Ok(Recorded { seq, at, by, commit_id, event: Arc::new(event), hash })
    };
    let events =
        (append.first_seq..).zip(append.events.iter()).map(event).collect::<Result<_, _>>()?;
    Ok(Link { events, previous_hash: append.previous_hash, hash })
}

/// Follows a chain: the hash of the append before, if known, must be what the next one carries.
pub(crate) fn follow(before: Option<ContentHash>, link: &Link) -> Result<(), BadRecord> {
    match before {
        Some(hash) if hash != link.previous_hash => Err(BadRecord::Damaged(format!(
            "the append before it has hash {hash}, it carries {}: the journal was changed",
            link.previous_hash
        ))),
        _ => Ok(()),
    }
}
