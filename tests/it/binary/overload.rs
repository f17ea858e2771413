//! A flood of the largest requests against the real binary, most of them beyond what may wait: the
//! memory of the process must never grow with what it refuses.

use std::collections::BTreeSet;
use std::time::Duration;

use holdpoint::model::limits::{BODY_BYTES_MAX, BODY_VALUES_MAX};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::defects;
use crate::door::overload::{PATH, QUEUE_IS_FULL, refused};
use crate::support::client::{Client, Reply};
use crate::support::process::{EMAIL, PASSWORD, Pauses, Server};

/// Jobs that may wait.
const QUEUE_MAX: usize = 8;
/// The most memory that the process may ever have held: there is room for its code, the cache of
/// the store, the hashing of a password, the jobs that wait and a few requests under way.
const MEMORY_MAX: usize = 256 << 20;
/// Requests that are refused: twice that memory in bodies, and far more than ten times what may
/// wait.
const REFUSED: usize = 2 * MEMORY_MAX / BODY_BYTES_MAX;
/// Requests of as many values as one may have that are refused: each takes long to be read.
const MANY_VALUES: usize = 32;
/// Values of such a request beside those of its list: itself, its members and the list.
const ENVELOPE_VALUES: usize = 5;
/// Clients that send them side by side.
const SENDERS: usize = 4;
/// How long the jobs may take to their ends on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The workflow of the jobs, which does nothing with their input.
const JOB_TYPE: &str = "late";

/// The request of a job. Its input is one text, which takes as much memory as it is long.
fn job(text: &str) -> String {
    let input = json!({ "text": text });
    json!({"jobType": JOB_TYPE, "taskDescription": "large", "inputData": input}).to_string()
}

/// The same, as large as one may be.
fn largest() -> String {
    let body = job(&"x".repeat(BODY_BYTES_MAX - job("").len()));
    assert_eq!(body.len(), BODY_BYTES_MAX);
    body
}

/// The same with a list of so many values.
fn values(count: usize) -> String {
    let input = json!({ "list": vec![0; count] });
    json!({"jobType": JOB_TYPE, "taskDescription": "many", "inputData": input}).to_string()
}

/// The most memory that the process has held so far, bytes (proc_pid_status(5)).
fn peak(server: &Server) -> usize {
    const KIB: usize = 1 << 10;
    let id = server.id().expect("the server runs").as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let number = line.trim().strip_suffix(" kB").unwrap();
    number.parse::<usize>().unwrap() * KIB
}

async fn order(client: &Client, body: String) -> Reply {
    client.send(Method::POST, PATH, Some(("application/json", body))).await
}

/// Fills the queue; answers the ids.
async fn fill(client: &Client, body: &str) -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    for _ in 0..QUEUE_MAX {
        let answer = order(client, body.to_owned()).await.expect(201);
        taken.insert(answer["job"]["id"].as_str().unwrap().to_owned());
    }
    taken
}

async fn flood(client: &Client, body: &str, count: usize) {
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (client, body) = (client.clone(), body.to_owned());
        senders.spawn(async move {
            for _ in 0..count / SENDERS {
                refused(&order(&client, body.clone()).await, QUEUE_IS_FULL);
            }
        });
    }
    senders.join_all().await;
}

/// The ids of all jobs that stand like this.
async fn ids(client: &Client, query: &str) -> BTreeSet<String> {
    let list = client.get(&format!("/api/jobs{query}")).await.expect(200);
    let rows = list["jobs"].as_array().unwrap().iter();
    rows.map(|row: &Value| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_the_process_does_not_grow_with_what_it_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let queue_max = QUEUE_MAX.to_string();
    let settings = [
        ("HOLDPOINT__ENGINE__QUEUE_MAX", queue_max.as_str()),
        // Nothing gets done before this test lets it.
        ("HOLDPOINT__WORKER__AUTOSTART", "false"),
        ("HOLDPOINT__STORE__CACHE_MIB", "16"),
    ];
    let server = Server::start(folder.path(), folder.path(), &settings).await.listening().unwrap();
    let client = Client::login(&server.url, EMAIL, PASSWORD).await;
    let document = json!({
        "document": {"dsl": "1.0.3", "namespace": "test", "name": JOB_TYPE, "version": "1.0.0"},
        "do": [{ "note": { "set": { "done": true } } }],
    });
    client.post("/api/admin/workflows", &document).await.expect(201);

    let body = largest();
    let taken = fill(&client, &body).await;
    let before = peak(&server);
    flood(&client, &body, REFUSED).await;
    let texts = peak(&server);
    // Numbers take far more memory than they are long, so that there may be only so many.
    flood(&client, &values(BODY_VALUES_MAX - ENVELOPE_VALUES), MANY_VALUES).await;
    let beyond = values(BODY_VALUES_MAX - ENVELOPE_VALUES + 1);
    assert_eq!(order(&client, beyond).await.expect(400)["type"], "/problems/malformed");
    let numbers = peak(&server);
    println!(
        "refused: {REFUSED} requests of {BODY_BYTES_MAX} bytes and {MANY_VALUES} of \
         {BODY_VALUES_MAX} values: at most {} and {} MiB of memory, {} MiB before them",
        texts >> 20,
        numbers >> 20,
        before >> 20
    );
    assert!(numbers <= MEMORY_MAX, "the process held {numbers} bytes");
    assert_eq!(ids(&client, "").await, taken, "what was taken, and nothing of what was refused");

    client.send(Method::POST, "/api/admin/agent-worker", None).await.expect(200);
    let mut pauses = Pauses::within(PATIENCE);
    while ids(&client, "?status=COMPLETED").await != taken {
        assert!(pauses.pause().await, "what was taken does not end");
    }
    order(&client, job("small")).await.expect(201);
    assert!(server.stop().await.success());
    assert_eq!(defects(&folder.path().join("data/holdpoint.redb")), Vec::<String>::new());
}
