//! The service that the test workflows call: it answers by the request alone and records every
//! request that reached it whole, with its key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// A request that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Received {
    pub path: String,
    pub key: String,
}

#[derive(Default)]
struct Record {
    received: Vec<Received>,
    /// What each key was answered.
    answers: BTreeMap<String, Value>,
    /// The first key of a path that fails at first.
    first: BTreeMap<String, String>,
    /// Requests to this path get no answer.
    held: Option<String>,
}

/// The service.
#[derive(Clone)]
pub struct Service {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
    held: watch::Receiver<bool>,
    release: Arc<Notify>,
}

impl Service {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        let (holding, held) = watch::channel(false);
        let release = Arc::new(Notify::new());
        let (log, free) = (record.clone(), release.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, holding, free) = (log.clone(), holding.clone(), free.clone());
                // A caller that dies in the middle is what the tests are about.
                tokio::spawn(async move { serve(stream, &log, &holding, &free).await.ok() });
            }
        });
        Self { address, record, held, release }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, requests to this path arrive and get no answer; none: all get one.
    pub fn hold(&self, path: Option<&str>) {
        self.record.lock().unwrap().held = path.map(str::to_owned);
    }

    /// Answers what is held, and holds no more.
    pub fn release(&self) {
        self.hold(None);
        self.release.notify_waiters();
    }

    /// Returns when a request is being held.
    pub async fn holds(&self) {
        self.held.clone().wait_for(|held| *held).await.unwrap();
    }

    /// Everything that arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.record.lock().unwrap().received.clone()
    }

    /// What the request with this key was answered, if it arrived.
    pub fn answer_to(&self, key: &str) -> Option<Value> {
        let record = self.record.lock().unwrap();
        record.answers.get(key).cloned()
    }

    /// How many keys came for each path.
    pub fn keys(&self) -> BTreeMap<String, usize> {
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for Received { path, key } in self.received() {
            keys.entry(path).or_default().insert(key);
        }
        keys.into_iter().map(|(path, keys)| (path, keys.len())).collect()
    }
}

/// The path; one agent leaves the currency out until the reasons of a refusal come with its inputs.
fn answer(path: &str, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_told = body["feedback"].as_array().is_some_and(|reasons| !reasons.is_empty());
    match path {
        "/agent-learns" if is_told => json!({ "answered": path, "currency": "EUR" }),
        _ => json!({ "answered": path }),
    }
}

async fn serve(
    stream: TcpStream,
    record: &Mutex<Record>,
    holding: &watch::Sender<bool>,
    release: &Notify,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => key = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let reply = answer(&path, &body);
    let (status, is_held) = {
        let mut record = record.lock().unwrap();
        record.received.push(Received { path: path.clone(), key: key.clone() });
        record.answers.insert(key.clone(), reply.clone());
        // The first attempt at this path fails, however often it is repeated.
        let first = record.first.entry(path.clone()).or_insert_with(|| key.clone()).clone();
        let status = if path == "/flaky" && first == key { 503 } else { 200 };
        (status, record.held.as_deref() == Some(path.as_str()))
    };
    if is_held {
        let released = release.notified();
        holding.send_replace(true);
        released.await;
    }
    let body = reply.to_string();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}
