//! Ten times the load that a server may keep: what is beyond its limits is refused with the time to
//! come again, and what it took is there and ends. A refusal must never leave anything behind.

use std::time::Duration;

use holdpoint::config::Config;
use holdpoint::model::limits::{BODIES_BYTES_MAX, BODY_BYTES_MAX, BODY_BYTES_SMALL};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::say;
use crate::engine::agent::Agent;
use crate::engine::until;
use crate::support::client::{Client, Reply};
use crate::support::server::{self, TestServer};

/// Jobs that have a slot.
const SLOTS: usize = 2;
/// Jobs that may wait for one.
const QUEUE_MAX: usize = 20;
/// Requests for each job that the server may keep.
const OVERLOAD: usize = 10;
/// Clients that send them side by side; one has one request under way at a time.
const SENDERS: usize = 4;
/// The longest pause that a refusal may ask for: nobody is sent away for longer than this.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Where jobs are asked for.
pub const PATH: &str = "/api/agent-jobs";
/// Why a job is refused when as many wait as may.
pub const QUEUE_IS_FULL: &str = "the queue is full";
/// Why one is refused when as many are in memory as may be.
const TOO_MANY_ARE_LIVE: &str = "too many jobs are live";
/// The workflow whose jobs ask the agent.
const JOB_TYPE: &str = "ask";

fn job() -> Value {
    json!({"jobType": JOB_TYPE, "taskDescription": "one of many"})
}

/// Fails unless it is a refusal for this reason that says when to come again.
pub fn refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.status, 503, "{:#}", reply.body);
    let wait = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    let wait = Duration::from_secs(wait);
    assert!(wait > Duration::ZERO && wait <= RETRY_MAX, "{wait:?}");
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.body["success"], false);
    assert_eq!(reply.body["type"], "/problems/busy");
    assert_eq!(reply.body["status"], reply.status);
    assert_eq!(reply.body["instance"], PATH);
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains(reason), "{detail}");
}

fn id_of(reply: Reply) -> String {
    reply.expect(201)["job"]["id"].as_str().unwrap().to_owned()
}

/// Asks for a job: its id, or nothing when it was refused for this reason.
async fn order(client: &Client, reason: &str) -> Option<String> {
    let reply = client.post(PATH, &job()).await;
    if reply.status == 201 {
        return Some(id_of(reply));
    }
    refused(&reply, reason);
    None
}

/// A server where nothing gets done: each slot is held by a call that has no answer.
struct Stage {
    server: TestServer,
    agent: Agent,
    /// Why jobs beyond the limit are refused.
    reason: &'static str,
    /// The jobs that hold the slots.
    working: Vec<String>,
}

impl Stage {
    async fn start(reason: &'static str, limit: impl FnOnce(&mut Config)) -> Self {
        let agent = Agent::start().await;
        agent.close();
        let server = server::start(|config| {
            config.egress.allow = vec!["127.0.0.0/8".to_owned()];
            config.worker.max_concurrent_jobs = SLOTS as u32;
            limit(config);
        })
        .await;
        let document = json!({
            "document": {
                "dsl": "1.0.3", "namespace": "test", "name": JOB_TYPE, "version": "1.0.0",
            },
            "do": [{ "ask": agent.task("get", "/ask") }],
        });
        server.client.post("/api/admin/workflows", &document).await.expect(201);
        let mut working = Vec::new();
        for _ in 0..SLOTS {
            working.push(order(&server.client, reason).await.expect("a free slot"));
        }
        let asked = async || agent.seen().len() == SLOTS;
        until(&server.app.engine, "every slot is held", asked).await;
        Self { server, agent, reason, working }
    }

    /// Sends so many requests for each job that may be kept, side by side; answers what was taken.
    async fn flood(&self, kept_max: usize) -> Vec<String> {
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (client, reason) = (self.server.client.clone(), self.reason);
            senders.spawn(async move {
                let mut taken = Vec::new();
                for _ in 0..OVERLOAD * kept_max / SENDERS {
                    taken.extend(order(&client, reason).await);
                }
                taken
            });
        }
        senders.join_all().await.concat()
    }

    /// Jobs that the server knows, whoever wanted them and whatever became of them.
    async fn known(&self) -> usize {
        let list = self.server.client.get("/api/jobs?limit=1").await.expect(200);
        list["pagination"]["total"].as_u64().unwrap() as usize
    }

    async fn assert_status(&self, jobs: &[String], status: &str) {
        for id in jobs {
            let found = self.server.client.get(&format!("/api/jobs/{id}")).await.expect(200);
            assert_eq!(found["job"]["status"], status, "{found:#}");
        }
    }

    /// The agent answers: all that was taken ends, each job after one call and no refused one among
    /// them, and the next is taken.
    async fn end(mut self, waiting: Vec<String>) {
        self.agent.open();
        let taken = [std::mem::take(&mut self.working), waiting].concat();
        for id in &taken {
            let job = self.server.wait_for_end(id).await;
            assert_eq!(job["status"], "COMPLETED", "{job:#}");
        }
        assert_eq!(self.agent.seen().len(), taken.len());
        let mut next = None;
        // The last one that ended may leave memory a moment after everybody was told.
        until(&self.server.app.engine, "the next job is taken", async || {
            next = order(&self.server.client, self.reason).await;
            next.is_some()
        })
        .await;
        let job = self.server.wait_for_end(&next.unwrap()).await;
        assert_eq!(job["status"], "COMPLETED", "{job:#}");
        self.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_load_is_refused_and_what_was_taken_is_done() {
    let stage =
        Stage::start(QUEUE_IS_FULL, |config| config.engine.queue_max = QUEUE_MAX as u32).await;
    let taken = stage.flood(QUEUE_MAX).await;
    // All senders may see the last free place at once, and each brings one job into it.
    let most = QUEUE_MAX + SENDERS - 1;
    assert!((QUEUE_MAX..=most).contains(&taken.len()), "{} were taken", taken.len());
    assert_eq!(stage.known().await, SLOTS + taken.len(), "nothing is left of a refused one");
    stage.assert_status(&stage.working, "IN_PROGRESS").await;
    stage.assert_status(&taken, "PENDING").await;
    stage.end(taken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_wait_as_may_and_the_next_is_refused() {
    let stage =
        Stage::start(QUEUE_IS_FULL, |config| config.engine.queue_max = QUEUE_MAX as u32).await;
    let client = &stage.server.client;
    let mut waiting = Vec::new();
    for _ in 0..QUEUE_MAX {
        waiting.push(order(client, QUEUE_IS_FULL).await.expect("a place in the queue"));
    }
    let keyed = async || client.attempt(Method::POST, PATH, Some(job()), Some("beyond")).await;
    refused(&keyed().await.expect("an answer"), QUEUE_IS_FULL);
    assert_eq!(stage.known().await, SLOTS + QUEUE_MAX);
    // One leaves the queue, so one may come, and only one.
    let path = format!("/api/jobs/{}/terminate", waiting.pop().unwrap());
    client.post(&path, &json!({"reason": "it makes room"})).await.expect(200);
    let again = keyed().await.expect("an answer");
    let is_replay = again.headers.contains_key("idempotent-replayed");
    assert!(!is_replay, "a refusal settles nothing about its key");
    waiting.push(id_of(again));
    assert_eq!(order(client, QUEUE_IS_FULL).await, None, "the queue is full again");
    stage.end(waiting).await;
}

/// A large request of somebody who sends a part of it and no more.
async fn stalled(server: &TestServer) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (cookie, part) = (server.client.cookie(), " ".repeat(BODY_BYTES_SMALL + 1));
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nOrigin: {}\r\nCookie: {cookie}\r\n\
         Content-Type: application/json\r\nContent-Length: {BODY_BYTES_MAX}\r\n\r\n",
        server.url
    );
    say(&mut stream, &head).await;
    say(&mut stream, &part).await;
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_large_bodies_are_in_hand_and_no_more() {
    let server = server::start(|_| ()).await;
    let text = "x".repeat(BODY_BYTES_SMALL + 1);
    let large = json!({"jobType": "nothing of this kind", "taskDescription": text});
    let large = async || server.client.post(PATH, &large).await;
    let refusal = large().await.status;
    assert!((400..500).contains(&refusal), "{refusal}");
    let mut senders = Vec::new();
    for _ in 0..BODIES_BYTES_MAX / BODY_BYTES_MAX {
        senders.push(stalled(&server).await);
    }
    // The last of them may take its room a moment after it has sent its part.
    let full = async {
        loop {
            let reply = large().await;
            if reply.status != refusal {
                return reply;
            }
        }
    };
    let full = tokio::time::timeout(RETRY_MAX, full).await.expect("a limit");
    refused(&full, "too many large bodies are in hand");
    let small = server.client.post(PATH, &json!({})).await;
    assert_eq!(small.status, 422, "a small one needs no room: {:#}", small.body);
    let stranger = Client::anonymous(&server.url);
    let callback = stranger.post("/api/callbacks/nothing", &json!({ "text": text })).await;
    assert_eq!(callback.status, 404, "a stranger has room of their own: {:#}", callback.body);
    senders.pop();
    let room = async { while large().await.status != refusal {} };
    tokio::time::timeout(RETRY_MAX, room).await.expect("room for another");
    drop(senders);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_jobs_are_live_than_may_be() {
    let stage =
        Stage::start(TOO_MANY_ARE_LIVE, |config| config.engine.live_jobs_max = SLOTS as u32).await;
    let taken = stage.flood(SLOTS).await;
    assert_eq!(taken, Vec::<String>::new(), "as many are live as may be");
    assert_eq!(stage.known().await, SLOTS, "nothing is left of a refused one");
    // What is there can still be read.
    stage.assert_status(&stage.working, "IN_PROGRESS").await;
    stage.end(taken).await;
}
