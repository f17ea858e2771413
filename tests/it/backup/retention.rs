//! Jobs whose time is over go into the archive and out of the store; all others stay.

use std::path::Path;
use std::sync::Arc;

use holdpoint::app::retention::{Rules, SweepError, sweep};
use holdpoint::model::id::ContentHash;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::store::redb::verify;
use holdpoint::store::{Memory, Redb, RedbOptions, Store};
use serde_json::Value;

use crate::store::build::*;

const DAY: i64 = 86_400 * 1_000_000;

/// A job that ended in this status on this day; a few events long.
async fn ended(store: &dyn Store, n: u64, status: Status, day: i64, parent: Option<u64>) -> JobRow {
    let row = create(store, n, |row| {
        row.created_at = Timestamp(day * DAY - 1_000);
        row.updated_at = row.created_at;
        row.parent = parent.map(job);
    })
    .await;
    let mut commit = commit_after(&row);
    commit.checkpoints = vec![checkpoint_row(n, job(n))];
    let row = apply(store, commit).await;
    advance(store, &row, |row| {
        row.status = status;
        row.phase = Phase::Completed;
        row.place = Place::Ended;
        row.completed_at = Some(Timestamp(day * DAY));
    })
    .await
}

fn rules(folder: &Path) -> Rules {
    let days = |days: u64| Span::from_secs(days * 86_400);
    Rules {
        kept: vec![(Status::Completed, days(10)), (Status::Failed, days(20))],
        archive: folder.join("archive"),
    }
}

/// The lines of the archive of the day 100.
fn archived(folder: &Path) -> Vec<String> {
    let file = folder.join("archive/1970-04-11.jsonl");
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

fn number(line: &str) -> Option<u64> {
    let line: Value = serde_json::from_str(line).ok()?;
    let id: holdpoint::model::id::JobId = line["job"]["id"].as_str()?.parse().ok()?;
    u64::try_from(id.as_u128()).ok()
}

async fn a_sweep(store: &dyn Store, folder: &Path) {
    let now = Timestamp(100 * DAY);
    create(store, 1, |_| {}).await;
    ended(store, 2, Status::Completed, 90, None).await;
    ended(store, 3, Status::Completed, 91, None).await;
    ended(store, 4, Status::Failed, 85, None).await;
    ended(store, 5, Status::Failed, 80, None).await;
    ended(store, 6, Status::Rejected, 1, None).await;
    // Its parent is alive; the next one's has ended.
    ended(store, 7, Status::Completed, 50, Some(1)).await;
    ended(store, 8, Status::Completed, 50, Some(3)).await;
    for n in 100..180 {
        ended(store, n, Status::Completed, 60, None).await;
    }
    // Nothing came after it, so it stays for now.
    ended(store, 9, Status::Completed, 50, None).await;

    let removed = sweep(store, &rules(folder), now).await.unwrap();
    assert_eq!(removed, 83);
    let stays = [1, 3, 4, 6, 7, 9];
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 179] {
        let is_there = store.job(job(n)).await.unwrap().is_some();
        assert_eq!(is_there, stays.contains(&n), "job {n}");
        assert_eq!(store.journal(job(n), 0, 9).await.unwrap().is_empty(), !is_there, "job {n}");
    }
    // The last one is in the archive before it goes: twice, but recognisable.
    create(store, 999, |_| {}).await;
    assert_eq!(sweep(store, &rules(folder), now).await.unwrap(), 1);
    assert_eq!(sweep(store, &rules(folder), now).await.unwrap(), 0);
    let left = store.changes(0, 10_000).await.unwrap();
    let live = [1, 3, 4, 6, 7, 999].map(job);
    assert!(left.iter().all(|change| live.contains(&change.job)), "{left:?}");

    let lines = archived(folder);
    assert_eq!(lines.len(), 85);
    let mut numbers: Vec<u64> = lines.iter().filter_map(|line| number(line)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let expected: Vec<u64> = [2, 5, 8, 9].into_iter().chain(100..180).collect();
    assert_eq!(numbers, expected);
    for line in &lines {
        let (start, rest) = line.split_once("\"job\":").unwrap();
        assert!(start.starts_with("{\"archivedAt\":\"1970-04-11T"), "{start}");
        let (content, end) = rest.rsplit_once(",\"sha256\":\"").unwrap();
        let hash = ContentHash::of(format!("\"job\":{content}").as_bytes());
        assert_eq!(end, format!("{hash}\"}}"));
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["events"].as_array().unwrap().len(), 3);
        assert_eq!(
            line["checkpoints"][0]["title"],
            format!("Checkpoint {}", number(&line.to_string()).unwrap())
        );
    }
    let twice: Vec<&String> = lines.iter().filter(|line| number(line) == Some(9)).collect();
    assert_eq!(twice.len(), 2);
    let hash = |line: &str| line.rsplit_once("sha256").unwrap().1.to_owned();
    assert_eq!(hash(twice[0]), hash(twice[1]));
}

#[tokio::test]
async fn a_sweep_takes_what_is_over_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    a_sweep(&Memory::new(), folder.path()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Arc::new(Redb::open(RedbOptions::new(&path)).unwrap());
    a_sweep(&*store, folder.path()).await;
    store.close().await.unwrap();
    assert_eq!(verify(&path).unwrap().problems, []);
}

#[tokio::test]
async fn nothing_is_removed_that_the_archive_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, store, now) = (folder.path(), Memory::new(), Timestamp(100 * DAY));
    ended(&store, 2, Status::Completed, 50, None).await;
    create(&store, 1, |_| {}).await;
    std::fs::write(folder.join("archive"), "a file where a folder should be").unwrap();
    let failed = sweep(&store, &rules(folder), now).await.unwrap_err();
    assert!(matches!(failed, SweepError::Archive { .. }), "{failed}");
    assert!(store.job(job(2)).await.unwrap().is_some());
    // A crash cut the last line off; the next job has a line of its own.
    std::fs::remove_file(folder.join("archive")).unwrap();
    std::fs::create_dir(folder.join("archive")).unwrap();
    std::fs::write(folder.join("archive/1970-04-11.jsonl"), "{\"archivedAt\":\"cut o").unwrap();
    assert_eq!(sweep(&store, &rules(folder), now).await.unwrap(), 1);
    let numbers: Vec<Option<u64>> = archived(folder).iter().map(|line| number(line)).collect();
    assert_eq!(numbers, [None, Some(2)]);
}
