//! Damage: a store that is not what was written is refused, or says what it said before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use holdpoint::store::redb::verify;
use holdpoint::store::{OpenError, Redb, RedbOptions, Store, StoreError};
use redb::{Database, Key, ReadableTable, TableDefinition, Value};

use super::build::*;
use super::dump::dump;

/// A number generator for damage that can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// A store with something in every table.
async fn fill(path: &Path) -> Vec<String> {
    let store = Redb::open(RedbOptions::new(path)).unwrap();
    for n in 1..=20 {
        let mut commit = creation(n);
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.subscriptions = vec!["order".to_owned()];
        commit.key = Some(key(&format!("key {n}"), "request", 0));
        let mut row = apply(&store, commit).await;
        for _ in 0..n % 5 {
            let mut commit = commit_after(&row);
            commit.snapshot = Some(vec![7; 100]);
            row = apply(&store, commit).await;
        }
    }
    let document = holdpoint::store::Document {
        id: "ann".to_owned(),
        version: 0,
        updated_at: holdpoint::model::time::Timestamp(1),
        body: b"{}".to_vec(),
    };
    store.put_document("user", document, None).await.unwrap();
    let before = dump(&store).await;
    store.close().await.unwrap();
    before
}

/// Opens a file that was damaged like this: it is refused, or it says what it said before.
async fn refused_or_equal(path: &Path, damaged: &[u8], before: &[String], how: &str) -> bool {
    std::fs::write(path, damaged).unwrap();
    let opened = catch_unwind(AssertUnwindSafe(|| Redb::open(RedbOptions::new(path))));
    match opened.unwrap_or_else(|_| panic!("opening panicked: {how}")) {
        Ok(store) => {
            assert_eq!(dump(&store).await, before, "{how}");
            false
        }
        Err(OpenError::Damaged { .. } | OpenError::NotAStore { .. }) => {
            assert!(std::fs::read(path).unwrap() == damaged, "{how}: refused, and yet changed");
            true
        }
        Err(other) => panic!("{how}: {other}"),
    }
}

#[tokio::test]
async fn a_flipped_bit_is_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let before = fill(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let mut random = Random(1);
    let mut refused = 0;
    for _ in 0..200 {
        let (at, bit) = (random.below(whole.len()), random.below(8));
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << bit;
        let how = format!("bit {bit} of byte {at}");
        refused += u32::from(refused_or_equal(&path, &damaged, &before, &how).await);
    }
    assert!(refused > 10, "only {refused} of 200 flips met anything");
}

#[tokio::test]
async fn a_zeroed_or_swapped_page_is_refused_or_harmless() {
    const PAGE: usize = 4_096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let before = fill(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let used: Vec<usize> = (0..whole.len() / PAGE)
        .filter(|page| whole[page * PAGE..(page + 1) * PAGE].iter().any(|byte| *byte != 0))
        .collect();
    let mut random = Random(2);
    for page in &used {
        let mut zeroed = whole.clone();
        zeroed[page * PAGE..(page + 1) * PAGE].fill(0);
        refused_or_equal(&path, &zeroed, &before, &format!("page {page} zeroed")).await;
        let other = used[random.below(used.len())];
        let mut swapped = whole.clone();
        swapped.copy_within(other * PAGE..(other + 1) * PAGE, page * PAGE);
        let how = format!("page {page} replaced by page {other}");
        refused_or_equal(&path, &swapped, &before, &how).await;
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let before = fill(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let mut random = Random(3);
    for _ in 0..60 {
        let length = random.below(whole.len());
        let how = format!("{length} of {} bytes", whole.len());
        assert!(refused_or_equal(&path, &whole[..length], &before, &how).await, "{how}");
    }
}

/// Changes the value of the first entry of a table, as damage that redb's own checksums do not see.
fn change_first<K: Key + 'static, V: Value + 'static>(
    path: &Path,
    definition: TableDefinition<'static, K, V>,
    change: impl FnOnce(&mut redb::Table<'_, K, V>),
) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&mut transaction.open_table(definition).unwrap());
    transaction.commit().unwrap();
    database.close().unwrap();
}

const JOURNAL: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("journal");
const BY_JOB: TableDefinition<(u128, u64), (u64, u32)> = TableDefinition::new("journal_by_job");
const CARDS: TableDefinition<(i64, u128), &[u8]> = TableDefinition::new("cards");
const TEXTS: TableDefinition<(i64, u128), &[u8]> = TableDefinition::new("texts");
const JOBS: TableDefinition<u128, &[u8]> = TableDefinition::new("jobs");
const QUEUE: TableDefinition<(i64, u128), ()> = TableDefinition::new("queue");
const COUNTERS: TableDefinition<(u8, u8), u64> = TableDefinition::new("counters");
const FEED: TableDefinition<u64, (u128, u64, u64)> = TableDefinition::new("feed");

/// Changes records of the journals: gets their table and the place of the record of (job, seq).
fn change_journal(
    path: &Path,
    change: impl FnOnce(
        &mut redb::Table<'_, (u64, u32), &'static [u8]>,
        &dyn Fn(u128, u64) -> (u64, u32),
    ),
) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let by_job = transaction.open_table(BY_JOB).unwrap();
        let place = |job: u128, seq: u64| by_job.get((job, seq)).unwrap().unwrap().value();
        change(&mut transaction.open_table(JOURNAL).unwrap(), &place);
    }
    transaction.commit().unwrap();
    database.close().unwrap();
}

fn bytes_of(table: &redb::Table<'_, (u64, u32), &'static [u8]>, key: (u64, u32)) -> Vec<u8> {
    table.get(key).unwrap().unwrap().value().to_vec()
}

fn first_of(table: &redb::Table<'_, (i64, u128), &'static [u8]>) -> ((i64, u128), Vec<u8>) {
    let (key, value) = table.first().unwrap().unwrap();
    (key.value(), value.value().to_vec())
}

/// A record with another body and a checksum that holds.
fn resealed(record: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut record = record.to_vec();
    change(&mut record[13..]);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&record[..9]);
    checksum.update(&record[13..]);
    record[9..13].copy_from_slice(&checksum.finalize().to_le_bytes());
    record
}

/// What is done behind the store's back, and the table that the check must name.
type Tampering = (&'static str, fn(&Path), &'static str);

fn tamperings_of_records() -> Vec<Tampering> {
    vec![
        (
            "a byte of an event",
            |path| {
                change_journal(path, |table, place| {
                    let mut bytes = bytes_of(table, place(4, 3));
                    bytes[40] ^= 1;
                    table.insert(place(4, 3), bytes.as_slice()).unwrap();
                })
            },
            "journal",
        ),
        (
            "an event of another job",
            |path| {
                change_journal(path, |table, place| {
                    let bytes = bytes_of(table, place(9, 3));
                    table.insert(place(4, 3), bytes.as_slice()).unwrap();
                })
            },
            "journal",
        ),
        (
            "the first event of another job",
            |path| {
                change_journal(path, |table, place| {
                    let bytes = bytes_of(table, place(9, 1));
                    table.insert(place(4, 1), bytes.as_slice()).unwrap();
                })
            },
            "journal",
        ),
        (
            "the last event gone",
            |path| {
                change_journal(path, |table, place| {
                    table.remove(place(4, 5)).unwrap();
                })
            },
            "journal",
        ),
        (
            "an event in the middle gone",
            |path| {
                change_journal(path, |table, place| {
                    table.remove(place(4, 2)).unwrap();
                })
            },
            "journal",
        ),
        (
            "the row of another job",
            |path| {
                change_first(path, JOBS, |table| {
                    let bytes = table.get(9).unwrap().unwrap().value().to_vec();
                    table.insert(4, bytes.as_slice()).unwrap();
                })
            },
            "jobs",
        ),
    ]
}

/// The same in indexes, numbers and the feed, and a row that was cut.
fn tamperings_of_indexes() -> Vec<Tampering> {
    vec![
        (
            "half a row",
            |path| {
                change_first(path, JOBS, |table| {
                    let bytes = table.get(4).unwrap().unwrap().value().to_vec();
                    table.insert(4, &bytes[..bytes.len() / 2]).unwrap();
                })
            },
            "jobs",
        ),
        (
            "a job out of the queue",
            |path| {
                change_first(path, QUEUE, |table| {
                    table.pop_first().unwrap();
                })
            },
            "queue",
        ),
        (
            "a ghost in the queue",
            |path| {
                change_first(path, QUEUE, |table| {
                    table.insert((5, 77), ()).unwrap();
                })
            },
            "queue",
        ),
        (
            "an append at a place of another",
            |path| {
                change_first(path, BY_JOB, |table| {
                    let other = table.get((9, 3)).unwrap().unwrap().value();
                    table.insert((4, 3), other).unwrap();
                })
            },
            "journal_by_job",
        ),
        (
            "a record that nothing names",
            |path| {
                change_first(path, JOURNAL, |table| {
                    table.insert((1, 1), &b"ghost"[..]).unwrap();
                })
            },
            "journal",
        ),
    ]
}

/// The same in what lists are read from, and in the numbers beside it.
fn tamperings_of_lists() -> Vec<Tampering> {
    vec![
        (
            "a byte of the cards",
            |path| {
                change_first(path, CARDS, |table| {
                    let (key, mut bytes) = first_of(table);
                    bytes[60] ^= 1;
                    table.insert(key, bytes.as_slice()).unwrap();
                })
            },
            "cards",
        ),
        (
            "the cards of another store",
            |path| {
                change_first(path, CARDS, |table| {
                    let (key, bytes) = first_of(table);
                    let card = resealed(&bytes, |body| body[70] ^= 1);
                    table.insert(key, card.as_slice()).unwrap();
                })
            },
            "cards",
        ),
        (
            "no texts",
            |path| {
                change_first(path, TEXTS, |table| {
                    drop(table.pop_first().unwrap().unwrap());
                })
            },
            "texts",
        ),
        (
            "a wrong number",
            |path| {
                change_first(path, COUNTERS, |table| {
                    table.insert((1, 1), 3).unwrap();
                })
            },
            "counters",
        ),
        (
            "a gap in the feed",
            |path| {
                change_first(path, FEED, |table| {
                    table.remove(5).unwrap();
                })
            },
            "feed",
        ),
    ]
}

#[tokio::test]
async fn the_check_names_every_tampering() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound.redb");
    fill(&sound).await;
    let report = verify(&sound).unwrap();
    assert_eq!(report.problems, []);
    assert!(
        report
            .tables
            .iter()
            .all(|(name, rows)| *rows > 0
                || ["wakes", "active", "nudges", "unplaced"].contains(name))
    );
    let records = tamperings_of_records().into_iter();
    let all = records.chain(tamperings_of_indexes()).chain(tamperings_of_lists());
    for (what, tamper, table) in all {
        let path = folder.path().join("tampered.redb");
        std::fs::copy(&sound, &path).unwrap();
        tamper(&path);
        let problems = verify(&path).unwrap().problems;
        assert!(problems.iter().any(|defect| defect.table == table), "{what}: {problems:?}");
    }
}

#[tokio::test]
async fn a_damaged_record_costs_its_own_job_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    fill(&path).await;
    change_first(&path, JOBS, |table| {
        let mut bytes = table.get(4).unwrap().unwrap().value().to_vec();
        bytes[20] ^= 0x10;
        table.insert(4, bytes.as_slice()).unwrap();
    });
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    let damaged = |error: StoreError| match error {
        StoreError::Corrupt { table: "jobs", key, .. } => assert_eq!(key, job(4).to_string()),
        other => panic!("{other}"),
    };
    damaged(store.job(job(4)).await.unwrap_err());
    damaged(store.load(job(4)).await.unwrap_err());
    let mut commit = creation(4);
    commit.commit_id = creation(99).commit_id;
    let (broken, sound) = tokio::join!(store.commit(commit), store.commit(creation(50)));
    damaged(broken.unwrap_err());
    sound.unwrap();
    assert!(store.job(job(5)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_journal_that_lost_its_end_is_no_shorter_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    let mut row = apply(&store, creation(1)).await;
    for _ in 0..2 {
        row = apply(&store, commit_after(&row)).await;
    }
    store.close().await.unwrap();
    change_first(&path, BY_JOB, |table| {
        table.remove((1, 3)).unwrap();
    });
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    match store.load(job(1)).await {
        Err(StoreError::Corrupt { table: "journal", reason, .. }) => {
            assert!(reason.contains("event 2 of 3"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
