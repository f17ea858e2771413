//! What was seen: the witness of what Holdpoint sent. Credentials and callback addresses stand in
//! it as digests, so that showing it gives nothing away.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::request::Received;

/// Requests that are remembered; older ones go.
const SEEN_MAX: usize = 10_000;
/// Bytes of a body that is no JSON which are kept.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Headers that are shown as they are. All others may hold a credential.
const SHOWN: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "holdpoint-feedback",
    "holdpoint-job-id",
    "host",
    "idempotency-key",
    "user-agent",
];

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The `Idempotency-Key`, if there was one.
    pub key: Option<String>,
    /// By lower-case name; `sha256:…` in the place of a value that may be a secret.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or the beginning of its text.
    pub body: Value,
    /// The status of the answer; none while there is none, or when nobody waited for it.
    pub answered: Option<u16>,
}

/// A callback that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivered {
    /// The path of the agent that sent it.
    pub path: String,
    /// The key of the request that asked for it.
    pub key: Option<String>,
    /// The status of its answer; none when nobody answered.
    pub answered: Option<u16>,
}

/// What was seen so far.
pub(super) struct Witness {
    /// With the number of each request.
    seen: Mutex<VecDeque<(u64, Seen)>>,
    delivered: Mutex<VecDeque<Delivered>>,
    /// Changes with every entry and every answer.
    entries: watch::Sender<u64>,
}

impl Witness {
    pub(super) fn new() -> Self {
        Self { seen: Mutex::default(), delivered: Mutex::default(), entries: watch::channel(0).0 }
    }

    /// Notes a request as it comes and says its number.
    pub(super) fn saw(&self, received: &Received) -> u64 {
        let shown = received.headers.iter().map(|(name, value)| {
            let value = match SHOWN.contains(&name.as_str()) {
                true => String::from_utf8_lossy(value.as_bytes()).into_owned(),
                false => digest(value.as_bytes()),
            };
            (name.as_str().to_owned(), value)
        });
        let seen = Seen {
            method: received.method.to_string(),
            path: received.path.clone(),
            key: received.key().map(str::to_owned),
            headers: shown.collect(),
            body: serde_json::from_slice(&received.body).unwrap_or_else(|_| {
                let cut = received.body.len().min(TEXT_BYTES_MAX);
                Value::String(String::from_utf8_lossy(&received.body.slice(..cut)).into_owned())
            }),
            answered: None,
        };
        let mut all = locked(&self.seen);
        let number = all.back().map_or(0, |(last, _)| last + 1);
        push(&mut all, (number, seen));
        drop(all);
        self.note();
        number
    }

    /// The request of this number was answered.
    pub(super) fn answered(&self, number: u64, status: u16) {
        if let Some((_, seen)) = locked(&self.seen).iter_mut().find(|(n, _)| *n == number) {
            seen.answered = Some(status);
        }
        self.note();
    }

    pub(super) fn delivered(&self, delivered: Delivered) {
        push(&mut locked(&self.delivered), delivered);
        self.note();
    }

    fn note(&self) {
        self.entries.send_modify(|entries| *entries += 1);
    }

    pub(super) fn all_seen(&self) -> Vec<Seen> {
        locked(&self.seen).iter().map(|(_, seen)| seen.clone()).collect()
    }

    pub(super) fn all_delivered(&self) -> Vec<Delivered> {
        locked(&self.delivered).iter().cloned().collect()
    }

    pub(super) fn entries(&self) -> watch::Receiver<u64> {
        self.entries.subscribe()
    }

    /// For `GET /seen`.
    pub(super) fn to_json(&self) -> Value {
        json!({"requests": self.all_seen(), "callbacks": self.all_delivered()})
    }
}

/// How a value that may be a secret is shown: whoever knows it can compare.
fn digest(value: &[u8]) -> String {
    let hash = Sha256::digest(value);
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn locked<T>(list: &Mutex<VecDeque<T>>) -> MutexGuard<'_, VecDeque<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

fn push<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == SEEN_MAX {
        list.pop_front();
    }
    list.push_back(entry);
}
