//! The writer of the redb engine: one group for many, a floor under the disk, points at which it
//! may die.

use std::sync::Arc;

use holdpoint::model::crash_point::POINTS;
use holdpoint::store::{CommitOutcome, Redb, RedbOptions, Store, StoreError};

use super::build::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(RedbOptions::new(folder.path().join("holdpoint.redb"))).unwrap();
    let store = Arc::new(store);
    let tasks: Vec<_> = (1..=64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut row = create(&*store, n, |_| {}).await;
                for _ in 0..10 {
                    row = advance(&*store, &row, |_| {}).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let health = store.health().await.unwrap();
    assert_eq!((health.engine, health.commits, health.read_only), ("redb", 64 * 11, None));
    assert!(health.groups < health.commits, "{} groups", health.groups);
    assert!(health.bytes > 0 && health.free_bytes.is_some());
}

#[tokio::test]
async fn nothing_is_written_below_the_floor_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    create(&Redb::open(RedbOptions::new(&path)).unwrap(), 1, |_| {}).await;
    // No disk has so much free: the store is below its floor from the beginning.
    let options = RedbOptions { disk_floor_bytes: u64::MAX, ..RedbOptions::new(&path) };
    let store = Redb::open(options).unwrap();
    for _ in 0..3 {
        let error = store.commit(creation(2)).await.unwrap_err();
        let StoreError::Full(reason) = error else { panic!("{error}") };
        assert!(reason.contains("nearly full"), "{reason}");
        assert_eq!(store.health().await.unwrap().read_only, Some(reason));
    }
    // Reads go on.
    assert!(store.job(job(1)).await.unwrap().is_some());
    assert_eq!(store.last_change().await.unwrap(), 1);
    store.close().await.unwrap();
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    let applied = store.commit(creation(2)).await.unwrap();
    assert_eq!(applied, CommitOutcome::Applied { version: 1, feed: 2 });
}

#[tokio::test]
async fn what_was_asked_before_closing_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    let (one, two, closed, late) = tokio::join!(
        store.commit(creation(1)),
        store.commit(creation(2)),
        store.close(),
        store.commit(creation(3)),
    );
    assert!(matches!(one, Ok(CommitOutcome::Applied { .. })), "{one:?}");
    assert!(matches!(two, Ok(CommitOutcome::Applied { .. })), "{two:?}");
    closed.unwrap();
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    // The file is free although the handle lives on.
    let again = Redb::open(RedbOptions::new(&path)).unwrap();
    assert_eq!(again.last_change().await.unwrap(), 2);
}

#[test]
fn every_crash_point_of_the_store_is_listed_once() {
    let mut points = POINTS.to_vec();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), POINTS.len());
    for file in ["open.rs", "writer.rs"] {
        let path = format!("{}/src/store/redb/{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        let reached: Vec<_> = source.split("reach(\"").skip(1).collect();
        assert!(!reached.is_empty());
        for call in reached {
            let name = call.split('"').next().unwrap();
            assert!(POINTS.contains(&name), "{name} is not listed");
        }
    }
}
