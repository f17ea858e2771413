//! A workflow gets a new version while a job of the old one waits for a person: whatever ends the
//! process in between, the job goes on along the document that it began with and never the new one.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::process::{EMAIL, PASSWORD, Pauses, Server, was_killed};

/// How long a job may take to its next stop on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name that both documents have.
const NAME: &str = "changing";
/// The versions, each with the task that only its jobs do.
const OLD: (&str, &str) = ("1.0.0", "old");
const NEW: (&str, &str) = ("1.0.1", "new");

/// How a process ends.
#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
}

/// Both have a checkpoint at the same place, so that a job that changed documents there would not
/// stumble: only the task after it tells.
fn document((version, task): (&str, &str)) -> Value {
    let gate = json!({ "call": "checkpoint", "with": { "title": "Go on?" } });
    json!({
        "document": {"dsl": "1.0.3", "namespace": "test", "name": NAME, "version": version},
        "do": [{ "gate": gate }, { task: { "set": { "did": task } } }],
    })
}

async fn start(folder: &Path) -> (Server, Client) {
    let server = Server::start(folder, folder, &[]).await.listening().unwrap();
    let client = Client::login(&server.url, EMAIL, PASSWORD).await;
    (server, client)
}

/// Registers a version; answers its hash.
async fn register(client: &Client, version: (&str, &str)) -> Value {
    let answer = client.post("/api/admin/workflows", &document(version)).await.expect(201);
    let hash = answer["workflow"]["hash"].clone();
    assert!(hash.is_string(), "{answer:#}");
    hash
}

async fn until(client: &Client, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut pauses = Pauses::within(PATIENCE);
    loop {
        let body = client.get(path).await.expect(200);
        if holds(&body) {
            return body;
        }
        assert!(pauses.pause().await, "{path} stays at {body:#}");
    }
}

/// Creates a job and waits until it asks a person; answers its id.
async fn parked(client: &Client) -> String {
    let body = json!({"jobType": NAME, "taskDescription": "a job of a changing workflow"});
    let created = client.post("/api/agent-jobs", &body).await.expect(201);
    let id = created["job"]["id"].as_str().unwrap().to_owned();
    checkpoint_of(client, &id).await;
    id
}

/// The id of the checkpoint where this job waits.
async fn checkpoint_of(client: &Client, job: &str) -> String {
    let path = format!("/api/agent-jobs/{job}/checkpoints");
    let is_open = |list: &Value| list["checkpoints"][0]["status"] == "PENDING";
    let list = until(client, &path, is_open).await;
    list["checkpoints"][0]["id"].as_str().unwrap().to_owned()
}

/// Approves, and expects that the job ends along this version.
async fn ends_along(client: &Client, job: &str, (version, task): (&str, &str), hash: &Value) {
    let checkpoint = checkpoint_of(client, job).await;
    let path = format!("/api/admin/agent-checkpoints/{checkpoint}");
    client.post(&path, &json!({})).await.expect(200);
    let path = format!("/api/jobs/{job}?include=timeline");
    let ended = until(client, &path, |body| !body["job"]["completedAt"].is_null()).await;
    let job = &ended["job"];
    assert_eq!(job["status"], "COMPLETED", "{ended:#}");
    assert_eq!(job["result"], json!({ "did": task }));
    assert_eq!((&job["workflow"]["hash"], &job["workflow"]["version"]), (hash, &json!(version)));
    let rows = ended["timeline"].as_array().unwrap().iter();
    let tasks: Vec<&str> = rows.filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(tasks, ["gate", task]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_keeps_the_document_it_began_with() {
    for end in [End::Stop, End::Kill] {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = start(folder.path()).await;
        let old = register(&client, OLD).await;
        let begun = parked(&client).await;
        let new = register(&client, NEW).await;
        assert_ne!(old, new);
        let current = client.get(&format!("/api/workflows/{NAME}")).await.expect(200);
        assert_eq!(current["workflow"]["hash"], new, "new jobs run the new document");
        match end {
            End::Stop => assert!(server.stop().await.success()),
            End::Kill => assert!(was_killed(server.kill().await)),
        }

        let (server, client) = start(folder.path()).await;
        ends_along(&client, &begun, OLD, &old).await;
        let fresh = parked(&client).await;
        ends_along(&client, &fresh, NEW, &new).await;
        assert!(server.stop().await.success());
    }
}
