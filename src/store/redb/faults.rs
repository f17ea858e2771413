//! Tests on a disk that fails, or loses and tears what was not synced, from a seed.

use std::sync::Arc;

use crate::model::event::Event;
use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::row::{JobRow, Place};
use crate::model::status::{Phase, Status};
use crate::model::time::Timestamp;
use crate::store::redb::open::RedbOptions;
use crate::store::redb::sim_disk::{Fault, Random, SimDisk};
use crate::store::{Commit, CommitOutcome, Redb, Store, StoreError};

/// A disk with an empty store.
fn founded() -> SimDisk {
    let disk = SimDisk::default();
    Redb::found_on(&disk).expect("bug: the disk works");
    disk
}

fn store(disk: &SimDisk) -> Redb {
    Redb::on_disk(RedbOptions::on_disk(), disk).expect("bug: the disk works")
}

fn commit(job: u64, version: u64) -> Commit {
    let at = Timestamp((job * 100 + version) as i64);
    let row = JobRow {
        id: JobId::from_u128(u128::from(job)),
        version,
        fence: 0,
        job_type: "simple-task".to_owned(),
        definition: ContentHash::default(),
        name: "x".repeat(300),
        description: String::new(),
        status: Status::InProgress,
        phase: Phase::Running,
        waiting_for: None,
        place: Place::Active,
        priority: 0,
        labels: Default::default(),
        owner: "ann".to_owned(),
        agent: None,
        parent: None,
        run_number: 1,
        attempts: 0,
        pending_checkpoints: 0,
        error: None,
        created_at: Timestamp(job as i64),
        updated_at: at,
        started_at: None,
        completed_at: None,
        due_at: None,
    };
    Commit {
        job: row.id,
        expect_version: version - 1,
        fence: 0,
        commit_id: CommitId::derived(&[&job.to_string(), &version.to_string()]),
        at,
        by: Principal::system("worker"),
        events: vec![Arc::new(Event::Suspended { reason: format!("{job} {version}") })],
        row,
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: None,
        key: None,
    }
}

/// The store holds these versions of its jobs, whole.
async fn check(store: &Redb, versions: &[u64]) {
    let mut commits = 0;
    for (job, version) in (1..).zip(versions) {
        let id = JobId::from_u128(job);
        let loaded = store.load(id).await.expect("bug: the disk works");
        assert_eq!(loaded.map_or(0, |loaded| loaded.tail.len() as u64), *version);
        assert_eq!(
            store.job(id).await.expect("bug: the disk works").map_or(0, |row| row.version),
            *version
        );
        commits += version;
    }
    assert_eq!(store.last_change().await.expect("bug: the disk works"), commits);
}

/// Commits until it is applied; a full disk must show as such and never as anything else.
async fn insist(store: &Redb, wish: &Commit, failures: &mut u32) {
    loop {
        match store.commit(wish.clone()).await {
            Ok(CommitOutcome::Applied { version, .. } | CommitOutcome::Replayed { version }) => {
                return assert_eq!(version, wish.row.version);
            }
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Unavailable(reason) | StoreError::Ambiguous(reason)) => {
                *failures += 1;
                assert!(reason.contains("disk is full") || reason.contains("opened"), "{reason}");
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_failing_disk_loses_nothing_and_work_goes_on() {
    let (mut failures, mut ambiguous) = (0, 0);
    for fails_in in 1..=40 {
        let disk = founded();
        let store = store(&disk);
        insist(&store, &commit(1, 1), &mut failures).await;
        let first = disk.operations() + fails_in;
        disk.fail(first..first + 3, Fault::NoSpace);
        for version in 2..=6 {
            match store.commit(commit(1, version)).await {
                Err(StoreError::Ambiguous(_)) => ambiguous += 1,
                Err(StoreError::Unavailable(_)) | Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
            insist(&store, &commit(1, version), &mut failures).await;
        }
        check(&store, &[6]).await;
        assert_eq!(store.health().await.expect("bug: the disk works").read_only, None);
        store.close().await.expect("bug: the disk works");
    }
    assert!(ambiguous > 5, "the disk failed in {ambiguous} commits only");
}

#[tokio::test]
async fn a_power_cut_keeps_what_was_acknowledged() {
    const JOBS: usize = 3;
    let mut cut_in_work = 0;
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut image = founded().image();
        let mut versions = [0u64; JOBS];
        let mut unseen = None;
        for _ in 0..4 {
            let disk = SimDisk::with_image(image);
            let store = store(&disk);
            // A commit whose outcome is unknown may be there or not; nothing else may differ.
            if let Some(job) = unseen.take() {
                let row = store
                    .job(JobId::from_u128(job as u128 + 1))
                    .await
                    .expect("bug: the disk works");
                let found = row.map_or(0, |row| row.version);
                assert!(found == versions[job] || found == versions[job] + 1);
                versions[job] = found;
            }
            check(&store, &versions).await;
            disk.cut_power_at(disk.operations() + 1 + random.below(80));
            loop {
                let job = random.below(JOBS as u64) as usize;
                let wish = commit(job as u64 + 1, versions[job] + 1);
                match store.commit(wish).await {
                    Ok(CommitOutcome::Applied { version, .. }) => versions[job] = version,
                    Ok(other) => panic!("{other:?}"),
                    Err(StoreError::Ambiguous(_)) => break unseen = Some(job),
                    Err(_) => break,
                }
            }
            cut_in_work += 1;
            drop(store);
            image = disk.image_after_power_cut(random.below(u64::MAX));
        }
    }
    assert_eq!(cut_in_work, 240);
}
