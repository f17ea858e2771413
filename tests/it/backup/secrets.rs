//! A secret that a workflow uses is in no copy of the store: it never was in the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use holdpoint::calls::{self, Caller, Secrets};
use holdpoint::clock::System;
use holdpoint::dsl::Format;
use holdpoint::engine::{Engine, Options, Parts};
use holdpoint::model::status::Status;
use holdpoint::store::{Redb, RedbOptions};
use serde_json::{Value, json};

use crate::engine::agent::Agent;
use crate::engine::{me, options, submit, until_status};

const CANARY: &str = "canary-7f3d9a1c55e0";

async fn engine(folder: &Path) -> Engine {
    let store = Redb::open(RedbOptions::new(folder.join("holdpoint.redb"))).unwrap();
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let secrets = BTreeMap::from([("token".to_owned(), Value::from(CANARY))]);
    let caller = Caller::new(
        calls::Options { allow, ..calls::Options::default() },
        Secrets::from_values(secrets),
    );
    let parts = Parts {
        store: Arc::new(store),
        clock: Arc::new(System::new()),
        caller: caller.unwrap(),
        workflows: None,
        options: Options { backups: Some(folder.join("backups")), ..options() },
    };
    Engine::start(parts).await.unwrap()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_holds_the_value_of_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start().await;
    let engine = engine(folder.path()).await;
    let mut call = agent.task("get", "/with-token");
    call["with"]["headers"] = json!({ "x-token": "${ $secrets.token }" });
    let document = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": "guarded", "version": "1.0.0" },
        "use": { "secrets": ["token"] },
        "do": [{ "call": call }],
    });
    let registered = engine.register_workflow(&document.to_string(), Format::Json, me()).await;
    registered.unwrap().unwrap();
    let job = submit(&engine, "guarded").await;
    until_status(&engine, job, Status::Completed).await;
    let tokens: Vec<String> = agent.seen().into_iter().map(|seen| seen.token).collect();
    assert_eq!(tokens, [CANARY]);

    let backup = engine.backup().await.unwrap();
    engine.stop().await;
    let store = folder.path().join("holdpoint.redb");
    let stream = folder.path().join("store.jsonl");
    holdpoint::app::stopped::export(&store, &stream).await.unwrap();
    for file in [&store, &backup.file, &stream] {
        let bytes = std::fs::read(file).unwrap();
        assert!(!contains(&bytes, CANARY), "{} holds the secret", file.display());
    }
    let bytes = std::fs::read(&backup.file).unwrap();
    assert!(contains(&bytes, "with-token"), "the search would find what is there");
}
