//! A real server under clients that all want the same: whatever each of them was told, there is one
//! order of all their calls that explains it, job by job.

pub mod checker;
mod clients;
mod job;

use std::collections::BTreeMap;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::client::Client;
use crate::support::process::{EMAIL, PASSWORD, Server};
use crate::support::server;
use checker::{Operation, check};
use clients::{Door, Record};
use job::{Answer, Call, Job, Shown};

/// Jobs, and how many of them at once.
const JOBS: u64 = 90;
const AT_ONCE: u64 = 6;
/// How often the process is killed.
const KILLS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_a_job_has_its_place_in_one_order() {
    let server = server::start(|config| config.worker.max_concurrent_jobs = 2).await;
    register(&server.client).await;
    let (door, _) = Door::of(server.client.clone());
    let mut seen = Seen::new();
    for first in (0..JOBS).step_by(AT_ONCE as usize) {
        look(first, records(&door, first), &mut seen).await;
    }
    println!("{seen:#?}");
    met(&seen, &["no answer", "replayed", "Decided", "already-decided", "wrong-digest"]);
    server.stop().await;
}

/// The same while the process is killed and started again: what was under way has no answer, and
/// what was answered stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_changes_nothing_that_was_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = async || {
        let started = Server::start(folder.path(), folder.path(), &[]).await;
        let server = started.listening().unwrap_or_else(|why| panic!("{why}"));
        let client = Client::login(&server.url, EMAIL, PASSWORD).await;
        (server, client)
    };
    let (mut server, client) = start().await;
    register(&client).await;
    let (door, moved) = Door::of(client);
    let mut seen = Seen::new();
    for kill in 0..KILLS {
        let first = JOBS + kill * AT_ONCE;
        let records = records(&door, first);
        // Somewhere in the midst of what they ask.
        door.asked(10 + 20 * kill).await;
        server.kill().await;
        let started = start().await;
        server = started.0;
        moved.send_replace(started.1);
        look(first, records, &mut seen).await;
    }
    println!("{seen:#?}");
    met(&seen, &["no answer", "replayed", "Decided"]);
    server.stop().await;
}

/// What was heard, how often.
type Seen = BTreeMap<String, u64>;

fn met(seen: &Seen, wanted: &[&str]) {
    let never = wanted.iter().find(|what| !seen.contains_key(**what));
    assert_eq!(never, None, "{seen:#?}");
}

async fn register(client: &Client) {
    let document = json!({
        "document": {
            "dsl": "1.0.3", "namespace": "test", "name": "linear", "version": "1.0.0",
        },
        "do": [{ "gate": { "call": "checkpoint", "with": { "title": "Go on?" } } }],
    });
    client.post("/api/admin/workflows", &document).await.expect(201);
}

/// The records of some jobs, which are made from now on.
fn records(door: &Door, first: u64) -> Vec<JoinHandle<Vec<Operation<Job>>>> {
    let record = |number| tokio::spawn(Record::of(door.clone(), number));
    (first..first + AT_ONCE).map(record).collect()
}

async fn look(first: u64, records: Vec<JoinHandle<Vec<Operation<Job>>>>, seen: &mut Seen) {
    for (number, record) in (first..).zip(records) {
        let operations = record.await.expect("a record");
        check(&operations).unwrap_or_else(|why| panic!("job {number}: {why}"));
        for operation in &operations {
            *seen.entry(word(operation)).or_default() += 1;
        }
    }
}

fn word(operation: &Operation<Job>) -> String {
    match &operation.ended {
        None => "no answer".to_owned(),
        Some((_, Answer::Submitted(_, true))) => "replayed".to_owned(),
        Some((_, Answer::Submitted(_, false))) => "created".to_owned(),
        Some((_, Answer::Job(_))) => "shown".to_owned(),
        Some((_, Answer::Decided(_))) => "Decided".to_owned(),
        Some((_, Answer::Refused(code))) => code.clone(),
    }
}

fn heard(call: Call, began: u64, ended: u64, answer: Answer) -> Operation<Job> {
    Operation { call, began, ended: Some((ended, answer)) }
}

fn open() -> Vec<Operation<Job>> {
    let queued = Shown("PENDING".to_owned(), "pending".to_owned(), 0);
    vec![heard(Call::Submit, 0, 1, Answer::Submitted(queued, false))]
}

#[test]
fn two_verdicts_that_both_counted_would_be_found() {
    let decided = |word: &str| Answer::Decided(word.to_owned());
    let mut history = open();
    history.push(heard(Call::Approve, 2, 5, decided("APPROVED")));
    history.push(heard(Call::Reject, 3, 4, decided("REJECTED")));
    assert!(check(&history).is_err());
    history[2].ended = Some((4, Answer::Refused("already-decided".to_owned())));
    assert_eq!(check(&history).unwrap(), [0, 1, 2]);
}

#[test]
fn a_read_of_the_past_would_be_found() {
    let shown = |status: &str, phase: &str, pending| {
        Answer::Job(Shown(status.to_owned(), phase.to_owned(), pending))
    };
    let mut history = open();
    history.push(heard(Call::Terminate, 2, 3, shown("CANCELLED", "cancelled", 0)));
    history.push(heard(Call::Read, 4, 5, shown("IN_PROGRESS", "waiting", 1)));
    assert!(check(&history).is_err());
    // At once with it, the same answer is right.
    history[1].ended = Some((6, shown("CANCELLED", "cancelled", 0)));
    assert!(check(&history).is_ok());
}

#[test]
fn a_job_that_two_requests_made_would_be_found() {
    let mut history = open();
    let twice = open().pop().expect("a submission").ended.map(|(_, answer)| (4, answer));
    history.push(Operation { call: Call::Submit, began: 2, ended: twice });
    assert!(check(&history).is_err());
}
