//! A real server under clients that all want the same: whatever each of them was told, there is one
//! order of all their calls that explains it, job by job.

mod checker;
mod clients;
mod job;

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::server;
use checker::{Operation, check};
use clients::Record;
use job::{Answer, Call, Job, Shown};

/// Jobs, and how many of them at once.
const JOBS: u64 = 90;
const AT_ONCE: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_a_job_has_its_place_in_one_order() {
    let server = server::start(|config| config.worker.max_concurrent_jobs = 2).await;
    let document = json!({
        "document": {
            "dsl": "1.0.3", "namespace": "test", "name": "linear", "version": "1.0.0",
        },
        "do": [{ "gate": { "call": "checkpoint", "with": { "title": "Go on?" } } }],
    });
    server.client.post("/api/admin/workflows", &document).await.expect(201);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for first in (0..JOBS).step_by(AT_ONCE as usize) {
        let records = (first..first + AT_ONCE).map(|number| {
            let client = server.client.clone();
            tokio::spawn(async move { Record::of(&client, number).await })
        });
        for record in records.collect::<Vec<_>>() {
            let operations = record.await.expect("a record");
            check(&operations).unwrap_or_else(|why| panic!("{why}"));
            for operation in &operations {
                *seen.entry(word(operation)).or_default() += 1;
            }
        }
    }
    println!("{seen:#?}");
    let met = |what: &str| seen.get(what).copied().unwrap_or(0) > 0;
    for what in ["no answer", "replayed", "Decided", "already-decided", "wrong-digest"] {
        assert!(met(what), "never {what}: {seen:#?}");
    }
    server.stop().await;
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
