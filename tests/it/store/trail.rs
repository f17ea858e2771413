//! The audit trail as every engine keeps it: documents change all together or not at all, with the
//! entry of what was done, and every commit has one.

use std::sync::Arc;

use holdpoint::model::audit::{Fact, Origin};
use holdpoint::model::checkpoint::{CheckpointStatus, Decision, Verdict};
use holdpoint::model::event::Event;
use holdpoint::model::principal::Principal;
use holdpoint::model::time::Timestamp;
use holdpoint::store::{AuditQuery, ChangeOutcome, CommitOutcome, Document, DocumentChange, Store};
use serde_json::json;

use super::build::*;

fn put(id: &str, expect_version: Option<u64>) -> DocumentChange {
    let (version, updated_at, body) = (0, Timestamp(7), b"{}".to_vec());
    let document = Document { id: id.to_owned(), version, updated_at, body };
    DocumentChange::Put { kind: "user".to_owned(), document, expect_version }
}

fn remove(id: &str, expect_version: Option<u64>) -> DocumentChange {
    DocumentChange::Remove { kind: "user".to_owned(), id: id.to_owned(), expect_version }
}

fn fact(action: &str) -> Fact {
    let origin = Origin { address: Some("10.0.0.7".to_owned()), via: "session:ab12".to_owned() };
    Fact {
        by: Principal::Person("ann".to_owned()),
        action: action.to_owned(),
        target: "bob".to_owned(),
        detail: json!({"roles": ["admin"], "reason": "grows"}),
        origin: Some(origin),
    }
}

pub async fn documents_change_all_together_or_not_at_all(store: &dyn Store) {
    let at = Timestamp(8);
    let both = vec![put("ann", Some(0)), put("bob", None)];
    let done = store.change_documents(both, Some(fact("user.create")), at).await.unwrap();
    assert_eq!(done, ChangeOutcome::Applied);
    let refused: [(Vec<DocumentChange>, usize, u64); 4] = [
        (vec![put("cid", Some(0)), put("ann", Some(0))], 1, 1),
        (vec![put("ann", Some(1)), remove("bob", Some(7))], 1, 1),
        (vec![remove("nobody", Some(1))], 0, 0),
        (vec![put("ann", None), put("ann", None)], 1, 1),
    ];
    for (changes, index, version) in refused {
        let outcome = store.change_documents(changes, Some(fact("user.update")), at).await;
        assert_eq!(outcome.unwrap(), ChangeOutcome::Conflict { index, version });
    }
    assert_eq!(store.audit_head().await.unwrap().count, 1);
    assert!(store.document("user", "cid").await.unwrap().is_none());
    let last = vec![put("ann", Some(1)), remove("bob", Some(1)), remove("nobody", None)];
    let done = store.change_documents(last, None, at).await.unwrap();
    assert_eq!(done, ChangeOutcome::Applied);
    assert_eq!(store.document("user", "ann").await.unwrap().unwrap().version, 2);
    assert!(store.document("user", "bob").await.unwrap().is_none());
    assert_eq!(store.audit_head().await.unwrap().count, 1);
    assert_eq!(store.last_time().await.unwrap(), at);
}

pub async fn an_entry_says_who_did_what_from_where(store: &dyn Store) {
    store.change_documents(Vec::new(), Some(fact("user.update")), Timestamp(8)).await.unwrap();
    let mut commit = creation(1);
    commit.origin = Some(Origin { address: None, via: "token:7".to_owned() });
    commit.checkpoints = vec![checkpoint_row(1, job(1))];
    let mut row = apply(store, commit).await;
    let mut commit = commit_after(&row);
    let decision = Decision {
        verdict: Verdict::Approve,
        by: commit.by.clone(),
        at: commit.at,
        comment: Some("fine".to_owned()),
        input: None,
        digest: None,
        files: None,
        acts_for: None,
        door: None,
    };
    let decided = Event::Decided { checkpoint: checkpoint(1), decision };
    commit.events = vec![note("before"), Arc::new(decided), note("after")];
    row_of(&mut commit).version += 2;
    commit.checkpoints = vec![checkpoint_row(1, job(1))];
    commit.checkpoints[0].status = CheckpointStatus::Approved;
    let again = commit.clone();
    row = apply(store, commit).await;
    // The same commit again is no second fact.
    let replayed = store.commit(again).await.unwrap();
    assert!(matches!(replayed, CommitOutcome::Replayed { .. }));
    let entries = store.audit_entries(0, 99).await.unwrap();
    let [changed, created, decided] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!((changed.seq, changed.at, &changed.by), (1, Timestamp(8), &fact("").by));
    assert_eq!((&changed.detail, &changed.origin), (&fact("").detail, &fact("").origin));
    assert_eq!((changed.target.as_str(), changed.has_reason), ("bob", true));
    assert_eq!(created.origin.as_ref().map(|origin| origin.via.as_str()), Some("token:7"));
    assert_eq!((decided.action.as_str(), decided.has_reason), ("decided", true));
    assert_eq!(decided.shown, Some(checkpoint_row(1, job(1)).digest));
    assert_eq!(decided.target, job(1).to_string());
    let place = decided.commit.unwrap();
    assert_eq!((place.feed, place.last_seq), (2, row.version));
    let journal = store.journal(job(1), 0, 99).await.unwrap();
    assert_eq!(decided.digest, journal.last().unwrap().hash);
    assert_eq!(created.previous_hash, changed.hash);
    let head = store.audit_head().await.unwrap();
    assert_eq!((head.count, head.hash), (3, decided.hash));
    let seals = store.appends(0, 99).await.unwrap();
    let sealed: Vec<_> = seals.iter().map(|seal| seal.hash.clone().unwrap()).collect();
    assert_eq!(sealed, [Some(created.digest), Some(decided.digest)]);
}

pub async fn the_trail_is_filtered_and_paged_newest_first(store: &dyn Store) {
    for n in 1..=4 {
        create(store, n, |_| {}).await;
        store
            .change_documents(Vec::new(), Some(fact("login.failed")), Timestamp(n as i64))
            .await
            .unwrap();
    }
    let read = async |change: fn(&mut AuditQuery)| {
        let mut query = AuditQuery { limit: 99, ..AuditQuery::default() };
        change(&mut query);
        let page = store.audit(&query).await.unwrap();
        assert_eq!(page.total, 8);
        let seqs: Vec<u64> = page.rows.iter().map(|row| row.seq).collect();
        (seqs, page.next_before)
    };
    assert_eq!(read(|_| {}).await, ((1..=8).rev().collect(), None));
    assert_eq!(read(|query| query.limit = 3).await, (vec![8, 7, 6], Some(6)));
    assert_eq!(read(|query| query.before = Some(3)).await, (vec![2, 1], None));
    assert_eq!(read(|query| query.action = Some("login".to_owned())).await.0, [8, 6, 4, 2]);
    assert!(read(|query| query.action = Some("log".to_owned())).await.0.is_empty());
    assert_eq!(read(|query| query.target = Some(job(2).to_string())).await.0, [3]);
    assert_eq!(read(|query| query.by = Some("ann".to_owned())).await.0.len(), 8);
    assert!(read(|query| query.by = Some("bob".to_owned())).await.0.is_empty());
    assert_eq!(read(|query| query.to = Some(Timestamp(3))).await.0, [4, 2]);
    assert_eq!(read(|query| query.from = Some(Timestamp(2_000_000))).await.0, [7, 5, 3]);
}
