//! A row of the queue, of the wakes or of the active jobs is gone from a file that is sound
//! otherwise: it is named, and it comes back with the next start. Nothing here writes into a store
//! that an engine has open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint::clock::Manual;
use holdpoint::engine::{Engine, Options};
use holdpoint::model::id::JobId;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::store::{Redb, RedbOptions, Store};
use redb::TableDefinition;
use serde_json::json;

use super::doctor::remove_first;
use crate::cli::{Run, command, ended};
use crate::engine::agent::Agent;
use crate::engine::{options, register, start, start_at, submit, until, until_status};

const QUEUE: TableDefinition<(i64, u128), ()> = TableDefinition::new("queue");
const WAKES: TableDefinition<(i64, u128), ()> = TableDefinition::new("wakes");
const ACTIVE: TableDefinition<u128, ()> = TableDefinition::new("active");

/// A table, and how its only row is lost.
type Loss = (&'static str, fn(&Path));

/// In the order of the jobs of `stopped_store`.
const LOSSES: [Loss; 3] = [
    ("queue", |path| remove_first(path, QUEUE)),
    ("wakes", |path| remove_first(path, WAKES)),
    ("active", |path| remove_first(path, ACTIVE)),
];

/// Leaves a store in which one job is queued, one waits for a time, and one was calling.
async fn stopped_store(path: &Path, agent: &Agent) -> [JobId; 3] {
    // The clock stands in the past, so that the wake is due by the clock of the next engine.
    let clock = Arc::new(Manual::new(Timestamp(1_000_000_000_000_000)));
    let store = Arc::new(Redb::open(RedbOptions::new(path)).unwrap());
    let short = Options { drain_timeout: Span::from_millis(20), ..options() };
    let engine = start_at(store, short, clock).await.unwrap();
    register(&engine, "plain", json!([{ "one": { "set": { "a": 1 } } }])).await;
    register(&engine, "timer", json!([{ "wait": { "wait": "PT1H" } }])).await;
    register(&engine, "calling", json!([{ "get": agent.task("get", "/calling") }])).await;
    let waiting = submit(&engine, "timer").await;
    let is_parked = async || engine.counts().await.unwrap().parked == 1;
    until(&engine, "a job waits for a time", is_parked).await;
    agent.close();
    let calling = submit(&engine, "calling").await;
    until(&engine, "a call is under way", async || !agent.seen().is_empty()).await;
    engine.stop_worker().await.unwrap();
    let queued = submit(&engine, "plain").await;
    engine.stop().await;
    agent.open();
    [queued, waiting, calling]
}

/// A copy of a stopped store in a folder of its own, after this loss.
fn after_loss(whole: &Path, folder: &Path, (table, lose): Loss) -> PathBuf {
    let data = folder.join(table);
    std::fs::create_dir(&data).unwrap();
    let path = data.join("holdpoint.redb");
    std::fs::copy(whole, &path).unwrap();
    lose(&path);
    data
}

async fn engine_in(data: &Path) -> Engine {
    start(Arc::new(Redb::open(RedbOptions::new(data.join("holdpoint.redb"))).unwrap())).await
}

/// A command on the store of this folder, which must end with this code.
fn told(data: &Path, arguments: &[&str], code: i32) -> Run {
    let run = ended(command(data, arguments).args(["--data", "."]).output().unwrap());
    assert_eq!(run.code, code, "{arguments:?}: {}\n{}", run.out, run.err);
    run
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_row_is_named_with_what_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, agent) = (folder.path().join("whole.redb"), Agent::start().await);
    stopped_store(&whole, &agent).await;
    for loss in LOSSES {
        let (data, row) = (after_loss(&whole, folder.path(), loss), format!("{}, key ", loss.0));
        let missing = "it is missing, although a row asks for it";
        let checked = told(&data, &["check-db"], 74);
        let advice = "start the server: it derives the missing rows anew";
        says(&checked.out, &["Rows of jobs are missing", &row, missing, advice]);
        assert!(!checked.out.contains("restore"), "{}", checked.out);
        let examined = told(&data, &["doctor"], 1);
        says(&examined.out, &[&row, missing, advice, "Sound, but something is to be done"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_derives_a_lost_row_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, agent) = (folder.path().join("whole.redb"), Agent::start().await);
    let jobs = stopped_store(&whole, &agent).await;
    for loss in LOSSES {
        let data = after_loss(&whole, folder.path(), loss);
        // Opened and closed by nothing but the store: whatever is there then was derived.
        let store = Redb::open(RedbOptions::new(data.join("holdpoint.redb"))).unwrap();
        store.close().await.unwrap();
        told(&data, &["check-db"], 0);
        let engine = engine_in(&data).await;
        for job in jobs {
            until_status(&engine, job, Status::Completed).await;
        }
        assert_eq!(engine.rescues(), 0);
        engine.stop().await;
    }
}
