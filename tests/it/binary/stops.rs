//! SIGTERM: under load it drains and closes cleanly, a second one ends at once, and a second
//! process on the same store is refused while the first goes on, also while it drains.

use std::path::Path;
use std::time::{Duration, Instant};

use holdpoint::model::event::Event;
use serde_json::{Value, json};

use super::load::Load;
use super::{Random, by_status, defects, times};
use crate::crash::client::Client;
use crate::crash::disk::{Disk, name_of};
use crate::crash::service::Service;
use crate::crash::{begin, copy_documents};
use crate::support::process::{Pauses, Server, Start};

/// How long a stop may take: the listener's drain (10 s) and the worker's (set below) together,
/// with room for a busy machine.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// How long all jobs may take to their ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// Senders at a time.
const SENDERS: usize = 4;

/// Where redb says in its header that the file was not closed.
const FLAGS: usize = 9;
const RECOVERY_REQUIRED: u8 = 2;

/// A server's folder, with its account.
struct Stage {
    folder: tempfile::TempDir,
    workflows: tempfile::TempDir,
}

impl Stage {
    /// With a load whose client is signed in.
    async fn set() -> (Self, Load) {
        let workflows = tempfile::tempdir().unwrap();
        copy_documents(workflows.path());
        let (beginning, _) = begin(workflows.path(), &[]).await;
        let client = Client::new(Service::start().await, &[]).signed_in_as(&beginning.client);
        (Self { folder: beginning.folder, workflows }, Load::new(client))
    }

    async fn start(&self, settings: &[(&str, &str)]) -> Server {
        Server::start(self.folder.path(), self.workflows.path(), settings)
            .await
            .listening()
            .unwrap()
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("data/holdpoint.redb")
    }
}

fn needs_recovery(store: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; FLAGS + 1];
    std::fs::File::open(store).unwrap().read_exact(&mut head).unwrap();
    head[FLAGS] & RECOVERY_REQUIRED != 0
}

/// Waits until no job is on its way any more.
async fn until_all_ended(client: &Client, server: &str) -> Value {
    let mut pauses = Pauses::within(PATIENCE);
    loop {
        let status = client.get(&format!("{server}/api/admin/status")).await.unwrap();
        let jobs = by_status(&status);
        if jobs.keys().all(|name| !["PENDING", "ASSIGNED", "IN_PROGRESS"].contains(&&**name)) {
            return status;
        }
        assert!(pauses.pause().await, "these are stuck: {jobs:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_under_load_it_closes_cleanly_and_loses_nothing() {
    let (stage, load) = Stage::set().await;
    let stops = times("HOLDPOINT_STOPS", 20);
    let mut random = Random(12);
    let (mut slowest, mut refusals) = (Duration::ZERO, 0);
    for round in 0..stops {
        let server = stage.start(&[]).await;
        let target = load.acknowledged().len() + 4 + random.below(24);
        let mut senders = load.send(&server.url, round, SENDERS);
        load.reaches(target).await;
        assert!(needs_recovery(&stage.store()), "an open store says that it is open");
        let began = Instant::now();
        let status = server.stop().await;
        assert_eq!(status.code(), Some(0), "stop {round}");
        slowest = slowest.max(began.elapsed());
        assert!(!needs_recovery(&stage.store()), "stop {round} left the store open");
        while let Some(refused) = senders.join_next().await {
            let refused = refused.unwrap();
            assert!(refused.iter().all(|status| *status == 503), "stop {round}: {refused:?}");
            refusals += refused.len();
        }
    }
    assert!(slowest < STOP_LIMIT, "the slowest stop took {slowest:?}");
    let server = stage.start(&[]).await;
    until_all_ended(&load.client, &server.url).await;
    assert!(server.stop().await.success());
    let (lost, doubled) = judge(&stage, &load).await;
    let jobs = load.acknowledged().len();
    println!(
        "SIGTERM under load: {stops} stops, {jobs} jobs acknowledged, {refusals} refused, \
         {} lost, {} doubled, 0 stuck, slowest stop {} ms",
        lost.len(),
        doubled.len(),
        slowest.as_millis()
    );
    assert!(lost.is_empty() && doubled.is_empty(), "{lost:?} {doubled:?}");
}

/// What was acknowledged and is not there, and what was done twice.
async fn judge(stage: &Stage, load: &Load) -> (Vec<String>, Vec<String>) {
    assert_eq!(defects(&stage.store()), Vec::<String>::new());
    let disk = Disk::read(stage.folder.path()).await;
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for (name, id) in load.acknowledged() {
        let of_name = |journal: &&Vec<_>| name_of(journal) == name;
        if disk.journals.values().filter(of_name).count() > 1 {
            doubled.push(format!("job {name} exists twice"));
        }
        let journal = disk.journals.iter().find(|(job, _)| job.to_string() == id);
        let is_complete = journal.is_some_and(|(_, journal)| {
            journal.iter().any(|recorded| matches!(&*recorded.event, Event::Completed { .. }))
        });
        if !is_complete {
            lost.push(format!("job {name} ({id}) was acknowledged and did not complete"));
        }
    }
    let received = load.client.service.received();
    for (key, call) in disk.calls() {
        let times = received.iter().filter(|received| received.key == key).count();
        if times > 1 + call.interruptions {
            doubled.push(format!("call {key} came {times} times"));
        }
        if times == 0 {
            lost.push(format!("call {key} never came"));
        }
    }
    (lost, doubled)
}

/// A server with one call under way, which was asked to end and says that it drains.
async fn draining(stage: &Stage, load: &Load, settings: &[(&str, &str)]) -> Server {
    load.client.service.hold(Some("/child"));
    let server = stage.start(settings).await;
    assert_eq!(load.order(&server.url, "held").await, Some(201));
    load.client.service.holds().await;
    server.ask_to_end();
    server.says("draining").await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused_and_the_first_goes_on_also_while_it_drains() {
    let (stage, load) = Stage::set().await;
    let server = stage.start(&[]).await;
    second_process(&stage).await;
    assert_eq!(load.order(&server.url, "undisturbed").await, Some(201));
    until_all_ended(&load.client, &server.url).await;
    assert!(server.stop().await.success());

    let server = draining(&stage, &load, &[]).await;
    second_process(&stage).await;
    load.client.service.release();
    assert_eq!(server.ended().await.code(), Some(0));
    let disk = Disk::read(stage.folder.path()).await;
    let settled = disk.calls().values().filter(|call| call.is_settled).count();
    assert_eq!((settled, disk.calls().len()), (2, 2), "the call under way could end");

    let server = stage.start(&[]).await;
    until_all_ended(&load.client, &server.url).await;
    assert!(server.stop().await.success());
    let (lost, doubled) = judge(&stage, &load).await;
    assert!(lost.is_empty() && doubled.is_empty(), "{lost:?} {doubled:?}");
    assert_eq!(load.client.service.received().len(), 2, "no call was made again");
}

/// It ends with its code and text.
async fn second_process(stage: &Stage) {
    let (folder, workflows) = (stage.folder.path(), stage.workflows.path());
    let before = std::fs::read_to_string(folder.join("log")).unwrap().len();
    let Start::Ended(status) = Server::start(folder, workflows, &[]).await else {
        panic!("two servers on one store");
    };
    assert_eq!(status.code(), Some(74));
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    let said = log.get(before..).unwrap_or_default();
    for words in ["is open in another process", "holdpoint.redb", "fuser", "1. ", "stop it first"] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_does_not_end_holds_up_no_stop_and_is_made_again_under_its_key() {
    let (stage, load) = Stage::set().await;
    let settings = [("HOLDPOINT__WORKER__DRAIN_TIMEOUT_MS", "300")];
    let server = draining(&stage, &load, &settings).await;
    let began = Instant::now();
    assert_eq!(server.ended().await.code(), Some(0));
    assert!(began.elapsed() < STOP_LIMIT, "{:?}", began.elapsed());
    assert!(!needs_recovery(&stage.store()));
    load.client.service.release();
    let server = stage.start(&[]).await;
    until_all_ended(&load.client, &server.url).await;
    assert!(server.stop().await.success());
    let (lost, doubled) = judge(&stage, &load).await;
    assert!(lost.is_empty() && doubled.is_empty(), "{lost:?} {doubled:?}");
    let received = load.client.service.received();
    assert_eq!(received.len(), 2, "{received:?}");
    assert_eq!(json!(received[0].key), json!(received[1].key));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sigterm_ends_at_once_and_loses_nothing() {
    let (stage, load) = Stage::set().await;
    let server = draining(&stage, &load, &[]).await;
    server.ask_to_end();
    // The drain alone would last 30 seconds.
    assert_eq!(server.ended().await.code(), Some(143));
    load.client.service.release();
    let server = stage.start(&[]).await;
    until_all_ended(&load.client, &server.url).await;
    assert!(server.stop().await.success());
    let (lost, doubled) = judge(&stage, &load).await;
    assert!(lost.is_empty() && doubled.is_empty(), "{lost:?} {doubled:?}");
}
