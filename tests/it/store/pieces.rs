//! Pieces of a store: what goes out and in again is the same store, and a job that is removed is
//! gone with everything of it.

use holdpoint::model::id::JobId;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::Timestamp;
use holdpoint::store::stream::{self, Header, STREAM_FORMAT};
use holdpoint::store::{Change, Document, Memory, Store};

use super::build::*;
use super::dump::dump;

/// Something of every kind, in many jobs.
pub async fn fill(store: &dyn Store) {
    for n in 1..=12 {
        let mut commit = creation(n);
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.subscriptions = vec!["order".to_owned(), "paid".to_owned()];
        commit.key = Some(key(&format!("key {n}"), "request", 0));
        commit.nudge = (n == 5).then(|| job(1));
        let mut row = apply(store, commit).await;
        for _ in 0..n % 4 {
            let mut commit = commit_after(&row);
            commit.snapshot = Some(vec![b'\n'; 50]);
            commit.events = vec![note("a"), note("b")];
            row_of(&mut commit).version += 1;
            row_of(&mut commit).place = Place::Parked(Some(Timestamp(n as i64)));
            row = apply(store, commit).await;
        }
    }
    for id in ["ann", "bob"] {
        let (version, updated_at) = (0, Timestamp(7));
        let document = Document { id: id.to_owned(), version, updated_at, body: vec![0, 255, 10] };
        store.put_document("user", document, None).await.unwrap();
    }
}

pub fn header() -> Header {
    let (program, exported_at) = ("holdpoint".to_owned(), "2026-01-01T00:00:00.000Z".to_owned());
    Header { stream: STREAM_FORMAT, program, exported_at }
}

/// The stream of a store.
pub async fn exported(store: &dyn Store) -> Vec<u8> {
    let mut out = Vec::new();
    stream::export(store, header(), &mut out).await.unwrap();
    out
}

pub async fn what_is_exported_and_imported_is_the_same_store(store: &dyn Store) {
    fill(store).await;
    let out = exported(store).await;
    let copy = Memory::new();
    let trailer = stream::import(&copy, &mut out.as_slice()).await.unwrap();
    assert_eq!(dump(&copy).await, dump(store).await);
    assert_eq!(stream::digest(&copy).await.unwrap(), trailer.digest);
    assert_eq!(trailer.counts["jobs"], 12);
    assert_eq!(exported(&copy).await, out);
    // It goes on as the original would.
    advance(&copy, &copy.job(job(3)).await.unwrap().unwrap(), |_| {}).await;
    create(&copy, 99, |_| {}).await;
    assert_eq!(copy.last_change().await.unwrap(), store.last_change().await.unwrap() + 2);
    assert_ne!(stream::digest(&copy).await.unwrap(), trailer.digest);
}

/// A job that has ended.
async fn ended(store: &dyn Store, n: u64) -> JobRow {
    let mut commit = creation(n);
    commit.checkpoints = vec![checkpoint_row(n, job(n))];
    commit.subscriptions = vec!["order".to_owned()];
    let row = apply(store, commit).await;
    let mut commit = commit_after(&row);
    commit.subscriptions = vec!["order".to_owned()];
    row_of(&mut commit).status = Status::Completed;
    row_of(&mut commit).phase = Phase::Completed;
    row_of(&mut commit).place = Place::Ended;
    let ended_at = commit.row.updated_at;
    row_of(&mut commit).completed_at = Some(ended_at);
    apply(store, commit).await
}

pub async fn a_removed_job_is_gone_with_everything_of_it(store: &dyn Store) {
    let mut before = Vec::new();
    create(store, 1, |_| {}).await;
    before.push(store.counts().await.unwrap());
    let (first, second) = (ended(store, 2).await, ended(store, 3).await);
    let wishes: Vec<(JobId, u64)> = vec![
        (job(1), 1),                   // It is alive.
        (first.id, first.version - 1), // It has moved on since.
        (second.id, second.version),   // Nothing came after it.
        (job(77), 1),                  // It never was.
    ];
    assert_eq!(store.remove_jobs(wishes, Timestamp::default()).await.unwrap(), []);
    let removed =
        store.remove_jobs(vec![(first.id, first.version)], Timestamp::default()).await.unwrap();
    assert_eq!(removed, [first.id]);
    assert_eq!(store.job(first.id).await.unwrap(), None);
    assert_eq!(store.load(first.id).await.unwrap(), None);
    assert!(store.journal(first.id, 0, 9).await.unwrap().is_empty());
    assert_eq!(store.checkpoint(checkpoint(2)).await.unwrap(), None);
    assert_eq!(store.subscribers("order", None, 9).await.unwrap(), [job(3)]);
    // The feed goes later, in parts; its end never.
    assert_eq!(store.last_change().await.unwrap(), 5);
    assert_eq!(store.prune_feed(0, 2).await.unwrap(), Some(2));
    assert_eq!(store.prune_feed(2, 100).await.unwrap(), None);
    let left: Vec<u64> =
        store.changes(0, 9).await.unwrap().iter().map(|change: &Change| change.feed).collect();
    assert_eq!(left, [1, 4, 5]);
    create(store, 4, |_| {}).await;
    assert_eq!(store.last_change().await.unwrap(), 6);
    let removed =
        store.remove_jobs(vec![(second.id, second.version)], Timestamp::default()).await.unwrap();
    assert_eq!(removed, [second.id]);
    assert_eq!(store.prune_feed(0, 100).await.unwrap(), None);
    let counts = store.counts().await.unwrap();
    let jobs = |counts: &holdpoint::store::Counts| counts.jobs.iter().map(|(_, n)| n).sum::<u64>();
    assert_eq!(jobs(&counts), jobs(&before[0]) + 1);
    assert_eq!(counts.checkpoints.iter().map(|(_, n)| n).sum::<u64>(), 0);
    // A store with gaps in its feed goes out and in as well.
    let copy = Memory::new();
    stream::import(&copy, &mut exported(store).await.as_slice()).await.unwrap();
    assert_eq!(dump(&copy).await, dump(store).await);
}
