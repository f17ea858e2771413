//! Records: `magic, codec, kind, schema version, length, CRC, body`. Bytes that are not exactly
//! what was written are an error, never a panic and never other data.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::error::StoreError;

/// The first byte of every record of ours.
const MAGIC: u8 = 0x48;
/// `bincode` 2 with its standard configuration.
const CODEC_BINCODE: u8 = 1;
/// Bytes before the body.
const HEADER_BYTES: usize = 13;
/// Where in the header the checksum stands: behind the length, at the end.
const CHECKSUM_AT: usize = 9;
/// Largest body. An event has at most 4 MiB and a folded job 16 MiB (`model::limits`), so this is
/// only a guard against a length that damage made up.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a record holds: a record that was moved to another table is not read as if it belonged
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The code in the record.
    code: u8,
    /// The newest schema version that this program writes and reads.
    version: u16,
    /// The table, for errors.
    pub table: &'static str,
}

/// The events of one append to a journal.
pub(crate) const APPEND: Kind = Kind { code: 1, version: 2, table: "journal" };
/// A job: its row, the head of its journal, what it listens to.
pub(crate) const JOB: Kind = Kind { code: 2, version: 1, table: "jobs" };
/// The row of a checkpoint.
pub(crate) const CHECKPOINT: Kind = Kind { code: 3, version: 2, table: "checkpoints" };
/// A folded job.
pub(crate) const SNAPSHOT: Kind = Kind { code: 4, version: 1, table: "snapshots" };
/// A used idempotency key.
pub(crate) const KEY: Kind = Kind { code: 5, version: 1, table: "keys" };
/// A document.
pub(crate) const DOCUMENT: Kind = Kind { code: 6, version: 1, table: "documents" };
/// Cards of jobs: what lists are filtered and sorted by.
pub(crate) const CARDS: Kind = Kind { code: 7, version: 1, table: "cards" };
/// Texts of jobs: what lists are searched in.
pub(crate) const TEXTS: Kind = Kind { code: 8, version: 1, table: "texts" };

/// An entry of the audit trail.
pub(crate) const AUDIT: Kind = Kind { code: 9, version: 1, table: "audit" };

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRecord {
    /// The bytes are not what was written.
    #[error("{0}")]
    Damaged(String),
    /// A newer program wrote it.
    #[error("it has schema version {found}; this program reads up to {supported}: use a newer one")]
    Newer {
        /// The version in the record.
        found: u16,
        /// The version of this program.
        supported: u16,
    },
}

impl BadRecord {
    /// A complaint about the content of a record.
    pub(crate) fn damaged(reason: impl fmt::Display) -> Self {
        BadRecord::Damaged(reason.to_string())
    }

    /// The same as an error of the store, which names the record.
    pub(crate) fn at(self, kind: Kind, key: impl fmt::Display) -> StoreError {
        StoreError::Corrupt { table: kind.table, key: key.to_string(), reason: self.to_string() }
    }
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<BODY_BYTES_MAX>()
}

/// A whole record, in one buffer of about the right size.
pub(crate) fn encode<T: Serialize>(
    kind: Kind,
    value: &T,
    bytes_about: usize,
) -> Result<Vec<u8>, BadRecord> {
    let mut record = begin(kind, bytes_about);
    bincode::serde::encode_into_std_write(value, &mut record, configuration())
        .map_err(BadRecord::damaged)?;
    finish(record)
}

/// A whole record of a body that is bytes already.
pub(crate) fn seal(kind: Kind, body: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let mut record = begin(kind, body.len());
    record.extend_from_slice(body);
    finish(record)
}

/// The header, without length and checksum.
fn begin(kind: Kind, bytes_about: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER_BYTES + bytes_about);
    record.extend_from_slice(&[MAGIC, CODEC_BINCODE, kind.code]);
    record.extend_from_slice(&kind.version.to_le_bytes());
    record.resize(HEADER_BYTES, 0);
    record
}

/// The record with the length and the checksum of its body.
fn finish(mut record: Vec<u8>) -> Result<Vec<u8>, BadRecord> {
    let length = record.len() - HEADER_BYTES;
    // The encoder has no limit of its own: what cannot be read back must not be written.
    if length > BODY_BYTES_MAX {
        return Err(BadRecord::Damaged(format!(
            "it would take {length} bytes; a record has at most {BODY_BYTES_MAX}"
        )));
    }
    record[CHECKSUM_AT - 4..CHECKSUM_AT].copy_from_slice(&(length as u32).to_le_bytes());
    let checksum = checksum(&record[..CHECKSUM_AT], &record[HEADER_BYTES..]);
    record[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(record)
}

/// The body of a record that was just encoded.
pub(crate) fn body(record: &[u8]) -> &[u8] {
    record.get(HEADER_BYTES..).unwrap_or_default()
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}

/// The body of a record whose header and checksum hold, and its schema version.
pub(crate) fn open(kind: Kind, record: &[u8]) -> Result<(u16, &[u8]), BadRecord> {
    let Some((header, body)) = record.split_first_chunk::<HEADER_BYTES>() else {
        return Err(BadRecord::Damaged(format!("{} bytes are no record", record.len())));
    };
    let [magic, codec, code, v0, v1, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    if magic != MAGIC {
        return Err(BadRecord::Damaged(format!("it begins with {magic:#04x}, not {MAGIC:#04x}")));
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length != body.len() {
        return Err(BadRecord::Damaged(format!("it has {} bytes, not {length}", body.len())));
    }
    // The checksum comes before the version: a flipped bit is damage, not a newer program.
    let stored = u32::from_le_bytes([c0, c1, c2, c3]);
    if checksum(&header[..CHECKSUM_AT], body) != stored {
        return Err(BadRecord::damaged("its checksum does not hold"));
    }
    if code != kind.code {
        return Err(BadRecord::Damaged(format!("it is of kind {code}, not {}", kind.code)));
    }
    let version = u16::from_le_bytes([v0, v1]);
    if version > kind.version {
        return Err(BadRecord::Newer { found: version, supported: kind.version });
    }
    if codec != CODEC_BINCODE || version == 0 {
        return Err(BadRecord::Damaged(format!("codec {codec}, version {version} never existed")));
    }
    Ok((version, body))
}

/// The value in a body, which it must fill.
pub(crate) fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadRecord> {
    let (value, used) =
        bincode::serde::decode_from_slice(body, configuration()).map_err(BadRecord::damaged)?;
    if used != body.len() {
        return Err(BadRecord::Damaged(format!("{} bytes follow its end", body.len() - used)));
    }
    Ok(value)
}

/// The value in a record of a kind that has one schema version.
pub(crate) fn decode<T: DeserializeOwned>(kind: Kind, record: &[u8]) -> Result<T, BadRecord> {
    decode_body(open(kind, record)?.1)
}
