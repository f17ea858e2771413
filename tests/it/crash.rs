//! The crash proof: the real binary runs every shipped workflow, and one of everything that waits,
//! and is killed with SIGKILL at every persisted boundary and in the middle of every call. After
//! the restart every job comes to the same end, everything acknowledged holds, and nothing
//! completed runs again. Every state that the disk is ever in is met by a restart; with
//! `HOLDPOINT_CRASH_EXHAUSTIVE=1` every point is died at every time it is reached, and again in the
//! recovery (`cargo test`, since it takes longer than nextest lets a test run).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint::model::crash_point::POINTS;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cli::shipped;
use crate::support::process::Server;

/// The client that drives the jobs and remembers what it was promised.
pub mod client;
/// What is on disk.
pub mod disk;
/// Crashes while there is no store yet.
pub mod first_start;
/// The figures.
mod report;
/// The service that workflows call.
pub mod service;
/// One server from its first life to the last.
pub mod story;
/// What must hold.
pub mod verdict;

use client::{Client, Order};
use report::Report;
use service::Service;
use story::{Beginning, Case, End, ORDERS};

/// Servers at a time: one for each core of a small machine.
const SERVERS_MAX: usize = 2;
/// Points that are died at every time they are reached: each state that the disk was ever in, and
/// each side of every call. What is on disk before a commit is what the commit before it left.
const EVERY_TIME: [&str; 3] = ["store.after_commit", "engine.before_call", "engine.after_call"];
/// The other points, which differ only in what is lost from memory: one in so many times.
const STRIDE: usize = 3;
/// Stories with a second crash, in the recovery from the first, when not all of them are told.
const DOUBLE_CRASHES: usize = 10;
/// How soon the second crash comes: at these times that its point is reached.
const SECOND_TIMES: usize = 4;
/// Where the calls of the story go.
const CALLS: [&str; 10] = [
    "/read",
    "/store",
    "/send",
    "/charge",
    "/flaky",
    "/agent",
    "/agent-once",
    "/agent-learns",
    "/child",
    "/beside",
];

fn is_exhaustive() -> bool {
    std::env::var_os("HOLDPOINT_CRASH_EXHAUSTIVE").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_it_loses_nothing_and_does_nothing_twice() {
    let mut report = Report::default();
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let slots = Arc::new(Semaphore::new(SERVERS_MAX));
    let mut stories = JoinSet::new();
    let (beginning, reached) = begin(workflows.path(), ORDERS).await;
    report.reached(&reached);
    for end in ends(&reached) {
        let (slots, workflows) = (slots.clone(), workflows.path().to_owned());
        stories.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            first_start::live_through(end, &workflows).await
        });
    }
    let (expected, reached) = beginning.undisturbed().await;
    assert_eq!(expected.keys.get("/agent-learns"), Some(&2), "a first result, and a better one");
    report.reached(&reached);
    let (beginning, expected) = (Arc::new(beginning), Arc::new(expected));
    for case in cases(&reached) {
        let (beginning, expected, slots) = (beginning.clone(), expected.clone(), slots.clone());
        stories.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            beginning.live_through(case, &expected).await
        });
    }
    while let Some(outcome) = stories.join_next().await {
        report.add(outcome.unwrap());
    }
    let problems = report.problems();
    println!("{report}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_shipped_workflow_is_in_the_story() {
    for name in shipped() {
        let is_told = ORDERS.iter().any(|order| order.job_type == name);
        assert!(is_told, "no order of the crash proof runs {name}");
    }
}

/// Makes the store that the stories begin with; answers the points that the first start reached.
pub async fn begin(workflows: &Path, orders: &'static [Order]) -> (Beginning, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let points = folder.path().join("points");
    let settings = [("HOLDPOINT_CRASH_LOG", points.to_str().unwrap())];
    let server = Server::start(folder.path(), workflows, &settings).await;
    let server = server.listening().unwrap();
    let reached = std::fs::read_to_string(&points).unwrap();
    let reached = reached.lines().map(str::to_owned).collect();
    let mut client = Client::new(Service::start().await, orders);
    client.sign_in(&server.url).await.unwrap();
    assert!(server.stop().await.success());
    (Beginning { folder, workflows: workflows.to_owned(), client }, reached)
}

/// How often each point was reached.
fn counts(reached: &[String]) -> BTreeMap<&'static str, usize> {
    let times = |point: &&str| reached.iter().filter(|name| name == point).count();
    POINTS.iter().map(|point| (*point, times(point))).filter(|(_, times)| *times > 0).collect()
}

/// The ends that are visited, of all that there are.
fn ends(reached: &[String]) -> Vec<End> {
    let mut ends = Vec::new();
    for (order, (point, times)) in counts(reached).into_iter().enumerate() {
        let is_every_time = is_exhaustive() || EVERY_TIME.contains(&point) || times < STRIDE;
        let stride = if is_every_time { 1 } else { STRIDE };
        let first = 1 + order % stride;
        ends.extend((first..=times).step_by(stride).map(|n| End::Point(point, n)));
    }
    ends
}

/// Every story that is told: one crash at a point, one in a call, and two crashes.
fn cases(reached: &[String]) -> Vec<Case> {
    let ends = ends(reached);
    let points: Vec<&'static str> = counts(reached).into_keys().collect();
    let doubles = if is_exhaustive() { ends.len() } else { DOUBLE_CRASHES };
    let distance = ends.len().div_ceil(doubles);
    let twice = ends.iter().step_by(distance).enumerate().map(|(n, first)| {
        let second = End::Point(points[n % points.len()], 1 + n % SECOND_TIMES);
        Case(vec![first.clone(), second])
    });
    let in_calls = CALLS.iter().map(|path| Case(vec![End::Call(path)]));
    let once = ends.iter().map(|end| Case(vec![end.clone()]));
    once.chain(in_calls).chain(twice).collect()
}

/// The shipped workflows and those of the tests.
pub fn copy_documents(to: &Path) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for folder in ["workflows", "tests/workflows"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "yaml") {
                std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}
