//! The HTTP API, from the router down to an engine on a store in memory.

mod contract;
mod door;
mod input;
mod journey;
mod listener;
mod login;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use holdpoint::calls::{Caller, Secrets};
use holdpoint::clock::Manual;
use holdpoint::engine::{Engine, Parts};
use holdpoint::http::accounts::{self, Account};
use holdpoint::http::authorize::Role;
use holdpoint::http::{HttpState, Options, router};
use holdpoint::model::time::Timestamp;
use holdpoint::store::Memory;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// The password of every account of these tests.
const PASSWORD: &str = "correct horse";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A whole API without a listener.
pub struct Site {
    pub engine: Engine,
    pub clock: Manual,
    pub router: Router,
    ready: watch::Sender<bool>,
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The code of a problem, after checking that the answer is one as the API promises it.
    pub fn problem(&self) -> &str {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.json["success"], false);
        assert_eq!(self.json["status"], self.status.as_u16());
        for member in ["title", "detail", "instance"] {
            let text = self.json[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "no {member} in {}", self.text);
        }
        let kind = self.json["type"].as_str().unwrap_or_default();
        kind.strip_prefix("/problems/").unwrap_or_else(|| panic!("type {kind:?}"))
    }

    /// The JSON of a success with this status.
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.json["success"], true, "{}", self.text);
        self.json
    }
}

/// One request under construction.
pub struct Ask {
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

    pub fn by(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    pub fn text(mut self, kind: &str, body: &str) -> Self {
        self.body = Body::from(body.to_owned());
        self.header("content-type", kind)
    }

    pub async fn to(self, router: &Router) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, json }
    }
}

impl Site {
    pub async fn new() -> Self {
        // Their clocks run for hours between two requests.
        Self::with(Options { session_idle: None, ..Options::default() }).await
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
        Self { engine, clock, router: router(state), ready, _folder: folder }
    }

    pub async fn account(&self, email: &str, roles: &[Role]) -> Account {
        let password = PASSWORD.to_owned();
        accounts::create(&self.engine, email, password, roles.to_vec()).await.unwrap()
    }

    /// Makes an account and signs in: the cookie.
    pub async fn signed_in(&self, email: &str, roles: &[Role]) -> String {
        self.account(email, roles).await;
        self.login(email).await
    }

    pub async fn login(&self, email: &str) -> String {
        let body = serde_json::json!({"email": email, "password": PASSWORD});
        let answer = self.ask("POST", "/api/auth/login").json(&body).to(&self.router).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path)
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path).by(cookie).to(&self.router).await
    }

    pub async fn post(&self, path: &str, cookie: &str, body: &Value) -> Answer {
        self.ask("POST", path).by(cookie).json(body).to(&self.router).await
    }

    pub async fn delete(&self, path: &str, cookie: &str, body: &Value) -> Answer {
        self.ask("DELETE", path).by(cookie).json(body).to(&self.router).await
    }

    /// Asks again after every commit until the answer is as hoped.
    pub async fn until(&self, path: &str, cookie: &str, hoped: impl Fn(&Value) -> bool) -> Value {
        let mut feed = self.engine.feed();
        loop {
            let answer = self.get(path, cookie).await.ok(200);
            if hoped(&answer) {
                return answer;
            }
            let change = tokio::time::timeout(PATIENCE, feed.changed()).await;
            change.unwrap_or_else(|_| panic!("{path} stays at {answer:#}")).unwrap();
        }
    }
}
