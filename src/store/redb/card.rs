//! Cards: what lists are filtered and sorted by, a few bytes for each job, and the text that is
//! searched in. A card says which rows are worth reading; what a page shows is decided by the rows.

use crate::model::id::ContentHash;
use crate::model::row::JobRow;
use crate::store::code::Coded;
use crate::store::codec::BadRecord;
use crate::store::page::{self, SortKey};
use crate::store::query::{JobQuery, JobSort};
use crate::store::redb::drawer::Place;

/// Bytes of a card before the marks of its labels.
const FIXED_BYTES: usize = 36;
/// Bytes of a mark.
const MARK_BYTES: usize = 8;
/// Bytes of text that are kept to be searched; a longer one is searched in the row.
const TEXT_BYTES_MAX: usize = 2_000;
/// Before a text that is kept.
const WHOLE: u8 = 1;
/// In place of a text that is not.
const LONG: u8 = 0;
/// Between name and description: no text that is looked for has this byte.
const BETWEEN: u8 = 0xff;

/// Where the entries of a job stand.
pub(super) fn place_of(row: &JobRow) -> Place {
    (row.created_at.0, row.id.as_u128())
}

/// The beginning of the SHA-256 of a text, never 0: two texts of a store have the same one by
/// chance in one of 2^64 cases, and then the rows decide.
fn mark(text: &[u8]) -> u64 {
    let ContentHash([a, b, c, d, e, f, g, h, ..]) = ContentHash::of(text);
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}

/// The mark of a label. Its key has at most 200 bytes, so that the length keeps it apart from the
/// value.
fn label_mark(key: &str, value: &str) -> u64 {
    let mut bytes = Vec::with_capacity(8 + key.len() + value.len());
    bytes.extend_from_slice(&(key.len() as u64).to_le_bytes());
    bytes.extend_from_slice(key.as_bytes());
    bytes.extend_from_slice(value.as_bytes());
    mark(&bytes)
}

/// The card of a job: when it changed; the marks of workflow, owner and agent (0: none); status,
/// phase, whether it waits for a person, priority; the marks of its labels.
pub(super) fn card_of(row: &JobRow) -> Vec<u8> {
    let mut card = Vec::with_capacity(FIXED_BYTES + row.labels.len() * MARK_BYTES);
    card.extend_from_slice(&row.updated_at.0.to_le_bytes());
    let agent = row.agent.as_ref().map_or(0, |agent| mark(agent.as_bytes()));
    for mark in [mark(row.job_type.as_bytes()), mark(row.owner.as_bytes()), agent] {
        card.extend_from_slice(&mark.to_le_bytes());
    }
    let waits = u8::from(page::waits_for_person(row));
    card.extend_from_slice(&[row.status.code(), row.phase.code(), waits, row.priority]);
    for (key, value) in &row.labels {
        card.extend_from_slice(&label_mark(key, value).to_le_bytes());
    }
    card
}

/// The searched text of a job, name and description in lower case; of a long one only that it is
/// long.
pub(super) fn text_of(row: &JobRow) -> Vec<u8> {
    if row.name.len() + row.description.len() > TEXT_BYTES_MAX {
        return vec![LONG];
    }
    let mut text = vec![WHOLE];
    text.extend_from_slice(row.name.to_lowercase().as_bytes());
    text.push(BETWEEN);
    text.extend_from_slice(row.description.to_lowercase().as_bytes());
    text
}

/// A query made ready for many cards.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Bits of the codes of the statuses; all of them when any will do.
    statuses: u64,
    phase: Option<u8>,
    job_type: Option<u64>,
    owner: Option<u64>,
    agent: Option<u64>,
    waits: bool,
    labels: Vec<u64>,
}

impl Wanted {
    /// Of this query, except for its text and its times.
    pub(super) fn of(query: &JobQuery) -> Self {
        let bit = |code: u8| 1u64.checked_shl(u32::from(code)).unwrap_or(0);
        let bits = query.statuses.iter().fold(0, |bits, status| bits | bit(status.code()));
        let marked = |text: &Option<String>| text.as_ref().map(|text| mark(text.as_bytes()));
        Self {
            statuses: if query.statuses.is_empty() { u64::MAX } else { bits },
            phase: query.phase.map(Coded::code),
            job_type: marked(&query.job_type),
            owner: marked(&query.owner),
            agent: marked(&query.agent),
            waits: query.waiting_for_person,
            labels: query.labels.iter().map(|(key, value)| label_mark(key, value)).collect(),
        }
    }

    /// Is the card of a job that the query is about?
    pub(super) fn matches(&self, card: &Card<'_>) -> bool {
        let bit = 1u64.checked_shl(u32::from(card.status)).unwrap_or(0);
        self.statuses & bit != 0
            && self.phase.is_none_or(|phase| phase == card.phase)
            && self.job_type.is_none_or(|mark| mark == card.job_type)
            && self.owner.is_none_or(|mark| mark == card.owner)
            && self.agent.is_none_or(|mark| mark == card.agent)
            && (!self.waits || card.waits != 0)
            && self.labels.iter().all(|wanted| card.has_label(*wanted))
    }
}

/// A card that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card<'a> {
    updated: i64,
    job_type: u64,
    owner: u64,
    agent: u64,
    status: u8,
    phase: u8,
    waits: u8,
    priority: u8,
    labels: &'a [u8],
}

impl<'a> Card<'a> {
    /// The card in the content of an entry.
    pub(super) fn read(content: &'a [u8]) -> Result<Self, BadRecord> {
        let cut = || BadRecord::damaged("a card of it is cut");
        let (fixed, labels) = content.split_first_chunk::<FIXED_BYTES>().ok_or_else(cut)?;
        let ([numbers @ .., status, phase, waits, priority], true) =
            (fixed, labels.len().is_multiple_of(MARK_BYTES))
        else {
            return Err(cut());
        };
        let numbers: &[u8; 32] = numbers;
        let number = |at: usize| -> [u8; 8] {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&numbers[at..at + 8]);
            bytes
        };
        Ok(Self {
            updated: i64::from_le_bytes(number(0)),
            job_type: u64::from_le_bytes(number(8)),
            owner: u64::from_le_bytes(number(16)),
            agent: u64::from_le_bytes(number(24)),
            status: *status,
            phase: *phase,
            waits: *waits,
            priority: *priority,
            labels,
        })
    }

    fn has_label(&self, wanted: u64) -> bool {
        let wanted = wanted.to_le_bytes();
        self.labels.chunks_exact(MARK_BYTES).any(|mark| mark == wanted)
    }

    /// Where its job stands in an order.
    pub(super) fn sort_key(&self, sort: JobSort, (created, id): Place) -> SortKey {
        page::sort_key(sort, created, self.updated, self.priority, id)
    }
}

/// What is known of a job when a text is looked for in its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has the text.
    Yes,
    /// It has not.
    No,
    /// The row must say.
    AskRow,
}

/// Looks for a text in lower case in what `text_of` made.
pub(super) fn search(finder: &memchr::memmem::Finder<'_>, content: &[u8]) -> Found {
    match content.split_first() {
        Some((&WHOLE, text)) if finder.find(text).is_some() => Found::Yes,
        Some((&WHOLE, _)) => Found::No,
        _ => Found::AskRow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(needle: &str, text: &[u8]) -> Found {
        search(&memchr::memmem::Finder::new(needle), text)
    }

    fn row(name: &str, description: &str) -> JobRow {
        use crate::model::id::JobId;
        use crate::model::row::Place;
        use crate::model::status::{Phase, Status};
        use crate::model::time::Timestamp;
        JobRow {
            id: JobId::from_u128(1),
            version: 1,
            fence: 0,
            job_type: "simple-task".to_owned(),
            definition: ContentHash::default(),
            name: name.to_owned(),
            description: description.to_owned(),
            status: Status::Pending,
            phase: Phase::Pending,
            waiting_for: None,
            place: Place::Ended,
            priority: 5,
            labels: [("team".to_owned(), "red".to_owned())].into(),
            owner: "ann".to_owned(),
            agent: None,
            parent: None,
            run_number: 0,
            attempts: 0,
            pending_checkpoints: 0,
            error: None,
            created_at: Timestamp(1),
            updated_at: Timestamp(2),
            started_at: None,
            completed_at: None,
            due_at: None,
        }
    }

    #[test]
    fn a_short_text_is_decided_and_a_long_one_left_to_the_row() {
        let short = text_of(&row("A Name", "Ünd MORE"));
        assert_eq!(finds("a name", &short), Found::Yes);
        assert_eq!(finds("ünd more", &short), Found::Yes);
        assert_eq!(finds("nameünd", &short), Found::No, "a text never reaches over the border");
        assert_eq!(finds("\u{1}", &short), Found::No, "what stands before the text is no text");
        let edge = TEXT_BYTES_MAX - "A Name".len();
        assert_eq!(finds("a name", &text_of(&row("A Name", &"x".repeat(edge)))), Found::Yes);
        let long = text_of(&row("A Name", &"x".repeat(edge + 1)));
        assert_eq!((finds("a name", &long), long.len()), (Found::AskRow, 1));
    }

    /// What is on people's disks: a change of it is a new version of the records.
    #[test]
    fn golden_contents_are_written() {
        let hex =
            |bytes: Vec<u8>| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let row = row("A Name", "Ünd MORE");
        let card = concat!(
            "02000000000000001f719bdd9b4e3c2449915e0d7d4b402e0000000000000000",
            "010100052f070ce09b5fd8b4"
        );
        assert_eq!(hex(card_of(&row)), card);
        assert_eq!(hex(text_of(&row)), "0161206e616d65ffc3bc6e64206d6f7265");
    }

    #[test]
    fn a_label_is_key_and_value() {
        assert_ne!(label_mark("ab", "c"), label_mark("a", "bc"));
        let card = card_of(&row("A", "B"));
        let card = Card::read(&card).expect("bug: it was just made");
        assert!(card.has_label(label_mark("team", "red")));
        assert!(!card.has_label(label_mark("team", "blue")));
    }
}
