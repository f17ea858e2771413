//! What callers pretend: another site, another host, members that are not theirs to set, lines of
//! the log.

use holdpoint::http::openapi;
use holdpoint::telemetry::one_line::{OneLine, harmless};
use serde_json::{Value, json};

use super::{answer, connect_from, say};
use crate::support::lines::Lines;
use crate::support::server;

/// What a page of another site can make a browser send, in twenty ways (threats T19 and T29).
const CROSS_SITE: &[&[(&str, &str)]] = &[
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
    &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://localhost")],
    &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost")],
    &[("Sec-Fetch-Site", "cross-site"), ("Content-Type", "text/plain")],
    &[("Sec-Fetch-Site", "cross-site"), ("X-Requested-With", "XMLHttpRequest")],
    &[("Origin", "https://evil.example")],
    &[("Origin", "http://localhost.evil.example")],
    &[("Origin", "http://evil.example/http://localhost")],
    &[("Origin", "http://localhost:1")],
    &[("Origin", "http://127.0.0.1")],
    &[("Origin", "https://evil.example"), ("Referer", "http://localhost/")],
    &[("Origin", "https://evil.example"), ("X-Forwarded-Host", "evil.example")],
    &[("Origin", "https://evil.example"), ("Forwarded", "host=evil.example")],
    &[("Origin", "null")],
    &[("Origin", "file://")],
    &[("Origin", "chrome-extension://abcdef")],
    &[("Origin", "http://localhost@evil.example")],
];

#[tokio::test]
async fn no_page_of_another_site_changes_anything() {
    let server = server::start(|_| {}).await;
    let cookie = server.client.cookie().to_owned();
    assert_eq!(CROSS_SITE.len(), 20);
    let body = r#"{"name":"planted","job":{"name":"n"}}"#;
    for headers in CROSS_SITE {
        let mut head = format!(
            "POST /api/templates HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            head += "Content-Type: application/json\r\n";
        }
        for (name, value) in *headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = connect_from(1, server.app.address).await;
        say(&mut stream, &format!("{head}\r\n{body}")).await;
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 403 "), "{headers:?}: {said}");
        assert!(said.contains("/problems/cross-origin"), "{headers:?}: {said}");
    }
    let listed = server.client.get("/api/templates").await.expect(200);
    assert_eq!(listed["templates"], json!([]));
    server.stop().await;
}

/// A name of another site that points to this machine (DNS rebinding): the browser believes that
/// it asks the other site, so `Origin` and `Sec-Fetch-Site` look right.
#[tokio::test]
async fn a_name_that_was_pointed_here_gets_nothing() {
    let server = server::start(|_| {}).await;
    let cookie = server.client.cookie().to_owned();
    for host in [
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "0.0.0.0",
    ] {
        for path in ["/api/jobs", "/healthz", "/api/openapi.json", "/api/metrics"] {
            let mut stream = connect_from(1, server.app.address).await;
            let head = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
                 Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\r\n"
            );
            say(&mut stream, &head).await;
            let said = answer(&mut stream).await;
            assert!(said.starts_with("HTTP/1.1 421 "), "{host} {path}: {said}");
        }
        // An absolute target counts before the header.
        let mut stream = connect_from(1, server.app.address).await;
        let head = format!("GET http://{host}/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        say(&mut stream, &head).await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 421 "), "{host}");
    }
    server.stop().await;
}

/// Members that only the engine or an admin sets (threat T16).
const NOT_THEIRS: &[&str] = &[
    "status",
    "phase",
    "result",
    "id",
    "owner",
    "userId",
    "createdAt",
    "completedAt",
    "roles",
    "isActive",
    "version",
    "fence",
    "decision",
    "decidedBy",
    "principal",
    "success",
];

#[tokio::test]
async fn members_that_are_not_the_callers_to_set_are_refused() {
    let server = server::start(|_| {}).await;
    let job = json!({"name": "Job", "description": "Something",
        "acceptanceCriteria": "It is done", "autoExecute": false});
    let agent_job = json!({"jobType": "simple-task", "taskDescription": "Something"});
    let template = json!({"name": "t", "job": {"name": "n"}});
    for (path, right) in
        [("/api/jobs", job), ("/api/agent-jobs", agent_job), ("/api/templates", template)]
    {
        for member in NOT_THEIRS {
            let mut body = right.clone();
            if body.get(*member).is_some() {
                continue;
            }
            body[*member] = json!("planted");
            let reply = server.client.post(path, &body).await;
            assert_eq!(reply.status, 422, "{path} {member}: {:#}", reply.body);
            let pointer = format!("/{member}");
            assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{path}: {:#}", reply.body);
        }
    }
    server.stop().await;
}

/// A list is no object, whatever its items are: nobody sets members by their place.
#[tokio::test]
async fn a_list_is_not_taken_for_an_object() {
    let server = server::start(|_| {}).await;
    let id = server.client.get("/api/auth/me").await.expect(200)["user"]["id"].take();
    let user = format!("/api/admin/users/{}", id.as_str().unwrap());
    for body in [json!([]), json!([null, null]), json!(["name", "x"])] {
        let reply = server.client.patch(&user, &body).await;
        assert_eq!(reply.status, 422, "{body}: {:#}", reply.body);
        let reply = server.client.post("/api/templates", &body).await;
        assert_eq!(reply.status, 422, "{body}: {:#}", reply.body);
    }
    server.stop().await;
}

/// Every object that a caller may send says that it takes no other member.
#[test]
fn no_request_takes_members_that_it_does_not_name() {
    let options = holdpoint::http::Options::default();
    let document = openapi::routes(&options).1.to_json().unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(reference) = schema["$ref"].as_str() else { continue };
            let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
            checked += 1;
            let closed = schema["additionalProperties"] == false;
            assert!(closed || schema["properties"].is_null(), "{method} {path}: {reference}");
        }
    }
    assert!(checked > 10, "{checked}");
}

/// Threat T22: one event is one line that begins as an event does, whatever its fields hold.
#[test]
fn nobody_forges_a_line_of_the_log() {
    let payloads = [
        "x\n2026-01-01T00:00:00Z  INFO holdpoint: the checkpoint was approved",
        "x\r\n2026-01-01T00:00:00Z ERROR forged",
        "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}",
        "x\u{2028}forged\u{2029}forged",
        "x\u{85}forged\u{b}forged\u{c}forged",
        "\u{202e}desrever\u{200b}\u{e0041}",
        "x\u{0}y\u{9b}31m",
    ];
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(OneLine::new(move || writer.clone(), false))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        for payload in payloads {
            tracing::info!(name = payload, shown = %payload, "an event");
            tracing::info!("an event about {payload}");
        }
    });
    let text = lines.text();
    let begun = text.lines().filter(|line| line.contains("an event")).count();
    assert_eq!(begun, payloads.len() * 2, "{text}");
    for line in text.lines() {
        assert!(line.contains(" INFO ") && line.contains("an event") || line.starts_with("    | "));
        assert!(!line.starts_with("2026-01-01"), "forged: {line}");
    }
    let odd = |c: char| c != '\n' && (c.is_control() || "\u{2028}\u{2029}\u{202e}".contains(c));
    assert!(!text.contains(odd), "{text:?}");
    assert_eq!(harmless("\u{1b}[1mbold\u{1b}[0m\n", true), "\u{1b}[1mbold\u{1b}[0m\n");
}

/// The same through a whole server: names with line ends are taken, shown escaped, and do no harm.
#[tokio::test]
async fn names_that_look_like_lines_are_only_names() {
    let server = server::start(|_| {}).await;
    let name = "quarterly\u{2028}report\u{1b}[31m";
    let body = json!({"name": name, "description": "Something",
        "acceptanceCriteria": "It is done", "autoExecute": false});
    let reply = server.client.post("/api/jobs", &body).await;
    assert!(matches!(reply.status, 201 | 422), "{:#}", reply.body);
    let metrics = server.client.text("/api/metrics").await;
    assert!(!metrics.contains("quarterly"), "a name is no label");
    server.stop().await;
}
