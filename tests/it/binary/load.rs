//! Jobs in quantity: senders that create one after the other and remember every 201.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::crash::client::Client;

/// The load on a server over all its lives.
#[derive(Clone)]
pub struct Load {
    pub client: Arc<Client>,
    /// Names of jobs with the ids that a 201 gave them.
    acknowledged: Arc<Mutex<BTreeMap<String, String>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Load {
    pub fn new(client: Client) -> Self {
        let count = Arc::new(watch::Sender::new(0));
        Self { client: Arc::new(client), acknowledged: Arc::default(), count }
    }

    /// What was acknowledged so far.
    pub fn acknowledged(&self) -> BTreeMap<String, String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Waits until so many jobs were acknowledged in all.
    pub async fn reaches(&self, count: usize) {
        self.count.subscribe().wait_for(|now| *now >= count).await.unwrap();
    }

    /// Lets senders work until the server takes no more.
    pub fn send(&self, server: &str, round: usize, senders: usize) -> JoinSet<Vec<u16>> {
        let mut running = JoinSet::new();
        for sender in 0..senders {
            let (load, server) = (self.clone(), server.to_owned());
            running.spawn(async move {
                let mut refusals = Vec::new();
                for n in 0.. {
                    let name = format!("{round}-{sender}-{n}");
                    match load.order(&server, &name).await {
                        Some(201) => {}
                        Some(status) => {
                            refusals.push(status);
                            break;
                        }
                        None => break,
                    }
                }
                refusals
            });
        }
        running
    }

    /// Creates one job that calls the witness and waits a moment; answers the status.
    pub async fn order(&self, server: &str, name: &str) -> Option<u16> {
        let input = json!({"service": self.client.service.url()});
        let body = json!({"jobType": "crash-slow", "taskDescription": name, "inputData": input});
        let url = format!("{server}/api/agent-jobs");
        let (status, answer) =
            self.client.ask(Method::POST, &url, Some(name), Some(&body)).await.ok()?;
        if let (201, Some(id)) = (status, answer.pointer("/job/id").and_then(Value::as_str)) {
            self.acknowledged.lock().unwrap().insert(name.to_owned(), id.to_owned());
            self.count.send_modify(|count| *count += 1);
        }
        Some(status)
    }
}
