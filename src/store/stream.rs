//! A store as a stream of lines, apart from any engine: a header, a line for each piece, a trailer
//! with counts and a digest. Each line carries the hash of all lines before it, so that the first
//! line that was changed, left out or moved is named.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::model::audit::AuditHead;
use crate::model::id::ContentHash;
use crate::store::error::StoreError;
use crate::store::item::Item;
use crate::store::port::Store;
use crate::store::rec;

/// The form of streams that this program writes, and the newest that it reads. 1 had no audit
/// trail.
pub const STREAM_FORMAT: u32 = 2;

/// Longest line, bytes: the largest record is 64 MiB, a third more as base64.
const LINE_BYTES_MAX: u64 = 128 << 20;
/// Pieces on their way between the store and the stream: some may be large.
const ITEMS_AHEAD: usize = 16;
/// Pieces that are written in one transaction.
const ITEMS_AT_ONCE: usize = 256;
/// What stands between a line and its hash.
const CHAIN: &str = ",\"chain\":\"";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// The form of the stream.
    pub stream: u32,
    /// The program that wrote it.
    pub program: String,
    /// When, RFC 3339 in UTC.
    pub exported_at: String,
}

/// The last line, and what is known after a whole stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trailer {
    /// Pieces by kind.
    pub counts: BTreeMap<String, u64>,
    /// SHA-256 of all pieces but the audit trail, which has its own: the same for every store that
    /// holds the same.
    pub digest: ContentHash,
    /// How far the audit trail goes; none in a stream without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Header(Header),
    Item(Item),
    Trailer(Trailer),
}

/// Why a store did not become a stream, or a stream no store.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A line is not what was written.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The stream cannot be read or written.
    #[error("the stream cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the pieces so far add up to.
#[derive(Default)]
struct Sum {
    counts: BTreeMap<String, u64>,
    digest: Sha256,
    audit: Option<AuditHead>,
}

impl Sum {
    fn add(&mut self, item: &Item, text: &str) {
        let (kind, count) = match item {
            Item::Document { .. } => ("documents", 1),
            Item::Job { .. } => ("jobs", 1),
            Item::Journal { records, .. } => ("journalRecords", records.len() as u64),
            Item::Snapshot { .. } => ("snapshots", 1),
            Item::Checkpoint { .. } => ("checkpoints", 1),
            Item::Key { .. } => ("keys", 1),
            Item::Nudge { .. } => ("nudges", 1),
            Item::Change { .. } => ("changes", 1),
            Item::Audit { seq, record } => {
                // What cannot be read is no head: the store that takes it in says why.
                let hash = rec::read_audit(*seq, &record.0).map(|entry| entry.hash);
                self.audit = hash.ok().map(|hash| AuditHead { count: *seq, hash });
                *self.counts.entry("auditEntries".to_owned()).or_default() += 1;
                return;
            }
            Item::Time { .. } => return self.digest.update(text),
        };
        *self.counts.entry(kind.to_owned()).or_default() += count;
        self.digest.update(text);
        self.digest.update("\n");
    }

    fn trailer(self) -> Trailer {
        let digest = ContentHash(self.digest.finalize().into());
        Trailer { counts: self.counts, digest, audit: self.audit }
    }
}

fn next_link(before: ContentHash, text: &str) -> ContentHash {
    let mut hasher = Sha256::new();
    hasher.update(before.0);
    hasher.update(text);
    ContentHash(hasher.finalize().into())
}

/// Writes lines, each with the hash of all before it.
struct Lines<'a> {
    out: &'a mut (dyn Write + Send),
    link: ContentHash,
}

impl Lines<'_> {
    fn write(&mut self, line: &Line) -> Result<String, StreamError> {
        let text = serde_json::to_string(line).map_err(io::Error::other)?;
        self.link = next_link(self.link, &text);
        let body = text.strip_suffix('}').unwrap_or(&text);
        writeln!(self.out, "{body}{CHAIN}{}\"}}", self.link)?;
        Ok(text)
    }
}

/// Writes a whole store, as it is at one moment.
pub async fn export(
    store: &dyn Store,
    header: Header,
    out: &mut (dyn Write + Send),
) -> Result<Trailer, StreamError> {
    let mut lines = Lines { out, link: ContentHash::default() };
    lines.write(&Line::Header(header))?;
    let (to, mut items) = mpsc::channel(ITEMS_AHEAD);
    // Who cannot write drops the items, and the store then stops.
    let writing = async move {
        let mut sum = Sum::default();
        while let Some(item) = items.recv().await {
            let line = Line::Item(item);
            let text = lines.write(&line)?;
            if let Line::Item(item) = &line {
                sum.add(item, &text);
            }
        }
        let trailer = sum.trailer();
        lines.write(&Line::Trailer(trailer.clone()))?;
        lines.out.flush()?;
        Ok::<_, StreamError>(trailer)
    };
    let (read, written) = tokio::join!(store.export(to), writing);
    read?;
    written
}

/// The digest of a store: the same for every store that holds the same, in whatever engine.
pub async fn digest(store: &dyn Store) -> Result<ContentHash, StreamError> {
    let header =
        Header { stream: STREAM_FORMAT, program: String::new(), exported_at: String::new() };
    Ok(export(store, header, &mut io::sink()).await?.digest)
}

/// Reads lines and follows their hashes.
struct Reader<'a> {
    from: &'a mut (dyn BufRead + Send),
    link: ContentHash,
    line: u64,
}

impl Reader<'_> {
    fn wrong(&self, reason: impl Into<String>) -> StreamError {
        StreamError::Line { line: self.line, reason: reason.into() }
    }

    fn next(&mut self) -> Result<Option<(Line, String)>, StreamError> {
        let mut bytes = Vec::new();
        Read::take(&mut self.from, LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        self.line += 1;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.pop() != Some(b'\n') {
            return Err(self.wrong("the stream ends in the middle of it: it was cut off"));
        }
        let text = String::from_utf8(bytes).map_err(|_| self.wrong("it is no UTF-8"))?;
        let Some((body, end)) = text.rsplit_once(CHAIN) else {
            return Err(self.wrong("it has no hash: this is no stream of `holdpoint export`"));
        };
        let text = format!("{body}}}");
        let link = next_link(self.link, &text);
        if end != format!("{link}\"}}") {
            return Err(self.wrong("it was altered, or a line before it was left out or moved"));
        }
        self.link = link;
        let line = serde_json::from_str(&text).map_err(|error| {
            self.wrong(format!("this program does not know what it says: {error}"))
        })?;
        Ok(Some((line, text)))
    }

    fn header(&mut self) -> Result<Header, StreamError> {
        match self.next()? {
            Some((Line::Header(header), _)) if header.stream <= STREAM_FORMAT => Ok(header),
            Some((Line::Header(header), _)) => Err(self.wrong(format!(
                "the stream has form {}, written by {}; this program reads up to form \
                 {STREAM_FORMAT}: use a newer holdpoint",
                header.stream, header.program
            ))),
            _ => Err(self.wrong("the stream does not begin with its header")),
        }
    }
}

/// Reads a whole stream into an empty store. After an error the store is of no use.
pub async fn import(
    store: &dyn Store,
    from: &mut (dyn BufRead + Send),
) -> Result<Trailer, StreamError> {
    let mut reader = Reader { from, link: ContentHash::default(), line: 0 };
    reader.header()?;
    let (mut sum, mut items, mut first) = (Sum::default(), Vec::new(), reader.line + 1);
    let trailer = loop {
        let next = reader.next()?;
        let cut = "the stream ends without its trailer: it was cut off";
        let (line, text) = next.ok_or_else(|| reader.wrong(cut))?;
        match line {
            Line::Header(_) => return Err(reader.wrong("a second header")),
            Line::Trailer(trailer) => break trailer,
            Line::Item(item) => {
                sum.add(&item, &text);
                items.push(item);
            }
        }
        if items.len() >= ITEMS_AT_ONCE {
            take(store, &mut items, first).await?;
            first = reader.line + 1;
        }
    };
    take(store, &mut items, first).await?;
    if sum.trailer() != trailer {
        return Err(reader.wrong("its counts or its digest are not those of the lines before it"));
    }
    match reader.next()? {
        None => Ok(trailer),
        Some(_) => Err(reader.wrong("something follows the trailer")),
    }
}

/// Puts pieces into the store; `first` is the line of the first one.
async fn take(store: &dyn Store, items: &mut Vec<Item>, first: u64) -> Result<(), StreamError> {
    if items.is_empty() {
        return Ok(());
    }
    match store.import(std::mem::take(items)).await {
        Err(StoreError::Corrupt { table, key, reason }) => Err(StreamError::Line {
            line: first,
            reason: format!("from this line on: {table}, key {key}: {reason}"),
        }),
        other => Ok(other?),
    }
}
