//! Limits of requests, over the wire: who is limited, by what, and who is not.

use reqwest::Method;
use serde_json::json;

use crate::support::client::Reply;
use crate::support::server::{self, TestServer};

/// A server that limits everybody, with few requests.
async fn strict() -> TestServer {
    server::start(|config| {
        config.http.limit_loopback = true;
        // The login of the test itself is one.
        config.http.anonymous_per_minute = 4;
        config.http.reads_per_minute = 5;
        config.http.writes_per_minute = 2;
    })
    .await
}

async fn anonymous(url: &str, path: &str, forwarded_for: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.get(format!("{url}{path}")).header("x-forwarded-for", forwarded_for);
    request.send().await.unwrap().status().as_u16()
}

fn is_refused(reply: &Reply) -> bool {
    if reply.status != 429 {
        return false;
    }
    let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait} s");
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.body["type"], "/problems/too-many-requests");
    true
}

#[tokio::test]
async fn a_principal_reads_and_writes_so_often_and_is_told_when_to_come_again() {
    let server = strict().await;
    for left in [4, 3, 2, 1, 0] {
        let reply = server.client.get("/api/jobs").await;
        assert_eq!(reply.status, 200, "{:#}", reply.body);
        assert_eq!(reply.headers["ratelimit-policy"], "\"reads\";q=5;w=60");
        assert_eq!(reply.headers["ratelimit"], format!("\"reads\";r={left};t=0"));
    }
    assert!(is_refused(&server.client.get("/api/jobs").await));
    let wish = json!({"reason": "limits"});
    for _ in 0..2 {
        let reply = server.client.post("/api/jobs/nothing/terminate", &wish).await;
        assert!(!is_refused(&reply), "writes are counted apart");
    }
    assert!(is_refused(&server.client.post("/api/jobs/nothing/terminate", &wish).await));
    for _ in 0..10 {
        assert_eq!(anonymous(&server.url, "/healthz", "").await, 200, "probes are never limited");
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_guesses_without_a_login_is_limited_by_address() {
    let server = strict().await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(anonymous(&server.url, "/api/jobs", "").await);
    }
    assert_eq!(seen, [401, 401, 401, 429], "the login of the test was the first of the four");
    // What a client claims makes it nobody else.
    assert_eq!(anonymous(&server.url, "/api/jobs", "203.0.113.9").await, 429);
    assert_eq!(anonymous(&server.url, "/api/docs", "").await, 429, "open pages count too");
    assert_eq!(server.client.get("/api/jobs").await.status, 200, "who is signed in is not limited");
    server.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_a_limit_of_its_own() {
    let server = server::start(|config| {
        config.http.behind_proxy = true;
        config.http.anonymous_per_minute = 2;
    })
    .await;
    for client in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(anonymous(&server.url, "/api/jobs", client).await, 401);
        let claimed = format!("198.51.100.5, {client}");
        assert_eq!(anonymous(&server.url, "/api/jobs", &claimed).await, 401);
        let claimed = format!("198.51.100.6, {client}");
        assert_eq!(anonymous(&server.url, "/api/jobs", &claimed).await, 429, "{client}");
    }
    server.stop().await;
}

#[tokio::test]
async fn programs_on_this_machine_are_not_limited_by_default() {
    let server = server::start(|config| {
        config.http.reads_per_minute = 1;
        config.http.writes_per_minute = 1;
        config.http.anonymous_per_minute = 1;
    })
    .await;
    for _ in 0..5 {
        let reply = server.client.send(Method::GET, "/api/jobs", None).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.headers.contains_key("ratelimit"));
        assert_eq!(anonymous(&server.url, "/api/jobs", "").await, 401);
    }
    server.stop().await;
}
