//! Clients that repeat whatever was not answered, with the same key, at an engine whose real store
//! fails before, after, for a while, or takes its time: nothing twice, nothing lost, and nobody is
//! told that a wish of theirs is wrong which is not.

use std::collections::BTreeSet;

use holdpoint::engine::{Engine, EngineError, IdempotencyKey, JobQuery, Submitted};
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::Command;
use holdpoint::model::id::{CheckpointId, ContentHash, JobId};
use holdpoint::model::status::Status;
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Random, Redb, RedbOptions, SimDisk};
use serde_json::json;
use tokio::task::{LocalSet, spawn_local};

use super::agent::Agent;
use super::weather::{Fate, Weather};
use super::*;

const CLIENTS: usize = 6;
/// Questions that stay unanswered while a store is down: more than one actor asks.
const UNANSWERED: u32 = 5;

/// Weather over the real store.
fn weather() -> Arc<Weather> {
    let disk = SimDisk::default();
    Redb::found_on(&disk).expect("a disk that works");
    Weather::over(Arc::new(Redb::on_disk(RedbOptions::on_disk(), &disk).expect("a store")))
}

fn key(client: usize) -> Option<IdempotencyKey> {
    let key = format!("client {client}");
    let (owner, digest) = ("vera".to_owned(), ContentHash::of(key.as_bytes()));
    Some(IdempotencyKey { owner, key, digest, forget_before: Timestamp(0) })
}

/// Asks again after "not now", and after nothing else: any other error is a wrong answer.
async fn insist<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, EngineError>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(EngineError::Unavailable(_) | EngineError::Busy { .. }) => {
                    tokio::task::yield_now().await;
                }
                Err(wrong) => panic!("{what}: {wrong:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

async fn submit_with_key(engine: &Engine, client: usize) -> Submitted {
    let ask = async || engine.submit(new_job("weathered"), me(), key(client)).await;
    insist("a submission", ask).await
}

async fn approve_by_all_means(engine: &Engine, gate: CheckpointId) {
    insist("a decision", async || engine.decide(verdict(gate, Verdict::Approve), me()).await).await;
}

/// One job from its submission, twice at the same time, to its end.
async fn client(engine: Engine, number: usize) -> JobId {
    let (first, second) =
        tokio::join!(submit_with_key(&engine, number), submit_with_key(&engine, number));
    let id = first.job.row.id;
    assert_eq!(second.job.row.id, id, "one key, one job");
    let mut gate = None;
    let mut is_open = async || {
        gate = pending(&engine, id).await;
        gate.is_some()
    };
    until(&engine, "a checkpoint is open", &mut is_open).await;
    let gate = gate.expect("a checkpoint");
    let hold = Command::Suspend { reason: "a look".to_owned() };
    insist("a suspension", async || engine.command(id, hold.clone(), me()).await).await;
    insist("a resumption", async || engine.command(id, Command::Resume, me()).await).await;
    let _ = tokio::join!(approve_by_all_means(&engine, gate), approve_by_all_means(&engine, gate));
    until_status(&engine, id, Status::Completed).await;
    id
}

async fn jobs(engine: &Engine) -> Vec<JobId> {
    let query = JobQuery { limit: 100, ..JobQuery::default() };
    let page = insist("a list", async || engine.jobs(&query).await).await;
    page.rows.iter().map(|row| row.id).collect()
}

async fn every_client_is_served(fate: impl Fn(&mut Random) -> Fate + Send + 'static) {
    let weather = weather();
    let (engine, agent) = (start(weather.clone()).await, Agent::start().await);
    let tasks = json!([
        { "one": agent.task("post", "/one") },
        { "gate": checkpoint() },
        { "two": agent.task("post", "/two") },
    ]);
    register(&engine, "weathered", tasks).await;
    let mut random = Random(11);
    weather.plan(move |_| fate(&mut random));
    let serve_all = async {
        let clients = (0..CLIENTS).map(|number| spawn_local(client(engine.clone(), number)));
        let mut served = BTreeSet::new();
        for client in clients.collect::<Vec<_>>() {
            served.insert(client.await.expect("a client that was served"));
        }
        served
    };
    let served = LocalSet::new().run_until(serve_all).await;
    weather.plan(|_| Fate::Pass);
    let found: BTreeSet<JobId> = jobs(&engine).await.into_iter().collect();
    assert_eq!(found, served, "a job that nobody was told of, or none for somebody who was");
    for id in served {
        let (log, _) = insist("a log", async || engine.logs(id, 0, 1_000).await).await;
        let times = |name: &str| log.iter().filter(|row| row.event == name).count();
        assert_eq!((times("created"), times("decided")), (1, 1), "{log:?}");
    }
    let keys: BTreeSet<String> = agent.seen().into_iter().map(|seen| seen.key).collect();
    assert_eq!((agent.seen().len(), keys.len()), (2 * CLIENTS, 2 * CLIENTS), "calls made twice");
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_before_it_writes() {
    every_client_is_served(|random| match random.below(2) {
        0 => Fate::Unavailable,
        _ => Fate::Pass,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_writes_and_then_fails() {
    every_client_is_served(|random| match random.below(2) {
        0 => Fate::DoneUnseen,
        _ => Fate::Pass,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_and_then_answers_nobody() {
    every_client_is_served(|random| match random.below(6) {
        0 => Fate::DoneThenDown(UNANSWERED),
        1 => Fate::LostThenDown(UNANSWERED),
        _ => Fate::Pass,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_its_time() {
    every_client_is_served(|_| Fate::Slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_all_weathers() {
    every_client_is_served(|random| match random.below(10) {
        0 => Fate::Unavailable,
        1 => Fate::DoneUnseen,
        2 => Fate::LostUnseen,
        3 => Fate::DoneThenDown(UNANSWERED),
        4 => Fate::Slow,
        _ => Fate::Pass,
    })
    .await;
}

/// The first process dies between the write and the answer; the client finds the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_at_the_next_process_finds_the_job() {
    for fate in [|| Fate::DoneThenDown(u32::MAX), || Fate::LostThenDown(u32::MAX)] {
        let weather = weather();
        let engine = start(weather.clone()).await;
        register(&engine, "weathered", json!([{ "gate": checkpoint() }])).await;
        weather.plan(move |_| fate());
        let unseen = engine.submit(new_job("weathered"), me(), key(1)).await;
        assert!(matches!(unseen, Err(EngineError::Unavailable(_))), "{unseen:?}");
        let next = start(weather.crash()).await;
        let was_there = !jobs(&next).await.is_empty();
        assert_eq!(was_there, matches!(fate(), Fate::DoneThenDown(_)));
        let again = submit_with_key(&next, 1).await;
        assert_eq!(again.replayed, was_there);
        assert_eq!(jobs(&next).await, [again.job.row.id]);
    }
}
