//! What stores read: records, pieces, streams, cursors, ids.

use holdpoint::model::id::{AgentId, BatchId, CheckpointId, CommitId, ContentHash, JobId};
use holdpoint::store::{CheckpointQuery, Item, JobQuery, Memory, Record, Store, stream};

use super::{run, wait};

/// Bytes of a record before its body, and where in them the length and the checksum stand.
const HEADER_BYTES: usize = 13;
const LENGTH_AT: usize = 5;
const CHECKSUM_AT: usize = 9;

/// The record with a length and a checksum that hold, so that what is inside is looked at.
fn sealed(input: &[u8]) -> Vec<u8> {
    let mut record = input.to_vec();
    let Some(length) = record.len().checked_sub(HEADER_BYTES) else { return record };
    let length = u32::try_from(length).unwrap().to_le_bytes();
    record[LENGTH_AT..CHECKSUM_AT].copy_from_slice(&length);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..CHECKSUM_AT]);
    hasher.update(&record[HEADER_BYTES..]);
    record[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&hasher.finalize().to_le_bytes());
    record
}

/// What stands between a line of a stream and the hash of all lines so far.
const CHAIN: &str = ",\"chain\":\"";

/// The lines with hashes that hold, so that what they say is looked at.
fn chained(input: &[u8]) -> Vec<u8> {
    let (mut link, mut out) = ([0; 32], Vec::new());
    for line in String::from_utf8_lossy(input).lines() {
        let body = line.rsplit_once(CHAIN).map_or(line, |(body, _)| body);
        let mut hashed = link.to_vec();
        hashed.extend_from_slice(format!("{body}}}").as_bytes());
        let hash = ContentHash::of(&hashed);
        link = hash.0;
        out.extend_from_slice(format!("{body}{CHAIN}{hash}\"}}\n").as_bytes());
    }
    out
}

/// A store takes a piece or says what is wrong with it, whatever its record holds.
#[test]
fn records() {
    let job = JobId::from_u128(7);
    run("records", 3, |input| {
        for bytes in [input.to_vec(), sealed(input)] {
            let record = || Record(bytes.clone());
            let pieces = [
                Item::Document { kind: "user".to_owned(), id: "ann".to_owned(), record: record() },
                Item::Job { job, record: record() },
                Item::Journal { job, records: vec![(1, record())] },
                Item::Snapshot { job, record: record() },
                Item::Checkpoint { checkpoint: CheckpointId::from_u128(7), record: record() },
                Item::Key { owner: "ann".to_owned(), key: "k".to_owned(), record: record() },
            ];
            for piece in pieces {
                let store = Memory::new();
                wait(async {
                    if store.import(vec![piece]).await.is_ok() {
                        // What was taken can be read.
                        store.load(job).await.ok();
                        store.journal(job, 0, 100).await.ok();
                        store.jobs(&JobQuery { limit: 10, ..JobQuery::default() }).await.ok();
                    }
                });
            }
        }
    });
}

/// Pieces are read back as they were written.
#[test]
fn pieces() {
    run("items", 1, |input| {
        if let Ok(piece) = serde_json::from_slice::<Item>(input) {
            let text = serde_json::to_string(&piece).unwrap();
            assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), piece);
        }
    });
}

/// A stream is taken whole or refused: what is not exactly what was written is never half a store.
#[test]
fn streams() {
    let mut whole = 0;
    run("stream", 3, |input| {
        for bytes in [input.to_vec(), chained(input)] {
            let store = Memory::new();
            wait(async {
                if let Ok(trailer) = stream::import(&store, &mut &bytes[..]).await {
                    whole += 1;
                    assert_eq!(stream::digest(&store).await.unwrap(), trailer.digest);
                }
            });
        }
    });
    assert!(whole > 0, "the corpus holds a whole stream");
}

/// A cursor is a place in a list or is refused.
#[test]
fn cursors() {
    run("cursors", 1, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        let store = Memory::new();
        wait(async {
            let cursor = Some(text.clone());
            let query = JobQuery { limit: 10, cursor: cursor.clone(), ..JobQuery::default() };
            store.jobs(&query).await.ok();
            let query = CheckpointQuery { limit: 10, cursor, ..CheckpointQuery::default() };
            store.checkpoints(&query).await.ok();
        });
    });
}

/// An id that is read is written as it was read, and nothing else passes for one.
#[test]
fn ids() {
    run("ids", 1, |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        if let Ok(id) = text.parse::<JobId>() {
            assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
            assert_eq!(id.to_string(), text.to_lowercase());
        }
        text.parse::<CheckpointId>().ok();
        text.parse::<AgentId>().ok();
        text.parse::<BatchId>().ok();
        text.parse::<CommitId>().ok();
        if let Ok(hash) = text.parse::<ContentHash>() {
            assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        }
    });
}
