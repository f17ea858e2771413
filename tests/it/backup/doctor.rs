//! The doctor: planted defects are found and named, and a sound store is called healthy.

use std::path::Path;

use holdpoint::engine::{Findings, examine};
use holdpoint::model::problem::{Kind, Problem};
use holdpoint::model::row::Place;
use holdpoint::model::status::{Status, WaitCode, WaitingFor};
use holdpoint::model::time::Timestamp;
use holdpoint::store::redb::verify;
use holdpoint::store::{Memory, Redb, RedbOptions, Store};
use redb::{Database, TableDefinition};

use crate::store::build::*;
use crate::store::pieces::fill;

const DAY: i64 = 86_400 * 1_000_000;

fn waiting(code: WaitCode) -> Option<WaitingFor> {
    Some(WaitingFor { code, text: "waits".to_owned(), since: Timestamp(1), until: None })
}

fn named(findings: &Findings) -> Vec<(u128, String)> {
    findings.first.iter().map(|one| (one.job.as_u128(), one.reason.clone())).collect()
}

#[tokio::test]
async fn jobs_that_nothing_carries_on_are_found() {
    let store = Memory::new();
    let busy = |row: &mut holdpoint::model::row::JobRow| row.status = Status::InProgress;
    create(&store, 1, |row| (busy(row), row.place = Place::Ended).1).await;
    create(&store, 2, |row| (busy(row), row.place = Place::Parked(None)).1).await;
    create(&store, 3, |row| {
        busy(row);
        (row.place, row.waiting_for) = (Place::Parked(None), waiting(WaitCode::Time));
    })
    .await;
    create(&store, 4, |row| row.status = Status::Completed).await;
    // These are as they should be.
    create(&store, 5, |row| {
        busy(row);
        (row.place, row.waiting_for) = (Place::Parked(None), waiting(WaitCode::Checkpoint));
    })
    .await;
    create(&store, 6, |row| (busy(row), row.place = Place::Parked(Some(Timestamp(9)))).1).await;
    create(&store, 7, |row| (busy(row), row.place = Place::Active).1).await;
    create(&store, 8, |_| {}).await;
    create(&store, 9, |row| {
        (row.status, row.place) = (Status::Failed, Place::Ended);
        row.error = Some(Problem::new(Kind::Poisoned, "its actor failed 6 times"));
    })
    .await;
    let found = examine(&store, Timestamp(DAY), false).await.unwrap();
    assert_eq!((found.jobs, found.stranded.total, found.contradicting.total), (9, 4, 0));
    let stranded: Vec<u128> = named(&found.stranded).iter().map(|(job, _)| *job).collect();
    assert_eq!(stranded, [1, 2, 3, 4]);
    let poisoned = [(9, "its actor failed 6 times".to_owned())];
    assert_eq!(named(&found.poisoned), poisoned);
    // The journals of these rows do not even begin as journals do.
    let found = examine(&store, Timestamp(DAY), true).await.unwrap();
    assert_eq!(found.contradicting.total, 8);
    assert!(named(&found.contradicting)[0].1.contains("created"), "{found:?}");
}

#[tokio::test]
async fn the_forecast_is_the_growth_of_the_last_week() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(RedbOptions::new(folder.path().join("holdpoint.redb"))).unwrap();
    let young = examine(&store, Timestamp(DAY), false).await.unwrap().forecast;
    assert_eq!((young.bytes_per_day, young.days_left), (None, None));
    // Three quarters of the changes were made 100 days ago, a quarter within the last week.
    for n in 0..40 {
        let day = if n < 30 { 0 } else { 95 };
        create(&store, n + 1, |row| {
            row.updated_at = Timestamp(day * DAY + n as i64);
            row.created_at = row.updated_at;
        })
        .await;
    }
    let found = examine(&store, Timestamp(100 * DAY), false).await.unwrap().forecast;
    let expected = found.bytes / 4 / 7;
    let pace = found.bytes_per_day.unwrap();
    assert!(pace.abs_diff(expected) <= expected / 10, "{pace} is not about {expected}");
    assert_eq!(found.days_left, found.free_bytes.map(|free| free / pace));
}

/// Removes the first row of a table behind the back of the store.
pub(super) fn remove_first<K: redb::Key + 'static, V: redb::Value + 'static>(
    path: &Path,
    table: TableDefinition<'static, K, V>,
) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    drop(transaction.open_table(table).unwrap().pop_first().unwrap().unwrap());
    transaction.commit().unwrap();
    database.close().unwrap();
}

#[tokio::test]
async fn a_missing_row_of_any_table_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.redb");
    let store = Redb::open(RedbOptions::new(&whole)).unwrap();
    fill(&store).await;
    store.close().await.unwrap();
    assert_eq!(verify(&whole).unwrap().problems, []);
    let planted = |what: &str, remove: &dyn Fn(&Path)| {
        let path = folder.path().join(format!("{what}.redb"));
        std::fs::copy(&whole, &path).unwrap();
        remove(&path);
        let problems = verify(&path).unwrap().problems;
        assert!(!problems.is_empty(), "a missing row of {what} was not found");
    };
    macro_rules! tables {
        ($($name:ident: $key:ty => $value:ty;)*) => {$(
            let table = TableDefinition::<$key, $value>::new(stringify!($name));
            planted(stringify!($name), &|path| remove_first(path, table));
        )*};
    }
    tables! {
        journal: (u64, u32) => &'static [u8];
        journal_by_job: (u128, u64) => (u64, u32);
        jobs: u128 => &'static [u8];
        cards: (i64, u128) => &'static [u8];
        texts: (i64, u128) => &'static [u8];
        queue: (i64, u128) => ();
        wakes: (i64, u128) => ();
        subscriptions: (&'static str, u128) => ();
        checkpoints: u128 => &'static [u8];
        checkpoints_by_job: (u128, u128) => ();
        checkpoints_by_age: (u8, i64, u128) => ();
        checkpoints_by_expiry: (u8, i64, u128) => ();
        feed: u64 => (u128, u64, u64);
        keys: (&'static str, &'static str) => &'static [u8];
        keys_by_age: (i64, &'static str, &'static str) => ();
        counters: (u8, u8) => u64;
    }
}
