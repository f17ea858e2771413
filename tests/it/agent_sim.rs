//! The scripted agents: each path behaves as its help says, and a key gets one answer.

use std::time::Duration;

use holdpoint::cli::agent_sim::AgentSim;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Long enough on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn sim() -> AgentSim {
    AgentSim::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn client() -> Client {
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap()
}

async fn post(sim: &AgentSim, path: &str, key: &str, body: Value) -> Response {
    let request = client().post(sim.url(path)).header("Idempotency-Key", key);
    request.json(&body).send().await.unwrap()
}

async fn told(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn each_agent_answers_by_its_script() {
    let sim = sim().await;
    let good = json!({"text": "done: total 42, in EUR"});
    let rows = [
        ("/good", 200, good.clone()),
        ("/good?text=a%20b", 200, json!({"text": "a b"})),
        ("/slow?ms=1", 200, good),
        ("/malformed", 200, Value::Null),
        ("/wrong-shape", 200, json!({"unexpected": 1})),
        ("/learns", 200, json!({"text": "total 42"})),
    ];
    for (place, (path, status, body)) in rows.into_iter().enumerate() {
        let answer = told(post(&sim, path, &format!("key-{place}"), json!({})).await).await;
        assert_eq!(answer, (status, body), "{path}");
    }
    for (path, status) in [("/busy", 429), ("/refuses", 401), ("/redirect", 302), ("/none", 404)] {
        let answer = post(&sim, path, "key", json!({})).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let busy = post(&sim, "/busy?after=7", "key", json!({})).await;
    assert_eq!(busy.headers()["retry-after"], "7");
    let away = post(&sim, "/redirect?to=/slow", "key", json!({})).await;
    assert_eq!(away.headers()["location"], "/slow");
}

#[tokio::test]
async fn a_flaky_agent_counts_for_each_key() {
    let sim = sim().await;
    for key in ["one", "two"] {
        for expected in [503, 503, 200, 200] {
            let answer = post(&sim, "/flaky?fail=2&after=3", key, json!({})).await;
            assert_eq!(answer.status().as_u16(), expected, "{key}");
            assert_eq!(answer.headers().contains_key("retry-after"), expected == 503);
        }
    }
}

#[tokio::test]
async fn an_agent_learns_from_feedback_and_keeps_to_what_it_said_under_a_key() {
    let sim = sim().await;
    let better = json!({"feedback": ["the currency is missing"]});
    let poor = json!({"text": "total 42"});
    assert_eq!(told(post(&sim, "/learns", "one", json!({})).await).await.1, poor);
    // The same key is the same work, whatever comes with it.
    assert_eq!(told(post(&sim, "/learns", "one", better.clone()).await).await.1, poor);
    let learned = told(post(&sim, "/learns", "two", better).await).await.1;
    assert_eq!(learned, json!({"text": "done: total 42, in EUR"}));
    let request = client().post(sim.url("/learns")).header("Holdpoint-Feedback", "%5B%22x%22%5D");
    assert_eq!(told(request.send().await.unwrap()).await.1, learned);
}

#[tokio::test]
async fn bodies_are_as_large_as_they_are_asked_for_or_have_no_end() {
    let sim = sim().await;
    let huge = post(&sim, "/huge?bytes=100000", "key", json!({})).await;
    assert_eq!(huge.content_length(), Some(100_000));
    assert_eq!(huge.bytes().await.unwrap().len(), 100_000);
    let mut endless = post(&sim, "/endless", "key", json!({})).await;
    assert_eq!(endless.content_length(), None);
    let mut read = 0;
    while read < 1_000_000 {
        read += endless.chunk().await.unwrap().unwrap().len();
    }
}

/// Takes one request and answers it with this status; its body is what is returned.
async fn receive(listener: &TcpListener, status: u16) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.ends_with('}') {
        let length = stream.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    let answer = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /callbacks/token-1 "), "{head}");
    body.to_owned()
}

#[tokio::test]
async fn an_asynchronous_agent_brings_its_result_and_shows_it() {
    let sim = sim().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks/token-1", listener.local_addr().unwrap());
    for (path, times) in [("/async?ms=1", 1), ("/duplicate-callback?ms=1", 2)] {
        let request = client().post(sim.url(path)).header("Holdpoint-Callback-Url", &url);
        let request = request.header("Idempotency-Key", "one").json(&json!({}));
        let again = request.try_clone().unwrap();
        let (status, body) = told(request.send().await.unwrap()).await;
        assert_eq!(status, 202, "{path}");
        for time in 0..times {
            let status = if time == 0 { 200 } else { 409 };
            let brought = timeout(PATIENCE, receive(&listener, status)).await.unwrap();
            assert_eq!(brought, r#"{"text":"done: total 42, in EUR"}"#);
        }
        let status_url = body["statusUrl"].as_str().unwrap();
        let shown = told(client().get(status_url).send().await.unwrap()).await;
        assert_eq!(shown, (200, json!({"text": "done: total 42, in EUR"})));
        // A repeat is the same work: the same address, and no further callback.
        assert_eq!(told(again.send().await.unwrap()).await, (202, body));
    }
    timeout(PATIENCE, sim.wait_until(|sim| sim.delivered().len() == 3)).await.unwrap();
    let answered: Vec<_> = sim.delivered().iter().map(|sent| sent.answered).collect();
    assert_eq!(answered, [Some(200), Some(200), Some(409)]);
}

#[tokio::test]
async fn an_agent_that_is_only_polled_calls_nobody() {
    let sim = sim().await;
    let request = client().post(sim.url("/async?poll=only&ms=60000"));
    let request = request.header("Holdpoint-Callback-Url", "http://127.0.0.1:9/x");
    let (status, body) = told(request.send().await.unwrap()).await;
    assert_eq!(status, 202);
    let shown = client().get(body["statusUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(shown.status().as_u16(), 202);
    assert_eq!(shown.headers()["retry-after"], "1");
    assert_eq!(client().get(sim.url("/status/99")).send().await.unwrap().status().as_u16(), 404);
    assert!(sim.delivered().is_empty());
}

#[tokio::test]
async fn the_witness_tells_what_came_and_no_secret() {
    let sim = sim().await;
    let request = client().post(sim.url("/good")).bearer_auth("canary-secret-7781");
    let request = request.header("Holdpoint-Callback-Url", "http://127.0.0.1:9/token-canary");
    let request = request.header("Idempotency-Key", "key-1").json(&json!({"task": "sum"}));
    request.send().await.unwrap();
    let (_, seen) = told(client().get(sim.url("/seen")).send().await.unwrap()).await;
    let text = seen.to_string();
    assert!(!text.contains("canary"), "{text}");
    let row = &seen["requests"][0];
    assert_eq!(row["method"], "POST");
    assert_eq!(row["path"], "/good");
    assert_eq!(row["key"], "key-1");
    assert_eq!(row["body"], json!({"task": "sum"}));
    assert_eq!(row["answered"], 200);
    assert!(row["headers"]["authorization"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(seen["requests"].as_array().unwrap().len(), 1);
}
