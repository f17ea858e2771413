//! No false alarm: whatever is done to a store by this program leaves a trail that holds.

use holdpoint::app::audit::{VerifyOrder, verify_stopped};
use holdpoint::app::stopped::{self, RestoreOrder};
use holdpoint::model::time::Timestamp;
use holdpoint::store::redb::verify as check_db;
use holdpoint::store::stream;
use holdpoint::store::{Memory, Redb, RedbOptions, Store};

use super::file::*;
use crate::store::build::{create, job};
use crate::store::pieces;

#[tokio::test]
async fn a_trail_holds_after_retention() {
    let stopped = Stopped::filled().await;
    let store = stopped.open();
    let before = store.audit_head().await.unwrap().count;
    let gone = vec![(job(1), 3), (job(2), 3)];
    assert_eq!(store.remove_jobs(gone, Timestamp(9_000_000)).await.unwrap().len(), 2);
    assert_eq!(store.prune_feed(0, 1_000).await.unwrap(), None);
    // The entries of both stay, and one more says that they went.
    assert_eq!(store.audit_head().await.unwrap().count, before + 1);
    let entry = store.audit_entries(before, 9).await.unwrap().pop().unwrap();
    assert_eq!((entry.action.as_str(), entry.at), ("jobs.removed", Timestamp(9_000_000)));
    assert_eq!(entry.detail["jobs"][1], job(2).to_string());
    stopped.sign(&store).await;
    store.close().await.unwrap();
    let found = stopped.verify(true).await;
    assert_eq!((&found.findings[..], found.commits, found.removed), (&[][..], 3, 6));
    assert_eq!(check_db(&stopped.path()).unwrap().problems, []);
}

#[tokio::test]
async fn a_restored_store_says_what_was_given_up() {
    let stopped = Stopped::filled().await;
    let backup = stopped.folder.path().join("backup.redb");
    stopped::back_up(&stopped.path(), &backup).await.unwrap();
    let store = stopped.open();
    fact(&store, "user.create").await;
    fact(&store, "user.delete").await;
    stopped.sign(&store).await;
    store.close().await.unwrap();
    // A look at the trail of a backup leaves the backup as its manifest says.
    let of_backup = VerifyOrder { store: backup.clone(), ..VerifyOrder::default() };
    assert_eq!(verify_stopped(&of_backup).await.unwrap().unwrap().findings, []);
    let order =
        RestoreOrder { from: backup, to: stopped.path(), replace: true, without_manifest: false };
    stopped::restore(&order).await.unwrap();
    let found = stopped.verify(true).await;
    assert_eq!(found.findings, [], "{found:?}");
    assert_eq!(found.generation, 1);
    assert!(found.notes.iter().any(|note| note.contains("given up")), "{:?}", found.notes);
}

#[tokio::test]
async fn an_export_takes_the_trail_with_it_into_any_engine() {
    let stopped = Stopped::filled().await;
    let store = stopped.open();
    let out = pieces::exported(&store).await;
    let (head, entries) =
        (store.audit_head().await.unwrap(), store.audit_entries(0, 99).await.unwrap());
    store.close().await.unwrap();
    let file = stopped.folder.path().join("imported.redb");
    let engines: [Box<dyn Store>; 2] =
        [Box::new(Memory::new()), Box::new(Redb::open(RedbOptions::new(&file)).unwrap())];
    for copy in engines {
        let trailer = stream::import(&*copy, &mut out.as_slice()).await.unwrap();
        assert_eq!(trailer.audit, Some(head));
        assert_eq!(copy.audit_head().await.unwrap(), head);
        assert_eq!(copy.audit_entries(0, 99).await.unwrap(), entries);
        assert_eq!(pieces::exported(&*copy).await, out);
        // It goes on where the original stopped.
        create(&*copy, 9, |_| {}).await;
        assert_eq!(copy.audit_head().await.unwrap().count, head.count + 1);
        copy.close().await.unwrap();
    }
    assert_eq!(check_db(&file).unwrap().problems, []);
}

#[tokio::test]
async fn a_stream_whose_trail_was_cut_is_no_store() {
    let stopped = Stopped::filled().await;
    let store = stopped.open();
    let items = export_items(&store).await;
    store.close().await.unwrap();
    let copy = Memory::new();
    let without_fifth =
        items.iter().filter(|item| !matches!(item, holdpoint::store::Item::Audit { seq: 5, .. }));
    assert!(copy.import(without_fifth.cloned().collect()).await.is_err());
}

async fn export_items(store: &dyn Store) -> Vec<holdpoint::store::Item> {
    let (to, mut from) = tokio::sync::mpsc::channel(1_000);
    store.export(to).await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = from.recv().await {
        items.push(item);
    }
    items
}

#[tokio::test]
async fn a_stream_of_the_first_form_gets_a_trail_of_its_journals() {
    let stopped = Stopped::filled().await;
    let store = stopped.open();
    let commits: Vec<_> = store.audit_entries(0, 99).await.unwrap();
    let commits: Vec<_> = commits.into_iter().filter(|entry| entry.commit.is_some()).collect();
    let mut items = export_items(&store).await;
    store.close().await.unwrap();
    items.retain(|item| !matches!(item, holdpoint::store::Item::Audit { .. }));
    let file = stopped.folder.path().join("first-form.redb");
    let engines: [Box<dyn Store>; 2] =
        [Box::new(Memory::new()), Box::new(Redb::open(RedbOptions::new(&file)).unwrap())];
    for copy in engines {
        copy.import(items.clone()).await.unwrap();
        let made = copy.audit_entries(0, 99).await.unwrap();
        let told = |entry: &holdpoint::model::audit::AuditEntry| {
            (entry.at, entry.by.clone(), entry.action.clone(), entry.commit, entry.digest)
        };
        let (last, made) = made.split_last().unwrap();
        assert_eq!(last.action, "store.raised");
        let (made, wanted): (Vec<_>, Vec<_>) =
            (made.iter().map(told).collect(), commits.iter().map(told).collect());
        assert_eq!(made, wanted);
        copy.close().await.unwrap();
    }
    assert_eq!(check_db(&file).unwrap().problems, []);
}
