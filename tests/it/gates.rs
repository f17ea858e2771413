//! Approval gates, signed links and rules, from the router down to an engine on a store in memory:
//! whoever asks never answers, and every door leads to the same judgement.

mod callbacks;
mod examples;
mod links;
mod opening;
mod rules;
mod signatures;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use holdpoint::calls::{Caller, Secrets, Vault};
use holdpoint::clock::Manual;
use holdpoint::engine::{Engine, Options, Parts};
use holdpoint::http::accounts;
use holdpoint::http::authorize::Role;
use holdpoint::http::{self, HttpState, RateOptions, router};
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::store::Store;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::engine::weather::Weather;

/// The password of every account of these tests.
const PASSWORD: &str = "correct horse battery";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where people reach the server of these tests.
const PUBLIC_URL: &str = "http://localhost:3000";

/// Who asks.
#[derive(Clone, Debug)]
pub enum Who {
    /// Signed in, with this cookie.
    Person {
        id: String,
        cookie: String,
    },
    /// A program with this token.
    Program(String),
    Nobody,
}

impl Who {
    fn id(&self) -> &str {
        match self {
            Who::Person { id, .. } => id,
            other => panic!("{other:?} has no account"),
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of an answer with this status.
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// The kind of a problem.
    fn problem(&self) -> &str {
        let kind = self.json["type"].as_str().unwrap_or_default();
        kind.strip_prefix("/problems/").unwrap_or_else(|| panic!("no problem: {}", self.text))
    }
}

/// A whole API without a listener.
pub struct Stand {
    engine: Engine,
    clock: Manual,
    router: Router,
    closing: CancellationToken,
    store: Arc<Weather>,
    _ready: watch::Sender<bool>,
}

impl Stand {
    async fn new() -> Self {
        let now = Timestamp::parse_rfc3339("2026-01-15T10:30:00Z").unwrap();
        Self::on(Weather::new(), Manual::new(now)).await
    }

    async fn on(store: Arc<Weather>, clock: Manual) -> Self {
        let calls = holdpoint::calls::Options {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            ..holdpoint::calls::Options::default()
        };
        let secrets = Secrets::from_values(std::collections::BTreeMap::new());
        let caller = Caller::new(calls, secrets).unwrap().with_vault(Vault::from_key([7; 32]));
        let options = Options {
            public_url: Some(PUBLIC_URL.to_owned()),
            poll_interval: Span::from_millis(50),
            ..Options::default()
        };
        let shared: Arc<dyn Store> = store.clone();
        let parts = Parts {
            store: shared,
            clock: Arc::new(clock.clone()),
            caller,
            workflows: None,
            options,
        };
        let engine = Engine::start(parts).await.unwrap();
        let (ready, readiness) = watch::channel(true);
        let render = Arc::new(String::new);
        let unlimited = RateOptions {
            reads_per_minute: 0,
            writes_per_minute: 0,
            anonymous_per_minute: 0,
            limit_loopback: false,
        };
        // Time stands still here but for leaps, over which people stay signed in.
        let options =
            http::Options { rates: unlimited, session_idle: None, ..http::Options::default() };
        let state = HttpState::new(engine.clone(), options, render, readiness).unwrap();
        let closing = CancellationToken::new();
        let router = router(state.closing_with(&closing));
        Self { engine, clock, router, closing, store, _ready: ready }
    }

    /// The same data after the process has died, with a new process on it.
    async fn again(&self) -> Self {
        let store = self.store.crash();
        Self::on(store, self.clock.clone()).await
    }

    async fn person(&self, email: &str, roles: &[Role]) -> Who {
        let password = PASSWORD.to_owned();
        let account = accounts::create(&self.engine, email, password, roles.to_vec()).await;
        Who::Person { id: account.unwrap().id, cookie: self.login(email).await }
    }

    async fn login(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.ask("POST", "/api/auth/login", &Who::Nobody, Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// A program that may open gates.
    async fn program(&self, admin: &Who, name: &str) -> Who {
        let body = json!({"kind": "agent", "agent": name, "name": name, "roles": ["user"],
            "scopes": ["gates:write"]});
        let made = self.post("/api/admin/tokens", admin, &body).await.expect(201);
        let found = find_text(&made, &|text| text.starts_with("hp_"));
        Who::Program(found.unwrap_or_else(|| panic!("no token in {made:#}")))
    }

    fn request(&self, method: &str, path: &str, who: &Who) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:3000");
        match who {
            Who::Person { cookie, .. } => request.header("cookie", cookie),
            Who::Program(token) => request.header("authorization", format!("Bearer {token}")),
            Who::Nobody => request,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }

    async fn ask(&self, method: &str, path: &str, who: &Who, body: Option<&Value>) -> Answer {
        let request = self.request(method, path, who);
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    async fn get(&self, path: &str, who: &Who) -> Answer {
        self.ask("GET", path, who, None).await
    }

    async fn post(&self, path: &str, who: &Who, body: &Value) -> Answer {
        self.ask("POST", path, who, Some(body)).await
    }

    /// Opens a gate with these members beside a title and something to show.
    async fn open(&self, who: &Who, members: Value) -> Value {
        let mut body = json!({"title": "Pay?", "show": {"amount": 42}});
        let Value::Object(members) = members else { panic!("{members} is no object") };
        body.as_object_mut().unwrap().extend(members);
        let mut opened = self.post("/api/gates", who, &body).await.expect(201);
        assert!(opened["gate"]["checkpointId"].is_string(), "{opened:#}");
        opened["gate"].take()
    }

    /// Asks for a gate under this key: repeated, it is the same gate.
    async fn open_with_key(&self, who: &Who, key: &str, body: &Value) -> Answer {
        let request = self.request("POST", "/api/gates", who).header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    /// Decides a gate as this person; the answer.
    async fn decide(&self, gate: &Value, who: &Who, decision: &str) -> Answer {
        let path = format!("/api/admin/agent-checkpoints/{}/decision", text(&gate["checkpointId"]));
        let body = json!({"decision": decision, "digest": gate["digest"], "reason": "because"});
        self.post(&path, who, &body).await
    }

    /// The gate, once this holds for it.
    async fn until(&self, gate: &Value, who: &Who, holds: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/gates/{}", text(&gate["id"]));
        let mut feed = self.engine.feed();
        loop {
            feed.borrow_and_update();
            let mut answer = self.get(&path, who).await.expect(200);
            if holds(&answer["gate"]) {
                return answer["gate"].take();
            }
            let change = tokio::time::timeout(PATIENCE, feed.changed()).await;
            change.unwrap_or_else(|_| panic!("{path} stays at {answer:#}")).unwrap();
        }
    }

    /// Everything that is in the store, as text: records are opened as far as bytes are text.
    async fn dump(&self) -> String {
        let (sender, mut items) = tokio::sync::mpsc::channel(64);
        let store = self.store.clone();
        let exporting = tokio::spawn(async move { store.export(sender).await });
        let mut all = String::new();
        while let Some(item) = items.recv().await {
            texts(&serde_json::to_value(&item).unwrap(), &mut all);
        }
        exporting.await.unwrap().expect("an export");
        all
    }

    async fn until_status(&self, gate: &Value, who: &Who, status: &str) -> Value {
        self.until(gate, who, |gate| gate["status"] == status).await
    }
}

/// Every text in a value, and what each is when it is read as base64.
fn texts(value: &Value, all: &mut String) {
    match value {
        Value::String(text) => {
            all.push_str(text);
            all.push('\n');
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
            all.push_str(&String::from_utf8_lossy(&bytes));
            all.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|item| texts(item, all)),
        Value::Object(members) => members.values().for_each(|item| texts(item, all)),
        _ => {}
    }
}

/// The first text in a value for which this holds.
fn find_text(value: &Value, holds: &impl Fn(&str) -> bool) -> Option<String> {
    match value {
        Value::String(text) => holds(text).then(|| text.clone()),
        Value::Array(list) => list.iter().find_map(|item| find_text(item, holds)),
        Value::Object(members) => members.values().find_map(|item| find_text(item, holds)),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

const REVIEWER: &[Role] = &[Role::Reviewer];
const USER: &[Role] = &[Role::User];
