//! 100 journals that cannot be read, among 10,000: the start does not loop over them, each is
//! parked as FAILED (`poisoned`) with its reason, all others come to their end, the process stays.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdpoint::calls::{Call, Caller, Outcome, StandIn};
use holdpoint::clock::System;
use holdpoint::engine::{Engine, NewJob, Options, Parts};
use holdpoint::model::id::JobId;
use holdpoint::model::principal::Principal;
use holdpoint::model::time::Span;
use holdpoint::store::{Redb, RedbOptions};
use redb::{Database, ReadableTable, TableDefinition};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::by_status;
use crate::crash::client::Client;
use crate::crash::copy_documents;
use crate::crash::service::Service;
use crate::support::process::{Pauses, Server};

/// Jobs in all, those whose call was under way, and those of each that are broken.
const JOBS: usize = 10_000;
const UNDER_WAY: usize = 200;
const BROKEN_UNDER_WAY: usize = 50;
const BROKEN_QUEUED: usize = 50;
/// Senders at a time, so that many commits go into one transaction.
const SENDERS: usize = 256;
/// How long the start may take; it must not grow with what is broken.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long all jobs may take to their ends on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const JOURNAL: TableDefinition<'static, (u64, u32), &[u8]> = TableDefinition::new("journal");
const BY_JOB: TableDefinition<'static, (u128, u64), (u64, u32)> =
    TableDefinition::new("journal_by_job");

/// Takes every call and answers none.
struct Silence(watch::Sender<usize>);

#[async_trait]
impl StandIn for Silence {
    async fn run(&self, _: &Call) -> Outcome {
        self.0.send_modify(|calls| *calls += 1);
        std::future::pending().await
    }
}

fn new_job(job_type: &str, input: Value) -> NewJob {
    NewJob {
        job_type: job_type.to_owned(),
        name: "one of many".to_owned(),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(input),
        priority: 5,
        labels: BTreeMap::new(),
        owner: "vera".to_owned(),
        due_at: None,
        auto_execute: true,
    }
}

async fn submit(engine: &Engine, count: usize, job: NewJob) -> Vec<JobId> {
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (engine, job) = (engine.clone(), job.clone());
        let mine = (sender..count).step_by(SENDERS).count();
        senders.spawn(async move {
            let mut ids = Vec::with_capacity(mine);
            for _ in 0..mine {
                let by = Principal::Person("vera".to_owned());
                ids.push(engine.submit(job.clone(), by, None).await.unwrap().job.row.id);
            }
            ids
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

/// Makes the store: jobs whose calls are under way when the process ends, and a long queue.
async fn fill(store: &Path, workflows: &Path, service: &Service) -> (Vec<JobId>, Vec<JobId>) {
    let calls = watch::Sender::new(0);
    let mut called = calls.subscribe();
    let options = RedbOptions { disk_floor_bytes: 0, ..RedbOptions::new(store) };
    let engine = Engine::start(Parts {
        store: Arc::new(Redb::open(options).unwrap()),
        clock: Arc::new(System::new()),
        caller: Caller::standing_in(Arc::new(Silence(calls))),
        workflows: Some(workflows.to_owned()),
        options: Options {
            concurrent_jobs_max: UNDER_WAY,
            drain_timeout: Span::from_millis(1),
            ..Options::default()
        },
    });
    let engine = engine.await.unwrap();
    let calling = new_job("crash-slow", json!({"service": service.url()}));
    let under_way = submit(&engine, UNDER_WAY, calling).await;
    called.wait_for(|calls| *calls == UNDER_WAY).await.unwrap();
    // Every place is taken, so these stay in the queue.
    let passing = new_job("simple-task", json!({"action": "pass"}));
    let queued = submit(&engine, JOBS - UNDER_WAY, passing).await;
    engine.stop().await;
    (under_way, queued)
}

/// A record with a header that fits: magic, codec, kind, version, length, CRC, body.
fn sealed(version: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![0x48, 1, 1];
    record.extend_from_slice(&version.to_le_bytes());
    record.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&record);
    checksum.update(body);
    record.extend_from_slice(&checksum.finalize().to_le_bytes());
    record.extend_from_slice(body);
    record
}

/// What is done to the first event of a journal, and what its reason must say.
type Break = (fn(own: &[u8], of_another: &[u8]) -> Option<Vec<u8>>, &'static str);

const HEADER: usize = 13;

const BREAKS: [Break; 5] = [
    (
        |own, _| {
            let mut record = own.to_vec();
            record[HEADER + 5] ^= 1;
            Some(record)
        },
        "checksum",
    ),
    (|own, _| Some(sealed(99, &own[HEADER..])), "schema version 99"),
    (|_, _| Some(sealed(1, b"no event of ours")), "journal"),
    (|_, other| Some(other.to_vec()), "the journal was changed"),
    (|_, _| None, "journal"),
];

/// Breaks the journals of these jobs behind the store's back, each in the next way.
fn break_journals(path: &Path, broken: &[JobId], sound: JobId) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut journal = transaction.open_table(JOURNAL).unwrap();
        let by_job = transaction.open_table(BY_JOB).unwrap();
        let place = |job: JobId| by_job.get((job.as_u128(), 1)).unwrap().unwrap().value();
        let first = |journal: &redb::Table<'_, (u64, u32), &'static [u8]>, job: JobId| {
            journal.get(place(job)).unwrap().unwrap().value().to_vec()
        };
        let other = first(&journal, sound);
        for (n, job) in broken.iter().enumerate() {
            let own = first(&journal, *job);
            let key = place(*job);
            match BREAKS[n % BREAKS.len()].0(&own, &other) {
                Some(record) => drop(journal.insert(key, record.as_slice()).unwrap()),
                None => drop(journal.remove(key).unwrap()),
            }
        }
    }
    transaction.commit().unwrap();
    database.close().unwrap();
}

async fn until_all_ended(client: &Client, server: &str) -> BTreeMap<String, u64> {
    let mut pauses = Pauses::within(PATIENCE);
    loop {
        let status = client.get(&format!("{server}/api/admin/status")).await.unwrap();
        let jobs = by_status(&status);
        if jobs.keys().all(|name| ["COMPLETED", "FAILED"].contains(&&**name)) {
            return jobs;
        }
        assert!(pauses.pause().await, "these are stuck: {jobs:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_broken_journals_cost_a_hundred_jobs_and_nothing_else() {
    let (folder, workflows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_documents(workflows.path());
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let path = folder.path().join("data/holdpoint.redb");
    let mut client = Client::new(Service::start().await, &[]);
    let began = Instant::now();
    let (under_way, queued) = fill(&path, workflows.path(), &client.service).await;
    let filled = began.elapsed();
    let mut broken = under_way[..BROKEN_UNDER_WAY].to_vec();
    broken.extend(&queued[..BROKEN_QUEUED]);
    break_journals(&path, &broken, queued[BROKEN_QUEUED]);

    let settings =
        [("HOLDPOINT__WORKER__MAX_CONCURRENT_JOBS", "64"), ("HOLDPOINT__LOG__FILTER", "\"warn\"")];
    let expected = BTreeMap::from([
        ("COMPLETED".to_owned(), (JOBS - broken.len()) as u64),
        ("FAILED".to_owned(), broken.len() as u64),
    ]);
    // The second start finds what the first one parked, and parks nothing again.
    for parked_at_start in [BROKEN_UNDER_WAY, 0] {
        let began = Instant::now();
        let server = Server::start(folder.path(), workflows.path(), &settings).await;
        let server = server.listening().unwrap();
        let took = began.elapsed();
        assert!(took < START_LIMIT, "the start took {took:?}");
        client.sign_in(&server.url).await.unwrap();
        let url = format!("{}/api/admin/status", server.url);
        let status = client.get(&url).await.unwrap();
        let poisoned = status.pointer("/status/recovery/poisoned").cloned();
        assert_eq!(poisoned, Some(json!(parked_at_start)), "{status}");
        let ended = until_all_ended(&client, &server.url).await;
        assert_eq!(ended, expected);
        reasons(&client, &server.url, &broken).await;
        let all = began.elapsed();
        println!(
            "broken journals: filled in {} ms, start {} ms, all ended after {} ms: {ended:?}",
            filled.as_millis(),
            took.as_millis(),
            all.as_millis()
        );
        assert!(server.stop().await.success(), "the process stays until it is told to end");
    }
}

/// Every broken job, and no other, is listed as failed with a reason that names its damage.
async fn reasons(client: &Client, server: &str, broken: &[JobId]) {
    let url = format!("{server}/api/admin/jobs?status=FAILED&limit=200");
    let list = client.get(&url).await.unwrap();
    let rows = list["jobs"].as_array().cloned().unwrap_or_default();
    let row_of = |row: &Value| (row["id"].as_str().unwrap_or_default().to_owned(), row.clone());
    let rows: BTreeMap<String, Value> = rows.iter().map(row_of).collect();
    assert_eq!(rows.len(), broken.len());
    for (n, job) in broken.iter().enumerate() {
        let row = rows.get(&job.to_string()).unwrap_or_else(|| panic!("{job} is not listed"));
        let error = row["error"].to_string();
        let words = BREAKS[n % BREAKS.len()].1;
        assert!(error.contains("poisoned") && error.contains(words), "{words:?}: {error}");
    }
}
