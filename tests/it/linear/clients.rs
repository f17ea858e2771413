//! Clients of one job of a real server, all at once, and the record of what each of them asked,
//! when, and what it heard.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use holdpoint::store::Random;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::checker::Operation;
use super::job::{Answer, Call, Job, Shown};
use crate::support::client::{Client, Reply};

/// Clients of one job.
const CLIENTS: u64 = 4;
/// What each of them asks.
const ASKED: u64 = 6;

/// Where the server is now, and how much was asked of it so far.
#[derive(Clone)]
pub struct Door {
    client: watch::Receiver<Client>,
    asked: Arc<watch::Sender<u64>>,
}

impl Door {
    /// The door of this server, and the way to say that it is another one now.
    pub fn of(client: Client) -> (Self, watch::Sender<Client>) {
        let (moved, client) = watch::channel(client);
        (Self { client, asked: Arc::default() }, moved)
    }

    /// Waits until so many more calls were begun.
    pub async fn asked(&self, more: u64) {
        let target = *self.asked.borrow() + more;
        self.asked.subscribe().wait_for(|asked| *asked >= target).await.expect("a counter");
    }

    fn enter(&mut self) -> Client {
        self.asked.send_modify(|asked| *asked += 1);
        self.client.borrow_and_update().clone()
    }

    /// Nobody answered: the server may be down, and up again elsewhere soon.
    async fn wait(&mut self) {
        const LONGEST: Duration = Duration::from_secs(30);
        tokio::time::timeout(LONGEST, self.client.changed()).await.ok();
    }
}

/// One job and all that was asked of it.
pub struct Record {
    number: u64,
    time: AtomicU64,
    job: OnceLock<String>,
    /// The checkpoint.
    gate: OnceLock<String>,
    operations: Mutex<Vec<Operation<Job>>>,
}

impl Record {
    /// Lets the clients loose on the job of this number; the same number asks the same things.
    pub async fn of(mut door: Door, number: u64) -> Vec<Operation<Job>> {
        let record = Arc::new(Self {
            number,
            time: AtomicU64::new(0),
            job: OnceLock::new(),
            gate: OnceLock::new(),
            operations: Mutex::default(),
        });
        let clients = (0..CLIENTS).map(|who| {
            let (record, mut door) = (record.clone(), door.clone());
            let random = Random(number * CLIENTS + who);
            tokio::spawn(async move { record.ask_around(&mut door, random).await })
        });
        for asked in clients.collect::<Vec<_>>() {
            asked.await.expect("a client");
        }
        // What it came to in the end, when nobody else asks.
        if !record.ask(&mut door, Call::Read, None).await {
            door.wait().await;
            record.ask(&mut door, Call::Read, None).await;
        }
        std::mem::take(&mut record.operations.lock().unwrap())
    }

    async fn ask_around(&self, door: &mut Door, mut random: Random) {
        self.ask(door, Call::Submit, patience(&mut random)).await;
        for _ in 0..ASKED {
            let call = match random.below(20) {
                0..=5 => Call::Read,
                6..=8 => Call::Suspend,
                9..=11 => Call::Resume,
                12 => Call::Terminate,
                13..=15 => Call::Approve,
                16 | 17 => Call::Reject,
                18 => Call::ApproveAnother,
                _ => Call::Submit,
            };
            let is_about_gate = matches!(call, Call::Approve | Call::Reject | Call::ApproveAnother);
            let call = match (self.job.get(), self.gate.get()) {
                (None, _) => Call::Submit,
                (_, None) if is_about_gate => Call::Read,
                _ => call,
            };
            let patience = patience(&mut random);
            if !self.ask(door, call, patience).await && patience.is_none() {
                door.wait().await;
            }
        }
    }

    /// Says whether there was an answer.
    async fn ask(&self, door: &mut Door, call: Call, patience: Option<Duration>) -> bool {
        let client = door.enter();
        let (method, path, body) = self.request(call);
        let key = format!("linear {}", self.number);
        let key = matches!(call, Call::Submit).then_some(key);
        let began = self.time.fetch_add(1, Ordering::SeqCst);
        let asked = client.attempt(method, &path, body, key.as_deref());
        let reply = match patience {
            Some(patience) => tokio::time::timeout(patience, asked).await.ok().flatten(),
            None => asked.await,
        };
        let ended = reply.map(|reply| (self.time.fetch_add(1, Ordering::SeqCst), reply));
        let ended = ended.map(|(at, reply)| (at, self.answer(call, &reply)));
        let is_answered = ended.is_some();
        self.operations.lock().unwrap().push(Operation { call, began, ended });
        is_answered
    }

    fn request(&self, call: Call) -> (Method, String, Option<Value>) {
        let job = || self.job.get().cloned().unwrap_or_default();
        let gate = || {
            let gate = self.gate.get().cloned().unwrap_or_default();
            format!("/api/admin/agent-checkpoints/{gate}")
        };
        let reason = || Some(json!({ "reason": "a test" }));
        let new = json!({
            "jobType": "linear", "name": "wanted", "description": "A job that many want",
            "acceptanceCriteria": "One of them gets it",
        });
        match call {
            Call::Submit => (Method::POST, "/api/jobs".to_owned(), Some(new)),
            Call::Read => (Method::GET, format!("/api/jobs/{}?include=checkpoints", job()), None),
            Call::Suspend => (Method::POST, format!("/api/admin/jobs/{}/suspend", job()), reason()),
            Call::Resume => (Method::POST, format!("/api/admin/jobs/{}/resume", job()), reason()),
            Call::Terminate => (Method::POST, format!("/api/jobs/{}/terminate", job()), reason()),
            Call::Approve => (Method::POST, gate(), Some(json!({}))),
            Call::Reject => (Method::DELETE, gate(), reason()),
            Call::ApproveAnother => {
                (Method::POST, gate(), Some(json!({ "digest": "0".repeat(64) })))
            }
        }
    }

    fn answer(&self, call: Call, reply: &Reply) -> Answer {
        let (body, status) = (&reply.body, reply.status);
        if status >= 400 {
            let code = body["type"].as_str().and_then(|code| code.rsplit('/').next());
            return Answer::Refused(code.unwrap_or("?").to_owned());
        }
        if let Some(checkpoint) = body["checkpoint"]["status"].as_str() {
            return Answer::Decided(checkpoint.to_owned());
        }
        let job = &body["job"];
        let text = |name: &str| job[name].as_str().unwrap_or("?").to_owned();
        let id = self.job.get_or_init(|| text("id"));
        assert_eq!(*id, text("id"), "one key, one job");
        if let Some(gate) = body["checkpoints"][0]["id"].as_str() {
            self.gate.get_or_init(|| gate.to_owned());
        }
        let pending = job["pendingCheckpoints"].as_u64().unwrap_or(u64::MAX);
        let shown = Shown(text("status"), text("phase"), pending);
        match call {
            Call::Submit => {
                Answer::Submitted(shown, reply.headers.contains_key("idempotent-replayed"))
            }
            _ => Answer::Job(shown),
        }
    }
}

/// Some hang up before they can hear anything.
fn patience(random: &mut Random) -> Option<Duration> {
    (random.below(6) == 0).then(|| Duration::from_micros(random.below(8_000)))
}
