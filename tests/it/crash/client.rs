//! An impatient but honest client: it remembers what was acknowledged, sends again what was not,
//! and goes on after every crash where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::service::Service;
use crate::support::process::{EMAIL, PASSWORD, Pauses};

/// How long all jobs together may take to their ends; they need about a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one answer may take; a dead server answers none.
const ANSWER: Duration = Duration::from_secs(20);
/// The document whose jobs are for an agent.
const FOR_AN_AGENT: &str = "agent-task";
/// The agent of those jobs, which leaves the currency out until it is told.
const LEARNER: &str = "crash-agent-learns";
/// Every agent, and whether it does the work of one key only once.
const AGENTS: [(&str, bool); 3] =
    [("crash-agent", true), ("crash-agent-once", false), (LEARNER, true)];

/// Why the client stopped.
#[derive(Debug)]
pub enum Stop {
    /// There was no answer: the server died.
    Died,
    /// It waited in vain, or was answered what nobody should be answered.
    Wrong(String),
}

/// A job to be created.
#[derive(Clone, Copy)]
pub struct Order {
    pub name: &'static str,
    pub job_type: &'static str,
    /// What the person says at its gates.
    pub verdict: &'static str,
    pub input: fn(&Service) -> Value,
}

/// A decision that was sent.
#[derive(Clone)]
pub struct Said {
    pub body: Value,
    pub is_acknowledged: bool,
}

/// The client, over all lives of the server.
pub struct Client {
    pub service: Service,
    pub orders: &'static [Order],
    http: reqwest::Client,
    cookie: Option<String>,
    /// Names of jobs with the ids that a 201 gave them.
    pub jobs: BTreeMap<&'static str, String>,
    /// By checkpoint id.
    pub said: BTreeMap<String, Said>,
    /// Was the event taken, with a 200?
    pub event_is_acknowledged: bool,
    agents_are_known: bool,
    /// How many requests that change something were sent.
    pub changes: watch::Sender<usize>,
}

/// An answer: its status and body.
pub type Answer = (u16, Value);

impl Client {
    pub fn new(service: Service, orders: &'static [Order]) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER).build().unwrap();
        let (jobs, said) = (BTreeMap::new(), BTreeMap::new());
        Self {
            service,
            orders,
            http,
            cookie: None,
            jobs,
            said,
            event_is_acknowledged: false,
            agents_are_known: false,
            changes: watch::Sender::new(0),
        }
    }

    /// Sends a request; no answer means that the server died.
    pub async fn ask(
        &self,
        method: Method,
        url: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, Stop> {
        if method != Method::GET {
            self.changes.send_modify(|changes| *changes += 1);
        }
        let mut request = self.http.request(method, url);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|_| Stop::Died)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|_| Stop::Died)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    pub async fn get(&self, url: &str) -> Result<Value, Stop> {
        let (status, body) = self.ask(Method::GET, url, None, None).await?;
        if status == 200 { Ok(body) } else { Err(wrong("reading", url, status, &body)) }
    }

    /// Signs in once. A login that was acknowledged holds after every crash.
    pub async fn sign_in(&mut self, server: &str) -> Result<(), Stop> {
        if self.cookie.is_some() {
            return Ok(());
        }
        let url = format!("{server}/api/auth/login");
        let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
        let request = self.http.post(&url).header("content-type", "application/json").body(body);
        let response = request.send().await.map_err(|_| Stop::Died)?;
        let status = response.status().as_u16();
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        // Only an answer that arrived whole is an acknowledgement.
        let body = response.text().await.map_err(|_| Stop::Died)?;
        match cookie {
            Some(cookie) if status == 200 => self.cookie = Some(cookie),
            _ => return Err(Stop::Wrong(format!("the login was answered {status} {body}"))),
        }
        Ok(())
    }

    /// Registers the agents of the story, or tells where they are now: every story has a service of
    /// its own.
    async fn register_agents(&mut self, server: &str) -> Result<(), Stop> {
        if self.agents_are_known {
            return Ok(());
        }
        for (name, idempotent) in AGENTS {
            let path = name.trim_start_matches("crash-");
            let endpoint = format!("{}/{path}", self.service.url());
            let agent = json!({ "name": name, "idempotent": idempotent, "endpointURL": endpoint });
            let url = format!("{server}/api/admin/agents");
            let (mut status, mut body) = self.ask(Method::POST, &url, None, Some(&agent)).await?;
            if status == 409 {
                let (url, change) = (format!("{url}/{name}"), json!({ "endpointURL": endpoint }));
                (status, body) = self.ask(Method::PATCH, &url, None, Some(&change)).await?;
            }
            if !matches!(status, 200 | 201) {
                return Err(wrong("registering", &url, status, &body));
            }
        }
        self.agents_are_known = true;
        Ok(())
    }

    /// Takes over the login of another client.
    pub fn signed_in_as(mut self, other: &Client) -> Self {
        self.cookie.clone_from(&other.cookie);
        self
    }

    /// Drives every job to its end.
    pub async fn drive(&mut self, server: &str) -> Result<(), Stop> {
        self.sign_in(server).await?;
        self.register_agents(server).await?;
        self.create(server).await?;
        self.repeat_decisions(server).await?;
        let mut pauses = Pauses::within(PATIENCE);
        loop {
            let jobs = self.get(&format!("{server}/api/jobs")).await?;
            let open: Vec<&Value> = rows(&jobs, "jobs").filter(|job| !has_ended(job)).collect();
            let listens =
                open.iter().any(|job| job.pointer("/waitingFor/code") == Some(&json!("event")));
            let (acted, left) = self.decide(server).await?;
            if listens {
                self.send_event(server).await?;
            }
            if open.is_empty() && left == 0 {
                return Ok(());
            }
            if acted || listens {
                pauses.quicken();
            }
            if !pauses.pause().await {
                let open: Vec<String> = open.iter().map(|job| job_line(job)).collect();
                return Err(Stop::Wrong(format!("these never end: {}", open.join("; "))));
            }
        }
    }

    /// Creates what was not acknowledged, with the same key as before.
    async fn create(&mut self, server: &str) -> Result<(), Stop> {
        for order in self.orders {
            if !self.jobs.contains_key(order.name) {
                let id = self.order(server, order).await?;
                self.jobs.insert(order.name, id);
            }
        }
        Ok(())
    }

    /// Sends the request of a job, for the first time or again; answers the job's id.
    pub async fn order(&self, server: &str, order: &Order) -> Result<String, Stop> {
        let (route, body) = request_of(order, &(order.input)(&self.service));
        let url = format!("{server}/api/{route}");
        let (status, answer) = self.ask(Method::POST, &url, Some(order.name), Some(&body)).await?;
        match answer.pointer("/job/id").and_then(Value::as_str) {
            Some(id) if status == 201 => Ok(id.to_owned()),
            _ => Err(wrong("creating", order.name, status, &answer)),
        }
    }

    /// Sends what was said and not acknowledged once more: whatever became of it, it must hold.
    async fn repeat_decisions(&mut self, server: &str) -> Result<(), Stop> {
        let open: Vec<(String, Value)> = self
            .said
            .iter()
            .filter(|(_, said)| !said.is_acknowledged)
            .map(|(id, said)| (id.clone(), said.body.clone()))
            .collect();
        for (id, body) in open {
            self.say(server, &id, body).await?;
        }
        Ok(())
    }

    async fn say(&mut self, server: &str, id: &str, body: Value) -> Result<(), Stop> {
        self.said.insert(id.to_owned(), Said { body: body.clone(), is_acknowledged: false });
        let (status, answer) = self.decision(server, id, &body).await?;
        if status != 200 {
            return Err(wrong("deciding", id, status, &answer));
        }
        self.said.insert(id.to_owned(), Said { body, is_acknowledged: true });
        Ok(())
    }

    /// Sends a decision; answers what came back.
    pub async fn decision(&self, server: &str, id: &str, body: &Value) -> Result<Answer, Stop> {
        let url = format!("{server}/api/admin/agent-checkpoints/{id}/decision");
        self.ask(Method::POST, &url, None, Some(body)).await
    }

    /// Decides at every open checkpoint. Says whether there were any, and how many are left.
    async fn decide(&mut self, server: &str) -> Result<(bool, usize), Stop> {
        let inbox = self.get(&format!("{server}/api/admin/agent-checkpoints")).await?;
        let mut count = 0;
        for row in rows(&inbox, "checkpoints") {
            let id = row["id"].as_str().unwrap_or_default().to_owned();
            let body = match row["purpose"].as_str() {
                Some("in-doubt") => self.find_out(server, &id, row).await?,
                _ => self.judge(row),
            };
            self.say(server, &id, body).await?;
            count += 1;
        }
        Ok((count > 0, count))
    }

    fn judge(&self, row: &Value) -> Value {
        let job = row["jobId"].as_str().unwrap_or_default();
        let name = self.jobs.iter().find(|(_, id)| *id == job).map(|(name, _)| *name);
        let order = self.orders.iter().find(|order| Some(order.name) == name);
        let verdict = order.map_or("approve", |order| order.verdict);
        json!({"decision": verdict, "digest": row["digest"], "reason": "decided by the test"})
    }

    /// What a person does about a call in doubt: looks whether it arrived.
    async fn find_out(&self, server: &str, id: &str, row: &Value) -> Result<Value, Stop> {
        let detail = self.get(&format!("{server}/api/admin/agent-checkpoints/{id}")).await?;
        let key = detail.pointer("/checkpoint/shown/idempotencyKey").and_then(Value::as_str);
        let input = match self.service.answer_to(key.unwrap_or_default()) {
            Some(result) => json!({"outcome": "happened", "result": result}),
            None => json!({"outcome": "retry"}),
        };
        Ok(json!({"decision": "approve", "digest": row["digest"], "input": input}))
    }

    async fn send_event(&mut self, server: &str) -> Result<(), Stop> {
        let event = json!({"specversion": "1.0", "id": "go-1", "source": "/crash-test",
            "type": "test.crash.go", "data": {"go": true}});
        let url = format!("{server}/api/cloudevents");
        let (status, answer) = self.ask(Method::POST, &url, None, Some(&event)).await?;
        if status != 200 {
            return Err(wrong("sending", "the event", status, &answer));
        }
        self.event_is_acknowledged |= answer["delivered"].as_u64() >= Some(1);
        Ok(())
    }
}

/// Where a job is ordered, and in which words: one for an agent names it, and the rule that its
/// result is judged by.
fn request_of(order: &Order, input: &Value) -> (&'static str, Value) {
    let Order { name, job_type, .. } = order;
    if *job_type != FOR_AN_AGENT {
        let body = json!({"jobType": job_type, "taskDescription": name, "inputData": input});
        return ("agent-jobs", body);
    }
    let rule = json!({"name": "currency", "when": ".currency == \"EUR\"",
        "message": "the currency is missing"});
    let body = json!({"name": name, "description": name, "jobType": job_type, "inputData": input,
        "acceptanceCriteria": "", "acceptanceRules": [rule], "agentId": LEARNER});
    ("jobs", body)
}

fn wrong(doing: &str, what: &str, status: u16, body: &Value) -> Stop {
    Stop::Wrong(format!("{doing} {what} was answered {status}: {body}"))
}

fn rows<'a>(list: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    list[member].as_array().into_iter().flatten()
}

fn has_ended(job: &Value) -> bool {
    !matches!(job["status"].as_str(), Some("PENDING" | "ASSIGNED" | "IN_PROGRESS"))
}

fn job_line(job: &Value) -> String {
    format!("{} {} is {}, waits for {}", job["name"], job["id"], job["status"], job["waitingFor"])
}
