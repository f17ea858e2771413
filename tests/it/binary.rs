//! The real binary against the real system: killed at every sync, its power cut, its disk full, its
//! clock set, stopped under load, its file damaged and its journals broken. What this machine does
//! not allow is skipped with a printed reason. Everything is on loopback and in folders of its own;
//! processes are ended by their id, and mounts live in a namespace that goes with its shell.

use std::collections::BTreeMap;

use holdpoint::store::redb::verify;
use serde_json::{Value, json};

use crate::crash::client::Order;
use crate::crash::verdict::Findings;

/// 100 journals that cannot be read, among 10,000.
mod broken_journals;
/// The wall clock is set while the server runs, and while it is down.
mod clock;
/// Files that are not what was written.
mod damaged;
/// No space left on the disk.
mod full_disk;
/// Jobs in quantity.
mod load;
/// More requests than may wait, and how much memory they take.
mod overload;
/// Power cuts on a file system of its own.
mod power;
/// SIGTERM, a second one, and a second process.
mod stops;
/// SIGKILL at every sync.
mod syncs;
/// Documents that change while their jobs wait.
mod versions;

/// A small story: one job that never waits, one that a person approves, one that calls.
const ORDERS: &[Order] = &[
    Order {
        name: "a simple task",
        job_type: "simple-task",
        verdict: "approve",
        input: |_| json!({"action": "look"}),
    },
    Order {
        name: "files to approve",
        job_type: "code-generation",
        verdict: "approve",
        input: |_| {
            let files = crate::crash::story::APPROVED_FILES.iter();
            let file = |(path, content): &(&str, &str)| json!({"path": path, "content": content});
            json!({"files": files.map(file).collect::<Vec<_>>()})
        },
    },
    Order {
        name: "a call",
        job_type: "crash-slow",
        verdict: "approve",
        input: |service| json!({"service": service.url()}),
    },
];

/// How often something is done: the usual number, or what the environment asks for.
fn times(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What many stories came to.
#[derive(Default)]
struct Tally {
    stories: usize,
    kills: usize,
    lost: usize,
    doubled: usize,
    problems: Vec<String>,
}

impl Tally {
    fn add(&mut self, what: &str, kills: usize, findings: Findings) {
        let Findings { lost, doubled, wrong } = findings;
        self.stories += 1;
        self.kills += kills;
        self.lost += lost.len();
        self.doubled += doubled.len();
        for (kind, texts) in [("lost", lost), ("doubled", doubled), ("wrong", wrong)] {
            self.problems.extend(texts.iter().map(|text| format!("{what}: {kind}: {text}")));
        }
    }

    /// Prints the figures, and fails when anything must not be.
    fn close(self, what: &str) {
        let Self { stories, kills, lost, doubled, problems } = self;
        println!("{what}: {stories} stories, {kills} kills, {lost} lost, {doubled} doubled");
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same draws in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// The numbers by status that the server gives, those above zero.
fn by_status(status: &Value) -> BTreeMap<String, u64> {
    let jobs = status.pointer("/status/jobs").and_then(Value::as_object);
    let count = |(name, count): (&String, &Value)| Some((name.clone(), count.as_u64()?));
    jobs.into_iter().flatten().filter_map(count).filter(|(_, count)| *count > 0).collect()
}

/// What `check-db` finds in the store of a closed server.
fn defects(path: &std::path::Path) -> Vec<String> {
    match verify(path) {
        Ok(report) => report.problems.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}
