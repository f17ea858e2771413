//! A store's file in the hands of somebody who knows how it is made: every record with its checksum
//! repaired, every chain computed anew.

use std::path::{Path, PathBuf};

use holdpoint::app::audit::{Verification, VerifyOrder, verify_stopped};
use holdpoint::engine::audit::{AuditKey, Notary};
use holdpoint::model::audit::Fact;
use holdpoint::model::principal::Principal;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Redb, RedbOptions, Store};
use redb::{Database, Key, ReadableDatabase, ReadableTable, Table, TableDefinition, Value};
use sha2::{Digest, Sha256};

use crate::store::build::{advance, create, job};

pub const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
pub const JOURNAL: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("journal");
pub const JOBS: TableDefinition<u128, &[u8]> = TableDefinition::new("jobs");
pub const META: TableDefinition<&str, &str> = TableDefinition::new("meta");
pub const DOCUMENTS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("documents");

/// Bytes before the body of a record, and those of a link at its end.
pub const HEADER: usize = 13;
const LINK: usize = 32;
/// Where in the header the checksum stands.
const CHECKSUM_AT: usize = 9;

/// A folder with a store, its key and its file of heads.
pub struct Stopped {
    pub folder: tempfile::TempDir,
}

impl Stopped {
    /// A store with three jobs and some facts; its heads are signed after 6 entries and at the end.
    pub async fn filled() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        let store = this.open();
        let mut rows = Vec::new();
        for n in 1..=3 {
            rows.push(create(&store, n, |_| {}).await);
        }
        fact(&store, "worker.start").await;
        for row in &mut rows[..2] {
            *row = advance(&store, row, |_| {}).await;
        }
        this.sign(&store).await;
        fact(&store, "user.create").await;
        for row in &mut rows {
            *row = end(&store, row).await;
        }
        create(&store, 4, |_| {}).await;
        this.sign(&store).await;
        store.close().await.unwrap();
        this
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("holdpoint.redb")
    }

    pub fn heads(&self) -> PathBuf {
        self.folder.path().join("heads.jsonl")
    }

    pub fn key(&self) -> AuditKey {
        AuditKey::open_or_make(&self.folder.path().join("audit.key")).unwrap()
    }

    pub fn open(&self) -> Redb {
        Redb::open(RedbOptions::new(self.path())).unwrap()
    }

    pub async fn sign(&self, store: &dyn Store) {
        let notary = Notary::new(self.key(), Some(self.heads()), None);
        let (head, is_new) = notary.sign(store, 0, Timestamp(1)).await.unwrap();
        assert!(is_new && head.is_some());
    }

    /// What a check says with the heads that were kept outside, or without.
    pub async fn verify(&self, with_heads: bool) -> Verification {
        let anchors = if with_heads { vec![self.heads()] } else { Vec::new() };
        let order = VerifyOrder { store: self.path(), anchors, key: None };
        verify_stopped(&order).await.unwrap().expect("a trail")
    }

    /// The first entry that is named, and how.
    pub async fn first(&self, with_heads: bool) -> (Option<u64>, &'static str) {
        let found = self.verify(with_heads).await;
        let first = found.findings.first();
        let first = first.unwrap_or_else(|| panic!("nothing was found: {found:?}"));
        (first.entry, first.kind)
    }

    /// Changes a table behind the back of every program.
    pub fn edit<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
        change: impl FnOnce(&mut Table<'_, K, V>),
    ) {
        let database = Database::open(self.path()).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&mut transaction.open_table(table).unwrap());
        transaction.commit().unwrap();
        database.close().unwrap();
    }

    /// Changes the record of an entry.
    pub fn edit_entry(&self, seq: u64, change: impl FnOnce(&mut Vec<u8>)) {
        self.edit(AUDIT, |table| {
            let mut record = table.get(seq).unwrap().unwrap().value().to_vec();
            change(&mut record);
            table.insert(seq, record.as_slice()).unwrap();
        });
    }

    /// The records of all entries.
    pub fn entries(&self) -> Vec<(u64, Vec<u8>)> {
        let database = Database::open(self.path()).unwrap();
        let transaction = database.begin_read().unwrap();
        let table = transaction.open_table(AUDIT).unwrap();
        let rows = table.iter().unwrap().map(|row| {
            let (seq, record) = row.unwrap();
            (seq.value(), record.value().to_vec())
        });
        rows.collect()
    }

    /// Computes every link from this entry on anew, and notes the new head: what somebody does who
    /// knows the form of the trail but not the key.
    pub fn relink(&self, from: u64) {
        let entries = self.entries();
        let mut head = String::new();
        self.edit(AUDIT, |table| {
            let mut link: Option<[u8; LINK]> = None;
            for (seq, mut record) in entries {
                let split = record.len() - LINK;
                if let Some(link) = link.filter(|_| seq >= from) {
                    record[split..].copy_from_slice(&link);
                    repair(&mut record);
                    table.insert(seq, record.as_slice()).unwrap();
                }
                let content = Sha256::digest(&record[HEADER..split]);
                let next = Sha256::new().chain_update(&record[split..]).chain_update(content);
                let next: [u8; LINK] = next.finalize().into();
                head = format!("{seq} {}", hex(&next));
                link = Some(next);
            }
        });
        self.edit(META, |table| {
            table.insert("audit_head", head.as_str()).unwrap();
        });
    }

    /// Takes the signed heads out of the store.
    pub fn forget_heads(&self) {
        self.edit(DOCUMENTS, |table| {
            table.retain(|(kind, _), _| kind != "audit-heads").unwrap();
        });
    }
}

pub async fn fact(store: &dyn Store, action: &str) {
    let fact = Fact::new(Principal::Person("ann".to_owned()), action, "it");
    let fact = fact.with(serde_json::json!({ "reason": "a test" }));
    let at = store.last_time().await.unwrap();
    store.change_documents(Vec::new(), Some(fact), at).await.unwrap();
}

pub async fn end(store: &dyn Store, row: &JobRow) -> JobRow {
    advance(store, row, |row| {
        (row.status, row.phase, row.place) = (Status::Completed, Phase::Completed, Place::Ended);
        row.completed_at = Some(row.updated_at);
    })
    .await
}

/// The checksum of a record, as whoever changed it would make it.
pub fn repair(record: &mut [u8]) {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&record[..CHECKSUM_AT]);
    checksum.update(&record[HEADER..]);
    let checksum = checksum.finalize().to_le_bytes();
    record[CHECKSUM_AT..HEADER].copy_from_slice(&checksum);
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy of a file.
pub fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

/// The id of the n-th job as a key.
pub fn job_key(n: u64) -> u128 {
    job(n).as_u128()
}
