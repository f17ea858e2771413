//! Lives of a store on a disk whose power is cut anywhere: every commit has its entry and every
//! entry its commit, and every head that was signed still holds (promises D2 and D15).

use std::collections::BTreeMap;

use holdpoint::engine::audit::{Anchors, AuditKey, Notary, verify};
use holdpoint::model::audit::{Fact, SignedHead};
use holdpoint::model::principal::Principal;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    CommitOutcome, Document, DocumentChange, Random, Redb, RedbOptions, SimDisk, Store, StoreError,
};

use crate::store::build::{commit_after, creation, job, row_of};

/// Stores that live, and what each of them is asked for in each of its lives.
const SEEDS: u64 = 60;
const LIVES: u64 = 4;
const WISHES: u64 = 25;

struct Life<'l> {
    random: &'l mut Random,
    store: &'l Redb,
    notary: Notary,
    next_job: &'l mut u64,
    signed: &'l mut Vec<SignedHead>,
}

impl Life<'_> {
    /// One wish; an error is the end of the life.
    async fn wish(&mut self) -> Result<(), StoreError> {
        let at = Timestamp(self.store.last_time().await?.0 + 1);
        match self.random.below(8) {
            0 | 1 => {
                *self.next_job += 1;
                self.store.commit(creation(*self.next_job)).await?;
            }
            2 | 3 => {
                if let Some(row) = self.some_job().await? {
                    self.store.commit(commit_after(&row)).await?;
                }
            }
            4 => {
                let refused = self.some_job().await?.map(|row| {
                    let mut commit = commit_after(&row);
                    commit.expect_version += 7;
                    row_of(&mut commit).version += 7;
                    commit
                });
                if let Some(commit) = refused {
                    let outcome = self.store.commit(commit).await?;
                    assert!(matches!(outcome, CommitOutcome::Conflict { .. }));
                }
            }
            5 => {
                let fact = Fact::new(Principal::Person("ann".to_owned()), "user.update", "bob");
                let id = format!("user {}", self.random.below(3));
                let document = Document { id, version: 0, updated_at: at, body: b"{}".to_vec() };
                let kind = "user".to_owned();
                let change = DocumentChange::Put { kind, document, expect_version: None };
                self.store.change_documents(vec![change], Some(fact), at).await?;
            }
            6 => {
                if let Some(row) = self.some_job().await?.filter(|row| !row.status.is_ended()) {
                    let mut commit = commit_after(&row);
                    let ended = row_of(&mut commit);
                    (ended.status, ended.phase) = (Status::Completed, Phase::Completed);
                    ended.place = Place::Ended;
                    let gone = vec![(ended.id, ended.version)];
                    self.store.commit(commit).await?;
                    self.store.remove_jobs(gone, at).await?;
                    self.store.prune_feed(0, 100).await?;
                }
            }
            _ => {
                let (head, _) = self.notary.sign(self.store, 0, at).await?;
                self.signed.extend(head);
            }
        }
        Ok(())
    }

    async fn some_job(&mut self) -> Result<Option<JobRow>, StoreError> {
        if *self.next_job == 0 {
            return Ok(None);
        }
        let n = self.random.below(*self.next_job) + 1;
        self.store.job(job(n)).await
    }
}

/// What must hold of a store that was opened: nothing half, and nothing signed that is not there.
async fn check(store: &Redb, signed: &[SignedHead], seed: u64) {
    let heads = signed.iter().map(|head| ("kept".to_owned(), head.clone())).collect();
    let found = verify(store, &Anchors { heads, key: None }).await.unwrap();
    assert_eq!(found.findings, [], "seed {seed}");
    let (head, last) = (store.audit_head().await.unwrap(), store.last_change().await.unwrap());
    let entries = store.audit_entries(0, 10_000).await.unwrap();
    assert_eq!(entries.len() as u64, head.count, "seed {seed}");
    let mut of_feed: BTreeMap<u64, u64> = BTreeMap::new();
    for commit in entries.iter().filter_map(|entry| entry.commit) {
        *of_feed.entry(commit.feed).or_default() += 1;
    }
    let expected: BTreeMap<u64, u64> = (1..=last).map(|feed| (feed, 1)).collect();
    assert_eq!(of_feed, expected, "seed {seed}: a commit without its entry, or the reverse");
    assert_eq!(store.defects().unwrap(), [], "seed {seed}");
}

#[tokio::test]
async fn no_cut_of_power_parts_a_commit_from_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let mut cuts = 0;
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let mut disk = SimDisk::default();
        Redb::found_on(&disk).unwrap();
        let (mut next_job, mut signed) = (0, Vec::new());
        for life in 0..LIVES {
            let store = Redb::on_disk(RedbOptions::on_disk(), &disk).unwrap();
            check(&store, &signed, seed).await;
            let is_last = life + 1 == LIVES;
            if !is_last {
                disk.cut_power_at(disk.operations() + random.below(150));
            }
            let mut life = Life {
                random: &mut random,
                store: &store,
                notary: Notary::new(AuditKey::open_or_make(&key).unwrap(), None, None),
                next_job: &mut next_job,
                signed: &mut signed,
            };
            for _ in 0..WISHES {
                if disk.is_dead() || life.wish().await.is_err() {
                    break;
                }
            }
            drop(life);
            if disk.is_dead() {
                cuts += 1;
            } else {
                check(&store, &signed, seed).await;
            }
            drop(store);
            disk = SimDisk::with_image(disk.image_after_power_cut(seed));
        }
    }
    assert!(cuts > SEEDS / 2, "the power was cut {cuts} times only");
}
