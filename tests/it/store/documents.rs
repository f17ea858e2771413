//! Documents: compare and set, kinds, removal. Cases of the conformance suite.

use holdpoint::model::time::Timestamp;
use holdpoint::store::{Document, DocumentOutcome, Store};

fn document(id: &str, body: &str) -> Document {
    let updated_at = Timestamp(body.len() as i64);
    Document { id: id.to_owned(), version: 0, updated_at, body: body.as_bytes().to_vec() }
}

async fn put(store: &dyn Store, kind: &str, id: &str, body: &str) -> DocumentOutcome {
    store.put_document(kind, document(id, body), None).await.unwrap()
}

pub async fn a_document_counts_its_changes(store: &dyn Store) {
    assert_eq!(put(store, "user", "ann", "{}").await, DocumentOutcome::Written(1));
    assert_eq!(put(store, "user", "ann", "{ }").await, DocumentOutcome::Written(2));
    let expected = Document { version: 2, ..document("ann", "{ }") };
    assert_eq!(store.document("user", "ann").await.unwrap(), Some(expected));
    assert_eq!(store.last_time().await.unwrap(), Timestamp(3));
}

pub async fn an_expected_version_is_compared(store: &dyn Store) {
    let put = async |expected| {
        store.put_document("user", document("ann", "{}"), Some(expected)).await.unwrap()
    };
    assert_eq!(put(1).await, DocumentOutcome::Conflict(0));
    assert_eq!(put(0).await, DocumentOutcome::Written(1));
    assert_eq!(put(0).await, DocumentOutcome::Conflict(1));
    assert_eq!(put(1).await, DocumentOutcome::Written(2));
    assert_eq!(put(1).await, DocumentOutcome::Conflict(2));
}

pub async fn kinds_do_not_mix(store: &dyn Store) {
    for (kind, id) in
        [("user", "b"), ("user", "a"), ("users", "a"), ("setting", "z"), ("user", "c")]
    {
        put(store, kind, id, kind).await;
    }
    let ids = async |kind, after, max| {
        let documents = store.documents(kind, after, max).await.unwrap();
        documents.into_iter().map(|document| document.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("user", None, 9).await, ["a", "b", "c"]);
    assert_eq!(ids("user", None, 2).await, ["a", "b"]);
    assert_eq!(ids("user", Some("b"), 9).await, ["c"]);
    assert_eq!(ids("users", None, 9).await, ["a"]);
    assert_eq!(ids("use", None, 9).await, Vec::<String>::new());
}

pub async fn a_removed_document_is_gone(store: &dyn Store) {
    put(store, "user", "ann", "{}").await;
    put(store, "user", "bob", "{}").await;
    assert!(store.remove_document("user", "ann").await.unwrap());
    assert!(!store.remove_document("user", "ann").await.unwrap());
    assert_eq!(store.document("user", "ann").await.unwrap(), None);
    assert_eq!(put(store, "user", "ann", "{}").await, DocumentOutcome::Written(1));
}
