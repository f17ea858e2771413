//! A full disk: a store on a small file system that another file fills. Writes are refused with
//! 507, reads are answered, what is under way waits; when there is room again everything goes on by
//! itself. Once with the guard that keeps a reserve, once down to the last byte.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::load::Load;
use super::{by_status, defects};
use crate::crash::client::{Answer, Client};
use crate::crash::disk::Disk;
use crate::crash::service::Service;
use crate::crash::{begin, copy_documents};
use crate::support::process::{Pauses, Server};
use crate::support::room::Room;
use crate::support::skip::{need, skip};

/// How long the server may take to see that there is room again.
const RECOVERY: Duration = Duration::from_secs(30);
/// How long a disk may take to be seen as full.
const FILLING: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_its_floor_it_writes_nothing_and_goes_on_by_itself() {
    live_through("a disk below the floor", "8", 4 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_without_a_byte_left_it_loses_nothing_and_goes_on_by_itself() {
    live_through("a disk that is full", "0", 0).await;
}

/// Fills the disk up to so many bytes while the server works, and frees it again.
async fn live_through(what: &str, floor_mib: &str, left: usize) {
    if let Err(reason) = need(&["unshare", "nsenter"]) {
        return skip(what, &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let (beginning, _) = begin(workflows.path(), &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let room = match room_with_disk(folder.path()).await {
        Ok(room) => room,
        Err(reason) => return skip(what, &reason),
    };
    let view = room.view(folder.path());
    let store = "data/holdpoint.redb";
    std::fs::copy(beginning.folder.path().join(store), view.join(store)).unwrap();
    let settings =
        [("HOLDPOINT__STORE__DISK_FLOOR_MIB", floor_mib), ("HOLDPOINT__STORE__CACHE_MIB", "8")];
    let entrance = room.entrance();
    let server = Server::start_through(&entrance, folder.path(), workflows.path(), &settings).await;
    let server = server.listening().unwrap();
    let client = Client::new(Service::start().await, &[]).signed_in_as(&beginning.client);
    let (url, load) = (server.url.clone(), Load::new(client));

    let day = Day { load: &load, url: &url };
    let checkpoint = day.park().await;
    day.load.client.service.hold(Some("/child"));
    assert_eq!(load.order(&url, "in mid-call").await, Some(201));
    load.client.service.holds().await;

    let ballast = fill(&view.join("data"), left);
    let refusals = day.until_refused(what).await;
    day.read_everything(what).await;
    let refused = day.decide(&checkpoint).await;
    let why = format!("{what}: a decision");
    assert_full(&refused, &why);
    // The outcome of the call arrives at a disk that cannot take it.
    load.client.service.release();
    assert_full(&day.create("refused again").await, what);

    std::fs::remove_file(ballast).unwrap();
    let took = day.until_it_goes_on(&checkpoint).await;
    let received = load.client.service.received();
    let acknowledged = load.acknowledged();
    assert!(server.stop().await.success());
    assert_eq!(defects(&view.join(store)), Vec::<String>::new());
    let disk = Disk::read(&view).await;
    let ids: Vec<String> = disk.journals.keys().map(ToString::to_string).collect();
    let lost = acknowledged.values().filter(|id| !ids.contains(id)).count();
    let calls = disk.calls();
    let is_doubled = |key: &str, interruptions: usize| {
        received.iter().filter(|received| received.key == *key).count() > 1 + interruptions
    };
    let doubled = calls.iter().filter(|(key, call)| is_doubled(key, call.interruptions)).count();
    println!(
        "{what}: {} jobs acknowledged, {refusals} answers before the first 507, {lost} lost, \
         {doubled} doubled, on again {} ms after there was room",
        acknowledged.len(),
        took.as_millis()
    );
    assert_eq!((lost, doubled), (0, 0));
    let came = received.iter().filter(|received| received.path == "/child").count();
    let made = calls.keys().filter(|key| received.iter().any(|one| one.key == **key)).count();
    assert_eq!(came, made, "each call was made once: its outcome waited for room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_is_ready_again_when_there_is_room_again() {
    const WHAT: &str = "an idle server on a full disk";
    if let Err(reason) = need(&["unshare", "nsenter"]) {
        return skip(WHAT, &reason);
    }
    let (folder, workflows) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_documents(workflows.path());
    let room = match room_with_disk(folder.path()).await {
        Ok(room) => room,
        Err(reason) => return skip(WHAT, &reason),
    };
    let settings =
        [("HOLDPOINT__STORE__DISK_FLOOR_MIB", "8"), ("HOLDPOINT__WORKER__AUTOSTART", "false")];
    let server =
        Server::start_through(&room.entrance(), folder.path(), workflows.path(), &settings).await;
    let server = server.listening().unwrap();
    let mut client = Client::new(Service::start().await, &[]);
    client.sign_in(&server.url).await.unwrap();
    let (url, load) = (server.url.clone(), Load::new(client));
    let day = Day { load: &load, url: &url };
    let ballast = fill(&room.view(folder.path()).join("data"), 4 << 20);
    let mut pauses = Pauses::within(FILLING);
    loop {
        let (status, body) = day.create_for_later().await;
        if status == 507 {
            break;
        }
        assert!(pauses.pause().await, "it never became full: {status} {body}");
    }
    assert_eq!(day.get("/readyz").await.0, 503);
    std::fs::remove_file(ballast).unwrap();
    // Nobody writes: whoever sends requests here looks at this first.
    let mut pauses = Pauses::within(RECOVERY);
    while day.get("/readyz").await.0 != 200 {
        assert!(pauses.pause().await, "it is never ready again");
    }
    assert!(server.stop().await.success());
}

async fn room_with_disk(folder: &Path) -> Result<Room, String> {
    std::fs::create_dir(folder.join("data")).map_err(|error| error.to_string())?;
    let mut room = Room::open().await?;
    room.run(&format!("mount -t tmpfs -o size=64m none {}/data", folder.display())).await?;
    Ok(room)
}

/// Takes all the room but so many bytes; answers the file that does.
fn fill(disk: &Path, left: usize) -> PathBuf {
    const PIECE: usize = 64 << 10;
    let path = disk.join("ballast");
    let mut file = std::fs::File::create(&path).unwrap();
    // Ever smaller pieces take the last byte.
    let mut piece = PIECE;
    while piece > 0 {
        while file.write_all(&vec![1; piece]).is_ok() {}
        piece /= 2;
    }
    let taken = file.metadata().unwrap().len();
    file.set_len(taken.saturating_sub(left as u64)).unwrap();
    path
}

/// It is refused with 507, and the answer says why and what to do.
fn assert_full((status, body): &Answer, what: &str) {
    assert_eq!(*status, 507, "{what}: {body}");
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    assert!(text("type").ends_with("/problems/disk-full"), "{what}: {body}");
    assert_eq!(text("title"), "The disk is full", "{what}: {body}");
    assert!(text("detail").contains("disk"), "{what}: {body}");
}

/// What happens while the disk fills.
struct Day<'a> {
    load: &'a Load,
    url: &'a str,
}

impl Day<'_> {
    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let url = format!("{}{path}", self.url);
        let body = (!body.is_null()).then_some(body);
        self.load.client.ask(method, &url, key, body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, &Value::Null).await
    }

    /// A job that waits at a checkpoint; answers the checkpoint's row.
    async fn park(&self) -> Value {
        let files = json!({"files": [{"path": "a.txt", "content": "a"}]});
        let body =
            json!({"jobType": "code-generation", "taskDescription": "parked", "inputData": files});
        let made = self.ask(Method::POST, "/api/agent-jobs", None, &body).await;
        assert_eq!(made.0, 201, "{}", made.1);
        let mut pauses = Pauses::within(RECOVERY);
        loop {
            let (_, inbox) = self.get("/api/admin/agent-checkpoints").await;
            if let Some(row) = inbox["checkpoints"].get(0) {
                return row.clone();
            }
            assert!(pauses.pause().await, "nothing to decide: {inbox}");
        }
    }

    async fn create(&self, name: &str) -> Answer {
        let input = json!({"service": self.load.client.service.url()});
        let body = json!({"jobType": "crash-slow", "taskDescription": name, "inputData": input});
        self.ask(Method::POST, "/api/agent-jobs", Some(name), &body).await
    }

    /// Creates a job for a worker that does not run.
    async fn create_for_later(&self) -> Answer {
        let input = json!({"action": "look"});
        let body =
            json!({"jobType": "simple-task", "taskDescription": "later", "inputData": input});
        self.ask(Method::POST, "/api/agent-jobs", None, &body).await
    }

    async fn decide(&self, checkpoint: &Value) -> Answer {
        let id = checkpoint["id"].as_str().unwrap();
        let body = json!({"decision": "approve", "digest": checkpoint["digest"]});
        self.load.client.decision(self.url, id, &body).await.unwrap()
    }

    /// Creates jobs until one is refused because the disk is full; answers how many answers came
    /// before. On the way there may be a commit whose outcome is unknown, and nothing else.
    async fn until_refused(&self, what: &str) -> usize {
        let mut pauses = Pauses::within(FILLING);
        for n in 0.. {
            let name = format!("while it fills {n}");
            match self.load.order(self.url, &name).await {
                Some(201 | 503) => {}
                Some(507) => {
                    let again = self.create(&name).await;
                    assert_full(&again, what);
                    return n;
                }
                other => panic!("{what}: {other:?}"),
            }
            assert!(pauses.pause().await, "{what}: it never became full");
        }
        0
    }

    async fn read_everything(&self, what: &str) {
        let job = self.load.acknowledged().into_values().next().unwrap();
        let job = format!("/api/jobs/{job}");
        for path in ["/api/jobs", &job, "/api/admin/agent-checkpoints", "/api/admin/status"] {
            let (status, body) = self.get(path).await;
            assert_eq!(status, 200, "{what}: {path}: {body}");
        }
        let (status, body) = self.get("/readyz").await;
        assert_eq!(status, 503, "{what}: it is not ready: {body}");
        assert!(body["detail"].as_str().unwrap_or_default().contains("disk"), "{body}");
    }

    /// There is room again: the decision is taken, new jobs too, and all come to their end.
    async fn until_it_goes_on(&self, checkpoint: &Value) -> Duration {
        let began = std::time::Instant::now();
        let mut pauses = Pauses::within(RECOVERY);
        while self.decide(checkpoint).await.0 != 200 {
            assert!(pauses.pause().await, "no decision is taken");
        }
        let took = began.elapsed();
        assert_eq!(self.load.order(self.url, "with room again").await, Some(201));
        loop {
            let (_, status) = self.get("/api/admin/status").await;
            let jobs = by_status(&status);
            if jobs.keys().all(|name| name == "COMPLETED") {
                return took;
            }
            assert!(pauses.pause().await, "these are stuck: {jobs:?}");
        }
    }
}
