//! Tokens, links, ids of events and cookies as they come over the wire: the whole door in this
//! process, with texts that nobody was given. Nothing opens, and nothing is a server error.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use holdpoint::calls::{Caller, Secrets, Vault};
use holdpoint::clock::Manual;
use holdpoint::engine::{CallbackBody, Engine, EngineError, Parts};
use holdpoint::http::{HttpState, Options, router};
use holdpoint::model::time::Timestamp;
use holdpoint::store::Memory;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use tower::ServiceExt;

use super::run;

/// An engine with a key, and the door in front of it.
async fn door() -> (Engine, Router) {
    let caller =
        Caller::new(holdpoint::calls::Options::default(), Secrets::from_values(BTreeMap::new()));
    let engine = Engine::start(Parts {
        store: Arc::new(Memory::new()),
        clock: Arc::new(Manual::new(Timestamp(1_000_000))),
        caller: caller.unwrap().with_vault(Vault::from_key([7; 32])),
        workflows: None,
        options: holdpoint::engine::Options::default(),
    });
    let engine = engine.await.unwrap();
    let (_, ready) = tokio::sync::watch::channel(true);
    let state = HttpState::new(engine.clone(), Options::default(), Arc::new(String::new), ready);
    (engine, router(state.unwrap()))
}

/// Every input of a target.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    run(target, 3, |input| inputs.push(input.to_vec()));
    inputs
}

async fn status(router: &Router, request: Request<Body>) -> u16 {
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

/// No token that was not given out is taken for one.
#[tokio::test]
async fn callback_tokens() {
    let (engine, _) = door().await;
    for input in inputs("tokens") {
        let token = String::from_utf8_lossy(&input).into_owned();
        let taken = engine.callback(&token, CallbackBody::Result(Value::Null)).await;
        assert!(matches!(taken, Err(EngineError::BadCallback)), "{token}: {taken:?}");
    }
    engine.stop().await;
}

#[tokio::test]
async fn texts_in_headers() {
    let (engine, router) = door().await;
    for input in inputs("tokens") {
        let text = [b"Bearer ", &input[..]].concat();
        let cookie = [b"holdpoint_session=", &input[..]].concat();
        for (name, value) in [
            ("authorization", text),
            ("cookie", cookie),
            ("last-event-id", input.clone()),
            ("idempotency-key", input.clone()),
        ] {
            // What is no value of a header never gets past the parser.
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            let path = "/api/gates/0190aaaa-0000-7000-8000-000000000000/events";
            let request = Request::get(path).header("host", "localhost").header(name, value);
            let seen = status(&router, request.body(Body::empty()).unwrap()).await;
            assert!(matches!(seen, 400 | 401 | 414 | 429 | 431), "{seen}: {name} {input:?}");
        }
    }
    engine.stop().await;
}

#[tokio::test]
async fn texts_in_paths() {
    let (engine, router) = door().await;
    for input in inputs("tokens") {
        let segment = percent_encode(&input, NON_ALPHANUMERIC).to_string();
        for (method, path) in [
            ("GET", format!("/links/{segment}")),
            ("POST", format!("/links/{segment}")),
            ("POST", format!("/api/callbacks/{segment}")),
            ("GET", format!("/problems/{segment}")),
            ("GET", format!("/api/jobs/{segment}")),
            ("GET", format!("/api/audit?cursor={segment}")),
        ] {
            let request = Request::builder().method(method).uri(path).header("host", "localhost");
            let request = request.header("content-type", "application/json");
            let Ok(request) = request.body(Body::from("null")) else { continue };
            let seen = status(&router, request).await;
            assert!((400..500).contains(&seen), "{seen}: {method} {input:?}");
        }
    }
    engine.stop().await;
}
