//! An agent that answers when it is told to, and remembers who called and how many at once.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub key: String,
    /// The header `x-token`.
    pub token: String,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    now: usize,
    most: usize,
}

#[derive(Clone)]
pub struct Agent {
    url: String,
    log: Arc<Mutex<Log>>,
    open: Arc<watch::Sender<bool>>,
}

impl Agent {
    /// One that answers at once, until its gate is closed.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let open = Arc::new(watch::Sender::new(true));
        let agent = Self { url, log: Arc::default(), open };
        let app = Router::new().fallback(answer).with_state(agent.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        agent
    }

    /// From now on calls hang.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Those that hang, and all that follow, are answered.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().seen.clone()
    }

    /// Calls to this path.
    pub fn calls(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }

    /// The most calls at once.
    pub fn most(&self) -> usize {
        self.log.lock().unwrap().most
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// A task that calls it.
    pub fn task(&self, method: &str, path: &str) -> Value {
        let endpoint = format!("{}{path}", self.url);
        json!({ "call": "http", "with": { "method": method, "endpoint": endpoint } })
    }
}

/// A caller that goes away takes its place with it.
struct Present(Arc<Mutex<Log>>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.lock().unwrap().now -= 1;
    }
}

fn header(request: &Request, name: &str) -> String {
    let value = request.headers().get(name);
    value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn answer(State(agent): State<Agent>, request: Request) -> Response {
    let (key, token) = (header(&request, "idempotency-key"), header(&request, "x-token"));
    let path = request.uri().path().to_owned();
    let present = Present(agent.log.clone());
    {
        let mut log = agent.log.lock().unwrap();
        log.seen.push(Seen { path: path.clone(), key, token });
        log.now += 1;
        log.most = log.most.max(log.now);
    }
    agent.open.subscribe().wait_for(|open| *open).await.expect("a gate");
    drop(present);
    let status = if path == "/fail" { 500u16 } else { 200 };
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "from": path }))).into_response()
}
