//! The two services of the internet that the kit calls, answered here: the pet store and httpbin. They
//! remember what they were asked, so that a scenario also has to send what it says.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::https::{Https, serve};

const PET_STORE: &str = "petstore.swagger.io";
const HTTPBIN: &str = "httpbin.org";
/// Whose names the services have.
pub const NAMES: &[&str] = &[PET_STORE, HTTPBIN];

/// What each scenario that calls must send, in its order.
const REQUESTS: &[(&str, &[&str])] = &[
    (
        "Call HTTP With Content Output",
        &["GET petstore.swagger.io/v2/pet/findByStatus?status=available"],
    ),
    ("Call HTTP With Response Output", &["GET petstore.swagger.io/v2/pet/1"]),
    (
        "Call HTTP Using Basic Authentication",
        &["GET httpbin.org/basic-auth/serverless-workflow/conformance-test"],
    ),
    ("Output Filtering", &["GET petstore.swagger.io/v2/pet/1"]),
    (
        "Use Non-object Output",
        &["GET petstore.swagger.io/v2/pet/1", "GET petstore.swagger.io/v2/pet/2"],
    ),
    ("A call that is not answered well", &["GET petstore.swagger.io/v2/pet/getPetByName/Milou"]),
    ("A call is tried again", &["GET petstore.swagger.io/v2/pet/getPetByName/Milou"; 3]),
    ("A call with the wrong password", &["GET httpbin.org/basic-auth/ada/right"]),
    ("Try Handle Caught Error", &["GET petstore.swagger.io/v2/pet/getPetByName/Milou"]),
    ("Try Raise Uncaught Error", &["GET petstore.swagger.io/v2/pet/getPetByName/Milou"]),
];

type Log = Arc<Mutex<Vec<String>>>;

/// Both services, running.
pub struct Services {
    pub https: Https,
    asked: Log,
}

impl Services {
    pub async fn start() -> Self {
        let asked = Log::default();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        Self { https: serve(NAMES, routes).await, asked }
    }

    /// Was there sent what this scenario says, since it was last asked? A scenario that is not
    /// listed sends nothing.
    pub fn were_asked_by(&self, scenario: &str) -> Result<(), String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let listed = REQUESTS.iter().find(|(name, _)| *name == scenario);
        let expected = listed.map_or(&[] as &[&str], |(_, requests)| requests);
        if asked == expected { Ok(()) } else { Err(format!("sent {asked:?}, not {expected:?}")) }
    }
}

async fn answer(
    State(log): State<Log>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    log.lock().unwrap().push(format!("{method} {}{uri}", header(HOST)));
    let segments: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let pet = |id: u64| json!({"id": id, "name": "milou", "status": "available"});
    let found = match (header(HOST), segments.as_slice()) {
        (PET_STORE, ["v2", "pet", "findByStatus"]) => Some(json!([pet(1), pet(2)])),
        (PET_STORE, ["v2", "pet", id]) => id.parse().ok().map(pet),
        (HTTPBIN, ["basic-auth", user, password]) => {
            let expected =
                format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
            if header(AUTHORIZATION) != expected {
                return (StatusCode::UNAUTHORIZED, Json(Value::Null));
            }
            Some(json!({"authenticated": true, "user": user}))
        }
        _ => None,
    };
    match found {
        Some(body) => (StatusCode::OK, Json(body)),
        None => (StatusCode::NOT_FOUND, Json(json!({"code": 404, "message": "not found"}))),
    }
}
