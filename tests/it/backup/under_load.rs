//! Backups while writers write: each is the store at one place of its feed, to the last byte.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    BackupError, BackupOrder, Commit, CommitOutcome, LastBackup, Manifest, Memory, Redb,
    RedbOptions, Store,
};
use tokio::sync::Semaphore;

use crate::store::build::*;
use crate::store::dump::dump;

const BACKUPS: u64 = 50;
const WRITERS: u64 = 4;

/// Every commit by its place in the feed: the oracle.
type History = Arc<Mutex<BTreeMap<u64, Commit>>>;

/// Creates jobs and lets them go on, as long as it gets tickets.
async fn write(store: Arc<Redb>, writer: u64, history: History, tickets: Arc<Semaphore>) {
    for n in 1.. {
        let id = writer * 1_000_000 + n;
        let mut commit = creation(id);
        commit.checkpoints = vec![checkpoint_row(id, job(id))];
        commit.key = Some(key(&format!("key {id}"), "request", 0));
        commit.subscriptions = vec!["order".to_owned()];
        for step in 0..3 {
            let Ok(ticket) = tickets.acquire().await else { return };
            ticket.forget();
            let row = commit.row.clone();
            let outcome = store.commit(commit.clone()).await.unwrap();
            let CommitOutcome::Applied { feed, .. } = outcome else { panic!("{outcome:?}") };
            history.lock().unwrap().insert(feed, commit);
            commit = commit_after(&row);
            commit.snapshot = (step == 1).then(|| vec![7; 300]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_backups_under_load_are_each_the_store_at_their_place_of_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Arc::new(Redb::open(RedbOptions::new(&path)).unwrap());
    let (history, tickets) = (History::default(), Arc::new(Semaphore::new(0)));
    let writers: Vec<_> = (1..=WRITERS)
        .map(|n| tokio::spawn(write(store.clone(), n, history.clone(), tickets.clone())))
        .collect();
    let mut taken: Vec<(std::path::PathBuf, Manifest)> = Vec::new();
    for n in 0..BACKUPS {
        // Enough to write all through this backup, and few enough to compare them all.
        tickets.add_permits(8);
        let file = folder.path().join(format!("backup-{n}.redb"));
        let before = store.last_change().await.unwrap();
        let order =
            BackupOrder { file: file.clone(), taken_at: Timestamp(n as i64), generation: 3 };
        let manifest = store.backup(order).await.unwrap();
        let after = store.last_change().await.unwrap();
        assert!((before..=after).contains(&manifest.feed), "{before} {manifest:?} {after}");
        assert_eq!(LastBackup::of(&path).unwrap().file, file);
        taken.push((file, manifest));
    }
    tickets.close();
    for writer in writers {
        writer.await.unwrap();
    }
    let grew = taken.windows(2).filter(|pair| pair[0].1.feed < pair[1].1.feed).count();
    assert!(grew > 40, "nothing was written between most of the backups: {grew}");
    store.close().await.unwrap();
    let oracle = Memory::new();
    let mut history = std::mem::take(&mut *history.lock().unwrap()).into_iter().peekable();
    for (file, manifest) in taken {
        while let Some((_, commit)) = history.next_if(|(feed, _)| *feed <= manifest.feed) {
            apply(&oracle, commit).await;
        }
        assert_eq!(Manifest::read(&file).unwrap(), manifest);
        let counts = oracle.counts().await.unwrap();
        assert_eq!(manifest.jobs, counts.jobs.iter().map(|(_, jobs)| jobs).sum::<u64>());
        let copy = Redb::open(RedbOptions::new(&file)).unwrap();
        assert_eq!(copy.last_change().await.unwrap(), manifest.feed);
        assert!(dump(&copy).await == dump(&oracle).await, "backup at {}", manifest.feed);
    }
}

#[tokio::test]
async fn a_backup_never_takes_the_room_that_commits_need() {
    let folder = tempfile::tempdir().unwrap();
    // However large the disk is, this much is not free on it.
    let options = RedbOptions::new(folder.path().join("holdpoint.redb"));
    Redb::open(options.clone()).unwrap().close().await.unwrap();
    let store = Redb::open(RedbOptions { disk_floor_bytes: u64::MAX, ..options }).unwrap();
    let file = folder.path().join("backup.redb");
    let order = BackupOrder { file: file.clone(), taken_at: Timestamp(1), generation: 0 };
    let refused = store.backup(order).await.unwrap_err();
    assert!(matches!(refused, BackupError::NoSpace { .. }), "{refused}");
    assert!(!file.exists());
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    create(&store, 1, |_| {}).await;
    let file = folder.path().join("backups/one.redb");
    let order = BackupOrder { file: file.clone(), taken_at: Timestamp(1), generation: 0 };
    store.backup(order.clone()).await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let again = store.backup(order.clone()).await.unwrap_err();
    assert!(matches!(again, BackupError::Exists { .. }), "{again}");
    assert!(std::fs::read(&file).unwrap() == bytes);
    // A folder that is a file; then a store that is closed.
    let order = BackupOrder { file: file.join("below.redb"), ..order };
    let failed = store.backup(order.clone()).await.unwrap_err();
    assert!(matches!(failed, BackupError::Io { .. }), "{failed}");
    store.close().await.unwrap();
    let order = BackupOrder { file: folder.path().join("late.redb"), ..order };
    let failed = store.backup(order.clone()).await.unwrap_err();
    assert!(matches!(failed, BackupError::Store(_)), "{failed}");
    let unsupported = Memory::new().backup(order).await.unwrap_err();
    assert!(matches!(unsupported, BackupError::Unsupported("memory")), "{unsupported}");
    let mut left: Vec<String> = Vec::new();
    for folder in [folder.path(), &folder.path().join("backups")] {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        left.extend(names.map(|name| name.into_string().unwrap()));
    }
    left.sort();
    let expected = [
        "backups",
        "holdpoint.redb",
        "holdpoint.redb.last-backup.json",
        "one.redb",
        "one.redb.manifest.json",
    ];
    assert_eq!(left, expected);
}
