//! A store as an older program left it: it is read, checked without a change, raised when it is
//! opened to be written to, and then says all that it said before.

use std::path::{Path, PathBuf};

use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status, WaitCode, WaitingFor};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Document, Memory, Store};

use super::build::*;

/// What the store of format 2 in `tests/golden` was filled with: something in every table, appends
/// of one and of several events, a journal in two parts, jobs that were removed with their entries
/// of the feed, and one that was removed without.
pub async fn fill(store: &dyn Store) {
    for n in 1..=18 {
        let mut commit = creation(n);
        let row = row_of(&mut commit);
        row.owner = ["ann", "bob"][n as usize % 2].to_owned();
        row.agent = n.is_multiple_of(3).then(|| "writer".to_owned());
        row.labels.insert("team".to_owned(), ["red", "blue"][n as usize / 2 % 2].to_owned());
        row.description = "ÜBER the Moon".to_owned();
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.subscriptions = vec!["order".to_owned()];
        commit.key = Some(key(&format!("key {n}"), "request", 0));
        commit.nudge = (n == 5).then(|| job(1));
        let row = apply(store, commit).await;
        go_on(store, row, n).await;
    }
    let document = |id: &str| Document {
        id: id.to_owned(),
        version: 0,
        updated_at: Timestamp(7),
        body: b"{}".to_vec(),
    };
    store.put_document("user", document("ann"), None).await.unwrap();
    store.put_document("setting", document("one"), None).await.unwrap();
    let ended = [(job(4), 4), (job(8), 4), (job(12), 4)];
    assert_eq!(store.remove_jobs(ended[..2].to_vec()).await.unwrap().len(), 2);
    assert_eq!(store.prune_feed(0, 1_000).await.unwrap(), None);
    assert_eq!(store.remove_jobs(ended[2..].to_vec()).await.unwrap().len(), 1);
}

async fn go_on(store: &dyn Store, mut row: JobRow, n: u64) {
    for round in 0..n % 4 {
        let mut commit = commit_after(&row);
        commit.subscriptions = vec!["order".to_owned()];
        commit.snapshot = (round == 1).then(|| vec![7; 30]);
        let changed = row_of(&mut commit);
        (changed.status, changed.phase) = (Status::InProgress, Phase::Waiting);
        (changed.place, changed.waiting_for) = match n % 4 {
            1 => (Place::Active, None),
            2 => (Place::Parked(Some(Timestamp(n as i64))), waits()),
            _ => (Place::Parked(None), waits()),
        };
        if round == 2 {
            commit.events = vec![note("a"), note("b"), note("c")];
            row_of(&mut commit).version += 2;
        }
        row = apply(store, commit).await;
    }
    if n.is_multiple_of(4) && n < 16 {
        let mut commit = commit_after(&row);
        commit.events = vec![note("a"), note("b"), note("c")];
        let changed = row_of(&mut commit);
        changed.version += 2;
        (changed.status, changed.phase) = (Status::Completed, Phase::Completed);
        changed.place = Place::Ended;
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.checkpoints[0].status = CheckpointStatus::Approved;
        apply(store, commit).await;
    }
}

fn waits() -> Option<WaitingFor> {
    Some(WaitingFor {
        code: WaitCode::Checkpoint,
        text: "waits".to_owned(),
        since: Timestamp(1),
        until: None,
    })
}

#[tokio::test]
async fn write_golden() {
    let path = PathBuf::from("/tmp/storage-golden/v2.redb");
    let _ = std::fs::remove_file(&path);
    let store = holdpoint::store::Redb::open(holdpoint::store::RedbOptions::new(&path)).unwrap();
    fill(&store).await;
    assert_eq!(super::dump::dump(&store).await, {
        let m = Memory::new();
        fill(&m).await;
        super::dump::dump(&m).await
    });
    store.close().await.unwrap();
    assert_eq!(holdpoint::store::redb::verify(&path).unwrap().problems, []);
    holdpoint::store::redb::compact(&path).unwrap();
    let _ = Path::new("");
}
