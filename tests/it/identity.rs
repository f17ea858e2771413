//! Who may come in and what they may do there: people, programs, tokens, sessions, owners. Attacks
//! are asked for here and must come to nothing.

mod attacks;
mod canary;
mod commands;
mod matrix;
mod owners;
mod passwords;
mod sessions;
mod standing;
mod tokens;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use holdpoint::calls::{Caller, Secrets};
use holdpoint::clock::Manual;
use holdpoint::engine::{Engine, Parts};
use holdpoint::http::accounts;
use holdpoint::http::authorize::Role;
use holdpoint::http::{HttpState, Options, router};
use holdpoint::model::time::Timestamp;
use holdpoint::store::Memory;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// The password of every account whose password does not matter.
const PASSWORD: &str = "correct horse";

/// A whole API on a store in memory, without a listener.
struct Site {
    engine: Engine,
    clock: Manual,
    router: Router,
    _ready: watch::Sender<bool>,
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status and the code of a problem.
    fn problem(&self) -> (u16, &str) {
        let kind = self.json["type"].as_str().unwrap_or_default();
        let code = kind.strip_prefix("/problems/");
        (self.status, code.unwrap_or_else(|| panic!("no problem: {} {}", self.status, self.text)))
    }

    /// The JSON of a success with this status.
    fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json["success"], true, "{}", self.text);
        self.json
    }

    /// `name=value` of the cookie that the answer sets.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }
}

/// Who asks.
#[derive(Clone, Debug)]
enum As<'a> {
    Nobody,
    Cookie(&'a str),
    Bearer(&'a str),
}

/// One request under construction.
struct Ask {
    request: axum::http::request::Builder,
    body: Body,
}

impl Ask {
    fn new(method: &str, path: &str) -> Self {
        let method: Method = method.parse().unwrap();
        let request = Request::builder().method(method).uri(path).header("host", "localhost:3000");
        Self { request, body: Body::empty() }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    fn by(self, who: &As<'_>) -> Self {
        match who {
            As::Nobody => self,
            As::Cookie(cookie) => self.header("cookie", cookie),
            As::Bearer(token) => self.header("authorization", &format!("Bearer {token}")),
        }
    }

    fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    fn text(mut self, kind: &str, body: &str) -> Self {
        self.body = Body::from(body.to_owned());
        self.header("content-type", kind)
    }

    async fn to(self, site: &Site) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // A stream of events ends when the server does: its head is the answer.
        let is_stream =
            parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream { Body::empty() } else { body };
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Manual::new(Timestamp::parse_rfc3339("2026-01-15T10:30:00Z").unwrap());
        let calls = holdpoint::calls::Options {
            artifacts: folder.path().to_owned(),
            ..holdpoint::calls::Options::default()
        };
        let secrets = Secrets::from_values(std::collections::BTreeMap::new());
        let engine = Engine::start(Parts {
            store: Arc::new(Memory::new()),
            clock: Arc::new(clock.clone()),
            caller: Caller::new(calls, secrets).unwrap(),
            workflows: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/workflows").into()),
            options: holdpoint::engine::Options::default(),
        });
        let engine = engine.await.unwrap();
        let (ready, readiness) = watch::channel(true);
        let render = Arc::new(|| "rendered 1\n".to_owned());
        let state = HttpState::new(engine.clone(), options, render, readiness).unwrap();
        Self { engine, clock, router: router(state), _ready: ready, _folder: folder }
    }

    /// Makes an account; answers its id.
    async fn account(&self, email: &str, roles: &[Role]) -> String {
        let password = PASSWORD.to_owned();
        accounts::create(&self.engine, email, password, roles.to_vec()).await.unwrap().id
    }

    /// Makes an account and signs in: the cookie.
    async fn signed_in(&self, email: &str, roles: &[Role]) -> String {
        self.account(email, roles).await;
        self.login(email).await
    }

    async fn login(&self, email: &str) -> String {
        let answer = self.try_login(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.cookie()
    }

    async fn try_login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.ask("POST", "/api/auth/login", &As::Nobody, Some(&body)).await
    }

    async fn ask(&self, method: &str, path: &str, who: &As<'_>, body: Option<&Value>) -> Answer {
        let ask = Ask::new(method, path).by(who);
        match body {
            Some(body) => ask.json(body).to(self).await,
            None => ask.to(self).await,
        }
    }

    async fn get(&self, path: &str, who: &As<'_>) -> Answer {
        self.ask("GET", path, who, None).await
    }

    async fn post(&self, path: &str, who: &As<'_>, body: &Value) -> Answer {
        self.ask("POST", path, who, Some(body)).await
    }

    /// Makes a token of whoever asks: its id and its text.
    async fn token(&self, who: &As<'_>, scopes: &[&str]) -> (String, String) {
        let body = json!({"name": "test", "scopes": scopes});
        let made = self.post("/api/auth/tokens", who, &body).await.ok(201);
        (text(&made["token"]["id"]), text(&made["secret"]))
    }

    /// Makes a token of a program: its text.
    async fn program(&self, admin: &str, name: &str, roles: &[&str], scopes: &[&str]) -> String {
        let body = json!({"kind": "agent", "agent": name, "name": "test", "roles": roles,
            "scopes": scopes});
        let made = self.post("/api/admin/tokens", &As::Cookie(admin), &body).await.ok(201);
        text(&made["secret"])
    }

    /// The actions in the audit trail with their targets, the oldest first.
    async fn facts(&self) -> Vec<(String, String)> {
        let entries = self.engine.audit_entries(0, 1000).await.unwrap();
        let facts = entries.into_iter().filter(|entry| entry.commit.is_none());
        facts.map(|entry| (entry.action, entry.target)).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// A job that waits at a checkpoint when a worker runs it.
fn new_job(name: &str) -> Value {
    json!({"name": name, "description": "sums the invoices", "acceptanceCriteria": "c",
        "jobType": "simple-task", "inputData": {"userId": "u"}})
}
