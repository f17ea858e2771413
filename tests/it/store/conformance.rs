//! What every engine must do. A case is a function over the port; the macro runs it on each
//! engine, and on redb compares everything that the store says with what it says after it was
//! closed and opened.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdpoint::model::row::Place;
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    Change, CommitOutcome, Memory, Redb, RedbOptions, Store, StoreError, redb::verify,
};

use super::build::*;
use super::dump::dump;

macro_rules! conformance {
    ($($module:ident :: $case:ident,)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                let store = holdpoint::store::Memory::new();
                super::super::$module::$case(&store).await;
            })*
        }
        mod redb {
            $(#[tokio::test]
            async fn $case() {
                super::on_redb(|store| Box::pin(async move {
                    super::super::$module::$case(&*store).await;
                })).await;
            })*
        }
    };
}

conformance! {
    conformance::a_created_job_is_there_with_all_that_came_with_it,
    conformance::events_follow_each_other_in_one_chain,
    conformance::another_version_is_a_conflict,
    conformance::another_fence_is_fenced,
    conformance::the_same_commit_again_is_a_replay,
    conformance::a_used_key_is_a_duplicate_until_it_is_forgotten,
    conformance::keys_of_different_owners_never_meet,
    conformance::a_malformed_commit_changes_nothing,
    conformance::neighbours_of_a_refused_commit_apply,
    places::a_job_is_in_one_place_and_moves,
    places::wakes_are_due_in_order,
    places::active_jobs_come_in_pages,
    places::subscriptions_are_replaced,
    places::a_nudge_stays_until_the_job_commits,
    places::numbers_follow_the_rows,
    conformance::the_feed_has_no_gap,
    conformance::a_journal_comes_in_pages,
    conformance::an_append_of_several_records_is_one_append,
    conformance::loading_begins_with_the_last_snapshot,
    conformance::the_latest_time_never_goes_back,
    conformance::what_does_not_exist_is_not_an_error,
    conformance::concurrent_writers_keep_every_invariant,
    lists::jobs_come_in_every_order_without_loss_or_double,
    lists::many_jobs_come_in_every_order,
    lists::filters_select_and_count,
    lists::a_filter_and_an_order_page_together,
    lists::checkpoints_come_in_every_order_without_loss_or_double,
    lists::a_foreign_cursor_is_refused,
    lists::a_page_of_nothing_still_counts,
    documents::a_document_counts_its_changes,
    documents::an_expected_version_is_compared,
    documents::kinds_do_not_mix,
    documents::a_removed_document_is_gone,
    trail::documents_change_all_together_or_not_at_all,
    trail::an_entry_says_who_did_what_from_where,
    trail::the_trail_is_filtered_and_paged_newest_first,
    pieces::what_is_exported_and_imported_is_the_same_store,
    pieces::a_removed_job_is_gone_with_everything_of_it,
}

type Case = std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// Runs a case on a new file, then closes, checks and opens the file: it must say the same.
async fn on_redb(case: impl FnOnce(Arc<Redb>) -> Case) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conformance.redb");
    let store = Arc::new(Redb::open(RedbOptions::new(&path)).unwrap());
    case(store.clone()).await;
    let before = dump(&*store).await;
    store.close().await.unwrap();
    assert_eq!(verify(&path).unwrap().problems, []);
    let again = Redb::open(RedbOptions::new(&path)).unwrap();
    assert_eq!(dump(&again).await, before);
}

pub async fn a_created_job_is_there_with_all_that_came_with_it(store: &dyn Store) {
    let mut commit = creation(1);
    commit.checkpoints = vec![checkpoint_row(7, job(1))];
    let (row, id, by) = ((*commit.row).clone(), commit.commit_id, commit.by.clone());
    let (event, at) = (commit.events[0].clone(), commit.at);
    let outcome = store.commit(commit).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Applied { version: 1, feed: 1 });
    assert_eq!(store.job(job(1)).await.unwrap(), Some(row));
    assert_eq!(store.checkpoint(checkpoint(7)).await.unwrap(), Some(checkpoint_row(7, job(1))));
    let loaded = store.load(job(1)).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot, loaded.last_commit), (None, id));
    let [recorded] = loaded.tail.as_slice() else { panic!("{:?}", loaded.tail) };
    assert_eq!((recorded.seq, recorded.at, recorded.commit_id), (1, at, id));
    assert_eq!((&recorded.by, &recorded.event), (&by, &event));
}

pub async fn events_follow_each_other_in_one_chain(store: &dyn Store) {
    let first = create(store, 1, |_| {}).await;
    let mut commit = commit_after(&first);
    commit.events = vec![note("a"), note("b"), note("c")];
    row_of(&mut commit).version = 4;
    apply(store, commit).await;
    let journal = store.journal(job(1), 0, 10).await.unwrap();
    assert_eq!(journal.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // What was appended together shares a hash.
    let hashes: BTreeSet<_> = journal.iter().map(|event| event.hash).collect();
    assert_eq!(hashes.len(), 2);
    assert!(journal[1..].iter().all(|event| event.hash == journal[3].hash));
    // The same events in another job have other hashes: a chain belongs to its job.
    create(store, 2, |_| {}).await;
    let other = store.journal(job(2), 0, 10).await.unwrap();
    assert!(!hashes.contains(&other[0].hash));
}

pub async fn another_version_is_a_conflict(store: &dyn Store) {
    let first = create(store, 1, |_| {}).await;
    let second = advance(store, &first, |_| {}).await;
    let mut late = commit_after(&first);
    late.commit_id = creation(99).commit_id;
    let outcome = store.commit(late).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Conflict { version: 2 });
    let mut again = creation(1);
    again.commit_id = creation(99).commit_id;
    assert_eq!(store.commit(again).await.unwrap(), CommitOutcome::Conflict { version: 2 });
    let early = store.commit(commit_after(&row_at(&second, 7))).await.unwrap();
    assert_eq!(early, CommitOutcome::Conflict { version: 2 });
    let nobody = store.commit(commit_after(&row_at(&row(5), 3))).await.unwrap();
    assert_eq!(nobody, CommitOutcome::Conflict { version: 0 });
    assert_eq!(store.job(job(1)).await.unwrap(), Some(second));
    assert_eq!(store.last_change().await.unwrap(), 2);
}

pub fn row_at(row: &holdpoint::model::row::JobRow, version: u64) -> holdpoint::model::row::JobRow {
    let mut row = row.clone();
    row.version = version;
    row
}

pub async fn another_fence_is_fenced(store: &dyn Store) {
    let first = create(store, 1, |_| {}).await;
    let raised = advance(store, &first, |row| row.fence = 4).await;
    // The old owner is late as well; that it lost the job is what it must learn.
    let mut late = commit_after(&first);
    late.commit_id = creation(99).commit_id;
    assert_eq!(store.commit(late).await.unwrap(), CommitOutcome::Fenced { fence: 4 });
    advance(store, &raised, |_| {}).await;
}

pub async fn the_same_commit_again_is_a_replay(store: &dyn Store) {
    let commit = creation(1);
    let first = apply(store, commit.clone()).await;
    let replayed = CommitOutcome::Replayed { version: 1 };
    assert_eq!(store.commit(commit.clone()).await.unwrap(), replayed);
    let mut three = commit_after(&first);
    three.events = vec![note("a"), note("b"), note("c")];
    row_of(&mut three).version = 4;
    let fourth = apply(store, three.clone()).await;
    advance(store, &fourth, |row| row.fence = 9).await;
    // However much came after it, whatever the fence: it is on disk, and that is the answer.
    let replayed = CommitOutcome::Replayed { version: 4 };
    assert_eq!(store.commit(three).await.unwrap(), replayed);
    let replayed = CommitOutcome::Replayed { version: 1 };
    assert_eq!(store.commit(commit).await.unwrap(), replayed);
    assert_eq!(store.last_change().await.unwrap(), 3);
}

pub async fn a_used_key_is_a_duplicate_until_it_is_forgotten(store: &dyn Store) {
    let with = |n: u64, key| {
        let mut commit = creation(n);
        commit.key = Some(key);
        commit
    };
    let first = with(1, key("k", "request", 0));
    apply(store, first.clone()).await;
    let same = store.commit(with(2, key("k", "request", 0))).await.unwrap();
    assert_eq!(same, CommitOutcome::Duplicate { job: job(1), same_request: true });
    let other = store.commit(with(2, key("k", "another", 1_000_000))).await.unwrap();
    assert_eq!(other, CommitOutcome::Duplicate { job: job(1), same_request: false });
    assert_eq!(store.job(job(2)).await.unwrap(), None);
    assert_eq!(store.commit(first).await.unwrap(), CommitOutcome::Replayed { version: 1 });
    apply(store, with(3, key("k", "another", 1_000_001))).await;
    let again = store.commit(with(4, key("k", "another", 1_000_001))).await.unwrap();
    assert_eq!(again, CommitOutcome::Duplicate { job: job(3), same_request: true });
}

pub async fn keys_of_different_owners_never_meet(store: &dyn Store) {
    for (n, owner) in [(1, "ann"), (2, "bob"), (3, "")] {
        let mut commit = creation(n);
        commit.key = Some(key("k", "request", 0));
        commit.key.as_mut().unwrap().owner = owner.to_owned();
        apply(store, commit).await;
    }
}

pub async fn a_malformed_commit_changes_nothing(store: &dyn Store) {
    type Fault = fn(&mut holdpoint::store::Commit);
    let faults: [Fault; 5] = [
        |commit| commit.events.clear(),
        |commit| row_of(commit).version = 2,
        |commit| row_of(commit).id = job(2),
        |commit| commit.checkpoints = vec![checkpoint_row(1, job(2))],
        |commit| commit.checkpoints = vec![checkpoint_row(1, job(1)), checkpoint_row(1, job(1))],
    ];
    for fault in faults {
        let mut commit = creation(1);
        fault(&mut commit);
        let error = store.commit(commit).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
    // What cannot be read back must not be written: serde_json refuses to read so deep a value.
    let mut commit = creation(1);
    let deep = (0..130).fold(serde_json::Value::Null, |value, _| serde_json::json!([value]));
    let output = Arc::new(deep);
    commit.events = vec![Arc::new(holdpoint::model::event::Event::RunCompleted { output })];
    assert!(matches!(store.commit(commit).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(store.last_change().await.unwrap(), 0);
    create(store, 1, |_| {}).await;
}

pub async fn neighbours_of_a_refused_commit_apply(store: &dyn Store) {
    create(store, 5, |_| {}).await;
    let mut wishes: Vec<_> = (1..=9).map(creation).collect();
    wishes[4].commit_id = creation(99).commit_id;
    row_of(&mut wishes[7]).version = 3;
    let answers = futures_of(store, wishes).await;
    for (n, answer) in (1..).zip(answers) {
        match n {
            5 => assert_eq!(answer.unwrap(), CommitOutcome::Conflict { version: 1 }),
            8 => assert!(matches!(answer, Err(StoreError::Corrupt { .. }))),
            _ => assert!(matches!(answer.unwrap(), CommitOutcome::Applied { version: 1, .. })),
        }
        assert_eq!(store.job(job(n)).await.unwrap().is_some(), n != 8);
    }
}

/// All of these at once, so that they meet in one group.
pub async fn futures_of(
    store: &dyn Store,
    wishes: Vec<holdpoint::store::Commit>,
) -> Vec<Result<CommitOutcome, StoreError>> {
    let mut pending: Vec<_> = wishes.into_iter().map(|wish| Some(store.commit(wish))).collect();
    let mut answers: Vec<_> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in pending.iter_mut().zip(&mut answers) {
            if let Some(waiting) = future
                && let std::task::Poll::Ready(ready) = waiting.as_mut().poll(context)
            {
                (*answer, *future) = (Some(ready), None);
            }
        }
        if pending.iter().all(Option::is_none) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    answers.into_iter().map(Option::unwrap).collect()
}

pub async fn the_feed_has_no_gap(store: &dyn Store) {
    assert_eq!(store.last_change().await.unwrap(), 0);
    let first = create(store, 1, |_| {}).await;
    create(store, 2, |_| {}).await;
    let mut commit = commit_after(&first);
    commit.events = vec![note("a"), note("b")];
    row_of(&mut commit).version = 3;
    apply(store, commit).await;
    store.commit(creation(1)).await.unwrap();
    let change = |feed, n, first_seq, last_seq| Change { feed, job: job(n), first_seq, last_seq };
    let all = [change(1, 1, 1, 1), change(2, 2, 1, 1), change(3, 1, 2, 3)];
    assert_eq!(store.changes(0, 9).await.unwrap(), all);
    assert_eq!(store.changes(1, 1).await.unwrap(), all[1..2]);
    assert_eq!(store.changes(3, 9).await.unwrap(), []);
    assert_eq!(store.changes(u64::MAX, 9).await.unwrap(), []);
    assert_eq!(store.last_change().await.unwrap(), 3);
}

pub async fn a_journal_comes_in_pages(store: &dyn Store) {
    let mut row = create(store, 1, |_| {}).await;
    create(store, 2, |_| {}).await;
    for _ in 0..6 {
        row = advance(store, &row, |_| {}).await;
    }
    let all = store.journal(job(1), 0, 100).await.unwrap();
    assert_eq!(all.len(), 7);
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map_or(0, |event: &holdpoint::model::event::Recorded| event.seq);
        let page = store.journal(job(1), after, 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(store.journal(job(1), 7, 3).await.unwrap(), []);
    assert_eq!(store.journal(job(1), u64::MAX, 3).await.unwrap(), []);
}

pub async fn loading_begins_with_the_last_snapshot(store: &dyn Store) {
    let mut row = create(store, 1, |_| {}).await;
    for n in 2..=9 {
        let mut commit = commit_after(&row);
        commit.snapshot = (n % 3 == 0).then(|| format!("folded at {n}").into_bytes());
        row = apply(store, commit).await;
        let loaded = store.load(job(1)).await.unwrap().unwrap();
        let last = n - n % 3;
        let snapshot = (last > 0).then(|| (last, format!("folded at {last}").into_bytes()));
        assert_eq!(loaded.snapshot, snapshot);
        let expected: Vec<u64> = (last + 1..=n).collect();
        assert_eq!(loaded.tail.iter().map(|event| event.seq).collect::<Vec<_>>(), expected);
    }
}

pub async fn the_latest_time_never_goes_back(store: &dyn Store) {
    assert_eq!(store.last_time().await.unwrap(), Timestamp::default());
    let row = create(store, 9, |_| {}).await;
    assert_eq!(store.last_time().await.unwrap(), Timestamp(9_000_000));
    create(store, 4, |_| {}).await;
    assert_eq!(store.last_time().await.unwrap(), Timestamp(9_000_000));
    advance(store, &row, |_| {}).await;
    assert_eq!(store.last_time().await.unwrap(), Timestamp(10_000_000));
}

pub async fn what_does_not_exist_is_not_an_error(store: &dyn Store) {
    assert_eq!(store.job(job(1)).await.unwrap(), None);
    assert_eq!(store.load(job(1)).await.unwrap(), None);
    assert_eq!(store.checkpoint(checkpoint(1)).await.unwrap(), None);
    assert_eq!(store.journal(job(1), 0, 9).await.unwrap(), []);
    assert_eq!(store.document("user", "ann").await.unwrap(), None);
    assert_eq!(store.next_wake().await.unwrap(), None);
    assert!(!store.remove_document("user", "ann").await.unwrap());
}

pub async fn an_append_of_several_records_is_one_append(store: &dyn Store) {
    let first = create(store, 1, |_| {}).await;
    let mut large = commit_after(&first);
    let text = |n: u64| format!("{n} {}", "x".repeat(700_000));
    large.events = (1..=5).map(|n| note(&text(n))).collect();
    row_of(&mut large).version = 6;
    let row = apply(store, large.clone()).await;
    create(store, 2, |_| {}).await;
    let row = advance(store, &row, |_| {}).await;
    let replayed = CommitOutcome::Replayed { version: 6 };
    assert_eq!(store.commit(large).await.unwrap(), replayed);
    let changes = store.changes(0, 9).await.unwrap();
    let spans: Vec<_> = changes.iter().map(|one| (one.job, one.first_seq, one.last_seq)).collect();
    assert_eq!(spans, [(job(1), 1, 1), (job(1), 2, 6), (job(2), 1, 1), (job(1), 7, 7)]);
    let journal = store.journal(job(1), 0, 99).await.unwrap();
    assert_eq!(journal.len() as u64, row.version);
    for (seq, event) in (1..).zip(&journal) {
        assert_eq!(event.seq, seq);
        let one = store.journal(job(1), seq - 1, 1).await.unwrap();
        assert_eq!(one, std::slice::from_ref(event));
    }
    // It goes out and in, and it can be removed, as one.
    let copy = Memory::new();
    let out = super::pieces::exported(store).await;
    holdpoint::store::stream::import(&copy, &mut out.as_slice()).await.unwrap();
    assert_eq!(dump(&copy).await, dump(store).await);
    let ended = advance(store, &row, |row| {
        (row.status, row.place) = (holdpoint::model::status::Status::Completed, Place::Ended);
    })
    .await;
    create(store, 3, |_| {}).await;
    let removed =
        store.remove_jobs(vec![(job(1), ended.version)], Timestamp::default()).await.unwrap();
    assert_eq!(removed, [job(1)]);
}

pub async fn concurrent_writers_keep_every_invariant(store: &dyn Store) {
    const WRITERS: u64 = 64;
    const ROUNDS: u64 = 6;
    // Sixty-four writers race for eight jobs: in every round exactly one wins each job.
    for n in 1..=8 {
        create(store, n, |_| {}).await;
    }
    for round in 1..=ROUNDS {
        let mut wishes = Vec::new();
        for writer in 0..WRITERS {
            let before = store.job(job(writer % 8 + 1)).await.unwrap().unwrap();
            let mut commit = commit_after(&before);
            let name = [writer.to_string(), round.to_string()];
            commit.commit_id = holdpoint::model::id::CommitId::derived(&[&name[0], &name[1]]);
            row_of(&mut commit).place =
                if writer % 2 == 0 { Place::Active } else { Place::Queue(1) };
            wishes.push(commit);
        }
        let answers = futures_of(store, wishes).await;
        let mut applied = 0;
        for answer in answers {
            match answer.unwrap() {
                CommitOutcome::Applied { version, .. } => {
                    assert_eq!(version, round + 1);
                    applied += 1;
                }
                other => assert_eq!(other, CommitOutcome::Conflict { version: round + 1 }),
            }
        }
        assert_eq!(applied, 8);
    }
    let changes = store.changes(0, 1_000).await.unwrap();
    assert_eq!(changes.len() as u64, 8 + ROUNDS * 8);
    assert!((1..).zip(&changes).all(|(place, change)| change.feed == place));
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.queued + counts.active, 8);
    assert_eq!(store.queue(99).await.unwrap().len() as u64, counts.queued);
}

async fn a_closed_store_refuses(store: &dyn Store) {
    create(store, 1, |_| {}).await;
    store.close().await.unwrap();
    let refused =
        |error: StoreError| assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    refused(store.commit(creation(2)).await.unwrap_err());
    refused(store.job(job(1)).await.unwrap_err());
    refused(store.load(job(1)).await.unwrap_err());
    refused(store.clear_nudge(job(1)).await.unwrap_err());
    refused(store.close().await.unwrap_err());
}

#[tokio::test]
async fn closed_memory() {
    a_closed_store_refuses(&Memory::new()).await;
}

#[tokio::test]
async fn closed_redb() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(RedbOptions::new(folder.path().join("s.redb"))).unwrap();
    a_closed_store_refuses(&store).await;
}
