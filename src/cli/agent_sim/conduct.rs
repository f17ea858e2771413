//! The scripts of the agents, by path. What an agent does under one key it does once; only what a
//! script says is temporary (503, 429) changes from one request to the next.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{LOCATION, RETRY_AFTER};
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::watch;

use super::answer::{Answer, Content};
use super::callback;
use super::memory::{Begun, Name};
use super::request::Received;
use super::server::Shared;
use super::witness::Delivered;

/// The result of an agent that did its work.
const GOOD: &str = "done: total 42, in EUR";
/// The result of an agent that was not told better.
const POOR: &str = "total 42";
/// How long a slow agent takes, ms: longer than the callers of most tests wait.
const SLOW_MS: u64 = 8_000;
/// How long asynchronous work takes, ms.
const ASYNC_MS: u64 = 50;
/// Largest body that is asked for without a number, bytes.
const HUGE_BYTES: u64 = 64 * 1024 * 1024;
/// Where the status of asynchronous work is asked for.
const STATUS: &str = "/status/";

/// What the agent of this path answers.
pub(super) async fn answer(shared: &Arc<Shared>, request: &Received) -> Answer {
    if request.method == Method::GET && request.path == "/seen" {
        return Answer::ok(shared.witness.to_json());
    }
    if let Some(number) = request.path.strip_prefix(STATUS) {
        return status(shared, number);
    }
    match request.path.as_str() {
        "/good" => once(shared, request, good(request)),
        "/slow" => slow(shared, request).await,
        "/flaky" => flaky(shared, request),
        "/malformed" => Answer::content(Content::Text("this is not json".to_owned())),
        "/wrong-shape" => Answer::ok(json!({"unexpected": 1})),
        "/huge" => Answer::content(Content::Bytes(request.number("bytes", HUGE_BYTES))),
        "/endless" => Answer::content(Content::Endless),
        "/redirect" => Answer::json(StatusCode::FOUND, json!({}))
            .with(LOCATION, request.parameter("to").unwrap_or("/good")),
        "/async" => begin(shared, request, 1),
        "/duplicate-callback" => begin(shared, request, 2),
        "/learns" => once(shared, request, learned(request)),
        "/busy" => later(request, StatusCode::TOO_MANY_REQUESTS),
        "/refuses" => Answer::error(StatusCode::UNAUTHORIZED, "the credentials are wrong"),
        _ => Answer::error(StatusCode::NOT_FOUND, "no agent has this path; see --help"),
    }
}

fn good(request: &Received) -> Answer {
    Answer::ok(json!({"text": request.parameter("text").unwrap_or(GOOD)}))
}

fn learned(request: &Received) -> Answer {
    Answer::ok(json!({"text": if request.carries_feedback() { GOOD } else { POOR }}))
}

fn later(request: &Received, status: StatusCode) -> Answer {
    let seconds = request.number("after", 1).to_string();
    Answer::error(status, "busy, come again").with(RETRY_AFTER, seconds)
}

/// The path with the key; nothing when there is no key.
fn name(request: &Received) -> Option<Name> {
    request.key().map(|key| (request.path.clone(), key.to_owned()))
}

/// The first answer under this key.
fn once(shared: &Shared, request: &Received, answer: Answer) -> Answer {
    let begun = shared.memory.begin(name(request));
    if let Some(done) = begun.fresh {
        done.send_replace(Some(answer.clone()));
    }
    let told = begun.work.borrow().clone();
    told.unwrap_or(answer)
}

fn flaky(shared: &Shared, request: &Received) -> Answer {
    let tries = shared.memory.try_again(name(request).unwrap_or_default());
    if tries < request.number("fail", 2) {
        return later(request, StatusCode::SERVICE_UNAVAILABLE);
    }
    once(shared, request, good(request))
}

/// Work that goes on when nobody waits for it any more; a repeat finds it where it is.
async fn slow(shared: &Shared, request: &Received) -> Answer {
    let begun = shared.memory.begin(name(request));
    if let Some(done) = begun.fresh {
        let (took, answer) = (request.number("ms", SLOW_MS), good(request));
        tokio::spawn(finish(done, took, answer));
    }
    let mut work = begun.work;
    match work.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or_else(|| good(request)),
        Err(_) => Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the work was lost"),
    }
}

async fn finish(done: watch::Sender<Option<Answer>>, took_ms: u64, answer: Answer) {
    tokio::time::sleep(Duration::from_millis(took_ms)).await;
    done.send_replace(Some(answer));
}

/// Accepts the work and sends its result so many times to the callback address.
fn begin(shared: &Arc<Shared>, request: &Received, times: u32) -> Answer {
    let Begun { number, mut work, fresh } = shared.memory.begin(name(request));
    let polled_only = request.parameter("poll") == Some("only");
    if let Some(done) = fresh {
        tokio::spawn(finish(done, request.number("ms", ASYNC_MS), good(request)));
        let url = request.header("holdpoint-callback-url").filter(|_| !polled_only);
        if let Some(url) = url.map(str::to_owned) {
            let late = Duration::from_millis(request.number("late", 0));
            let (shared, sender) = (shared.clone(), (request.path.clone(), name(request)));
            tokio::spawn(async move {
                let Ok(result) = work.wait_for(Option::is_some).await.map(|done| done.clone())
                else {
                    return;
                };
                tokio::time::sleep(late).await;
                let body = match result.map(|answer| answer.content) {
                    Some(Content::Json(value)) => value.to_string(),
                    _ => String::new(),
                };
                for _ in 0..times {
                    let answered = callback::post(&url, &body).await;
                    let (path, name) = sender.clone();
                    let key = name.map(|(_, key)| key);
                    shared.witness.delivered(Delivered { path, key, answered });
                }
            });
        }
    }
    let status_url = format!("{}{STATUS}{number}", shared.base);
    let body = json!({"status": "accepted", "statusUrl": status_url});
    Answer::json(StatusCode::ACCEPTED, body).with(LOCATION, status_url).with(RETRY_AFTER, "1")
}

fn status(shared: &Shared, number: &str) -> Answer {
    let work = number.parse().ok().and_then(|number| shared.memory.work(number));
    let Some(work) = work else {
        return Answer::error(StatusCode::NOT_FOUND, "there is no such work");
    };
    let done = work.borrow().clone();
    let working = || Answer::json(StatusCode::ACCEPTED, json!({"status": "working"}));
    done.unwrap_or_else(|| working().with(RETRY_AFTER, "1"))
}
