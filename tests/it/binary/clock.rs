//! The wall clock of the real binary, faked by libfaketime: set back an hour and on by a day while
//! the server runs, and on by hours while it is down. No timer is lost, none fires twice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use holdpoint::model::event::{Event, Recorded};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::{by_status, defects};
use crate::crash::client::Client;
use crate::crash::copy_documents;
use crate::crash::disk::{Disk, name_of};
use crate::crash::service::Service;
use crate::support::process::{Pauses, Server};
use crate::support::skip::skip;

/// How long the server may take for what is due.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where Debian, Ubuntu and Fedora put the library.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// Waits and then calls. What it waits for, and how many such jobs there are.
const WAITS: [(&str, usize); 3] = [("PT3S", 2), ("PT1H", 3), ("PT48H", 1)];

/// A wall clock that a test sets.
struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    fn new(folder: &Path) -> Result<Self, String> {
        let library = LIBRARIES.map(PathBuf::from).into_iter().find(|path| path.exists());
        let library = library.ok_or("libfaketime is not installed; tests/setup does that")?;
        let clock = Self { library, file: folder.join("clock") };
        clock.set("+0");
        Ok(clock)
    }

    /// Sets it to the true time and so much, as libfaketime writes that.
    fn set(&self, offset: &str) {
        // In one step: the server reads the file at every look at the clock.
        let next = self.file.with_extension("next");
        std::fs::write(&next, offset).unwrap();
        std::fs::rename(&next, &self.file).unwrap();
    }

    fn settings(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_NO_CACHE", "1"),
        ]
    }
}

fn write_workflow(folder: &Path, wait: &str) {
    let name = job_type(wait);
    let document = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0" },
        "do": [
            { "pause": { "wait": wait } },
            { "call": { "call": "http", "with": {
                "method": "put",
                "endpoint": format!("${{ $workflow.input.service + \"/{wait}\" }}"),
                "body": { "n": 1 },
            } } },
        ],
    });
    std::fs::write(folder.join(format!("{name}.json")), document.to_string()).unwrap();
}

fn job_type(wait: &str) -> String {
    format!("wait-{}", wait.to_lowercase())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_back_and_forth_it_loses_no_timer_and_fires_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let clock = match FakeClock::new(folder.path()) {
        Ok(clock) => clock,
        Err(reason) => return skip("the wall clock set while it runs", &reason),
    };
    let mut world = World::make(folder.path(), &clock).await;
    let server = world.start().await;
    world.create(&server).await;

    // An hour back: what is due in three seconds is due when the clock has caught up, and no
    // sooner; nothing is done twice meanwhile.
    clock.set("-1h");
    world.sees(&server, "-1h").await;
    assert_eq!(world.fired(), [0, 0, 0]);
    // And a day on: everything that is due by then fires, once.
    clock.set("+1d");
    world.until_fired(&server, [2, 3, 0]).await;
    // Stopped, and on by two more days while it is down.
    assert!(server.stop().await.success());
    clock.set("+3d");
    let server = world.start().await;
    world.until_fired(&server, [2, 3, 1]).await;
    // Back again with a restart: what is in the store is later than the clock, and stays.
    assert!(server.stop().await.success());
    clock.set("+0");
    let server = world.start().await;
    world.until_all_completed(&server).await;
    assert!(server.stop().await.success());
    world.judge([2, 3, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_due_while_it_was_down_fires_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = match FakeClock::new(folder.path()) {
        Ok(clock) => clock,
        Err(reason) => return skip("the wall clock set while it is down", &reason),
    };
    let mut world = World::make(folder.path(), &clock).await;
    let server = world.start().await;
    world.create(&server).await;
    server.kill().await;
    clock.set("+50h");
    let server = world.start().await;
    world.until_fired(&server, [2, 3, 1]).await;
    let status = world.client.get(&format!("{}/api/admin/status", server.url)).await.unwrap();
    let due = status.pointer("/status/recovery/due").cloned();
    assert_eq!(due, Some(json!(6)), "the start says what came due: {status}");
    world.until_all_completed(&server).await;
    server.kill().await;
    let server = world.start().await;
    world.until_all_completed(&server).await;
    assert!(server.stop().await.success());
    world.judge([2, 3, 1]).await;
}

/// A server under a faked clock, over all its lives.
struct World<'a> {
    folder: &'a Path,
    workflows: tempfile::TempDir,
    clock: &'a FakeClock,
    client: Client,
}

impl<'a> World<'a> {
    async fn make(folder: &'a Path, clock: &'a FakeClock) -> Self {
        let workflows = tempfile::tempdir().unwrap();
        copy_documents(workflows.path());
        for (wait, _) in WAITS {
            write_workflow(workflows.path(), wait);
        }
        let client = Client::new(Service::start().await, &[]);
        Self { folder, workflows, clock, client }
    }

    async fn start(&mut self) -> Server {
        let settings = self.clock.settings();
        let server = Server::start(self.folder, self.workflows.path(), &settings).await;
        let server = server.listening().unwrap();
        // A login is over when the clock says so.
        self.client = Client::new(self.client.service.clone(), &[]);
        self.client.sign_in(&server.url).await.unwrap();
        server
    }

    /// Creates every job and waits until all of them wait.
    async fn create(&self, server: &Server) {
        let url = format!("{}/api/agent-jobs", server.url);
        for (wait, count) in WAITS {
            for n in 0..count {
                let name = format!("{wait} {n}");
                let input = json!({"service": self.client.service.url()});
                let body = json!({
                    "jobType": job_type(wait), "taskDescription": name, "inputData": input
                });
                let made = self.client.ask(Method::POST, &url, Some(&name), Some(&body)).await;
                let (status, answer) = made.unwrap();
                assert_eq!(status, 201, "{answer}");
            }
        }
        let mut pauses = Pauses::within(PATIENCE);
        loop {
            let url = format!("{}/api/jobs?phase=waiting", server.url);
            let jobs = self.client.get(&url).await.unwrap();
            let waiting = jobs["jobs"].as_array().map_or(0, Vec::len);
            if waiting == WAITS.iter().map(|(_, count)| count).sum::<usize>() {
                return;
            }
            assert!(pauses.pause().await, "only {waiting} wait: {jobs}");
        }
    }

    /// How many keys came for each wait.
    fn fired(&self) -> [usize; 3] {
        let keys = self.client.service.keys();
        WAITS.map(|(wait, _)| keys.get(&format!("/{wait}")).copied().unwrap_or_default())
    }

    async fn until_fired(&self, server: &Server, wanted: [usize; 3]) {
        let mut pauses = Pauses::within(PATIENCE);
        while self.fired() != wanted {
            let fired = self.fired();
            let more = fired.iter().zip(wanted).any(|(fired, wanted)| *fired > wanted);
            let in_time = pauses.pause().await;
            assert!(!more && in_time, "{fired:?}, not {wanted:?} at {}", server.url);
        }
    }

    /// Waits until the server has looked at the clock after it was set: a new job that only passes
    /// through is dated by it.
    async fn sees(&self, server: &Server, offset: &str) {
        let url = format!("{}/api/agent-jobs", server.url);
        for n in 0..5 {
            let name = format!("at {offset} {n}");
            let body = json!({
                "jobType": "simple-task", "taskDescription": name, "inputData": {"action": "look"}
            });
            let made = self.client.ask(Method::POST, &url, Some(&name), Some(&body)).await;
            assert_eq!(made.unwrap().0, 201);
        }
        // The sweep and the timer look about once a second: here they have done so twice.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }

    async fn until_all_completed(&self, server: &Server) {
        let mut pauses = Pauses::within(PATIENCE);
        loop {
            let url = format!("{}/api/admin/status", server.url);
            let jobs = by_status(&self.client.get(&url).await.unwrap());
            if jobs.keys().all(|name| name == "COMPLETED") {
                return;
            }
            assert!(pauses.pause().await, "these are stuck: {jobs:?}");
        }
    }

    /// On the closed disk: each timer fired once and not early, and no journal runs backwards.
    async fn judge(&self, fired: [usize; 3]) {
        assert_eq!(self.fired(), fired);
        assert_eq!(defects(&self.folder.join("data/holdpoint.redb")), Vec::<String>::new());
        let disk = Disk::read(self.folder).await;
        for journal in disk.journals.values() {
            let name = name_of(journal);
            assert!(journal.is_sorted_by_key(|recorded| recorded.at), "{name} runs backwards");
            if let Some((wait, _)) = WAITS.iter().find(|(wait, _)| name.starts_with(wait)) {
                let (began, ended) = pause_of(journal);
                let (began, ended) = (micros(began), micros(ended));
                let span: jiff::Span = wait.parse().unwrap();
                assert!(ended >= began.checked_add(span).unwrap(), "{name}: {began} to {ended}");
            }
        }
        let received = self.client.service.received();
        let keys: usize = self.client.service.keys().values().sum();
        let jobs: usize = fired.iter().sum();
        let interruptions: usize = disk.calls().values().map(|call| call.interruptions).sum();
        println!("the wall clock: {jobs} timers, {keys} fired, {} calls", received.len());
        assert_eq!(keys, jobs);
        assert!(received.len() <= jobs + interruptions, "{received:?}");
    }
}

/// When its pause began and ended; it may have done so once only.
fn pause_of(journal: &[Recorded]) -> (&Recorded, &Recorded) {
    let of_pause = |recorded: &&Recorded| match &*recorded.event {
        Event::TaskStarted { reference, .. } => reference.ends_with("/pause"),
        _ => false,
    };
    let started: Vec<&Recorded> = journal.iter().filter(of_pause).collect();
    let [start] = started[..] else { panic!("the pause began {} times", started.len()) };
    let Event::TaskStarted { frame: pause, .. } = &*start.event else { unreachable!() };
    let is_end = |recorded: &&Recorded| match &*recorded.event {
        Event::TaskCompleted { frame, .. } => frame == pause,
        _ => false,
    };
    let ended: Vec<&Recorded> = journal.iter().filter(is_end).collect();
    let [end] = ended[..] else { panic!("the pause ended {} times", ended.len()) };
    (start, end)
}

fn micros(recorded: &Recorded) -> Timestamp {
    Timestamp::from_microsecond(recorded.at.0).unwrap()
}
