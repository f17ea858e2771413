//! `call: http` when the other side fails: each failure has its kind and its words.

use std::collections::BTreeMap;

use holdpoint::calls::Options;
use holdpoint::model::problem::Kind;
use serde_json::json;
use tokio::net::TcpListener;

use super::server::{Reply, Server, json as json_reply, reply};
use super::{caller, detail, failure, local};

#[tokio::test]
async fn statuses_outside_the_accepted_range_are_errors() {
    let server = Server::start(|seen| {
        let status = seen.target.trim_start_matches('/').parse().unwrap_or(500);
        json_reply(status, json!({"hint": "because"}))
    })
    .await;
    let caller = caller(local(), &[]);
    let cases = [
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (404, "Not Found"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
        (599, "Unexpected status"),
    ];
    for (status, title) in cases {
        let arguments = json!({"method": "get", "endpoint": server.url(&format!("/{status}"))});
        let problem = failure(&caller, arguments, Kind::Communication).await;
        assert_eq!((problem.status, problem.title.as_deref()), (status, Some(title)));
        let words = format!("GET {} answered {status} {title}", server.url(&format!("/{status}")));
        assert!(detail(&problem).starts_with(&words), "{problem:?}");
        assert!(detail(&problem).contains("because"), "{problem:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_in_words() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let caller = caller(local(), &[]);
    let refused = json!({"method": "get", "endpoint": format!("http://{address}/p?key=1")});
    let problem = failure(&caller, refused, Kind::Communication).await;
    assert_eq!(detail(&problem), format!("GET http://{address}/p: connection refused"));
    let unknown = json!({"method": "get", "endpoint": "http://does-not-exist.invalid/"});
    let problem = failure(&caller, unknown, Kind::Communication).await;
    assert!(detail(&problem).contains("could not resolve does-not-exist.invalid"), "{problem:?}");
}

#[tokio::test]
async fn each_timeout_says_which_it_was() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/stall" => Reply::Stall,
        _ => Reply::Silence,
    })
    .await;
    let cases = [
        (Options { response_timeout_ms: 50, ..local() }, "/", "response_timeout_ms"),
        (Options { response_timeout_ms: 50, ..local() }, "/stall", "response_timeout_ms"),
        (Options { total_timeout_ms: 50, ..local() }, "/", "total_timeout_ms"),
    ];
    for (options, target, key) in cases {
        let arguments = json!({"method": "get", "endpoint": server.url(target)});
        let problem = failure(&caller(options, &[]), arguments, Kind::Timeout).await;
        assert_eq!(problem.status, 408);
        assert!(detail(&problem).contains(key), "{problem:?}");
    }
}

#[tokio::test]
async fn answers_have_a_size_and_a_depth() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/announced" => Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n".to_vec()),
        "/endless" => Reply::Endless,
        "/exact" => reply(200, "text/plain", "x".repeat(1_000)),
        "/more" => reply(200, "text/plain", "x".repeat(1_001)),
        "/deep" => reply(200, "application/json", format!("{}{}", "[".repeat(65), "]".repeat(65))),
        "/bomb" => reply(200, "application/json", "[".repeat(900)),
        _ => reply(200, "application/json", "{broken"),
    })
    .await;
    let caller = caller(Options { response_bytes_max: 1_000, ..local() }, &[]);
    let to = |target: &str| json!({"method": "get", "endpoint": server.url(target)});
    super::output(&caller, to("/exact")).await;
    for target in ["/announced", "/endless", "/more"] {
        let problem = failure(&caller, to(target), Kind::Communication).await;
        assert!(detail(&problem).contains("larger than 1000 bytes"), "{problem:?}");
        assert!(detail(&problem).contains("response_bytes_max"), "{problem:?}");
    }
    for target in ["/deep", "/bomb", "/broken"] {
        let problem = failure(&caller, to(target), Kind::Communication).await;
        assert!(detail(&problem).contains("says that it is JSON, but"), "{problem:?}");
    }
}

#[test]
fn settings_are_read_strictly() {
    let text = r#"{"allow": ["10.0.0.0/8", "agents.internal:8443"], "connect_timeout_ms": 1,
        "resolve": {"agent.example": "127.0.0.1:9000"}, "ca_files": ["/etc/ca.pem"]}"#;
    let options: Options = serde_json::from_str(text).expect("settings");
    let allow = options.allow.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(allow, ["10.0.0.0/8", "agents.internal:8443"]);
    let fixed = BTreeMap::from([("agent.example".to_owned(), ([127, 0, 0, 1], 9000).into())]);
    assert_eq!(options.resolve, fixed);
    assert_eq!(options.response_timeout_ms, Options::default().response_timeout_ms);
    for wrong in [r#"{"alow": []}"#, r#"{"allow": ["*.internal"]}"#, r#"{"artifacts": "/"}"#] {
        assert!(serde_json::from_str::<Options>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn wrong_certificate_authorities_stop_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").expect("a file");
    for path in [folder.path().join("missing.pem"), empty] {
        let options = Options { extra_roots: vec![path], ..local() };
        let error = holdpoint::calls::Caller::new(options, Default::default()).err();
        let error = error.expect("an error").to_string();
        assert!(error.contains("[egress] ca_files"), "{error}");
    }
}
