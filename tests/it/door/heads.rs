//! What stands before the body, at its limits: the last one that is taken, the first one that is
//! not. Every refusal is a problem document, those of the parser too.

use holdpoint::http::head_limits::{HEADER_BYTES_MAX, HEADERS_MAX, QUERY_BYTES_MAX, URI_BYTES_MAX};
use serde_json::Value;

use super::{connect_from, rest};
use crate::support::server;

/// Sends one request as it is and closes; the status and the code of the problem, if it is one.
async fn ask(address: std::net::SocketAddr, text: &str) -> (u16, String) {
    let mut stream = connect_from(1, address).await;
    super::say(&mut stream, text).await;
    let said = rest(&mut stream).await;
    let status = said.get(9..12).and_then(|digits| digits.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer to {} bytes: {said}", text.len()));
    let body = said.split("\r\n\r\n").nth(1).unwrap_or_default();
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    if status >= 400 {
        assert!(said.contains("content-type: application/problem+json"), "{said}");
        assert_eq!(problem["status"], status, "{said}");
    }
    let kind = problem["type"].as_str().unwrap_or_default();
    (status, kind.trim_start_matches("/problems/").to_owned())
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

/// Headers beside `Host` and `Connection`, so that all together are `count` with `bytes` of names
/// and values.
fn headers(count: usize, bytes: usize) -> String {
    let own = "host".len() + "localhost".len() + "connection".len() + "close".len();
    let (more, mut left) = (count - 2, bytes - own);
    let mut text = String::new();
    for n in 0..more {
        let name = format!("x-{n:04}");
        let value = if n + 1 == more { left - name.len() } else { 1 };
        text.push_str(&format!("{name}: {}\r\n", "v".repeat(value)));
        left -= name.len() + value;
    }
    text
}

#[tokio::test]
async fn heads_have_limits_and_every_refusal_is_a_problem() {
    let server = server::start(|_| {}).await;
    let address = server.app.address;
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    let query = |length: usize| format!("/healthz?{}", "q".repeat(length));
    let few = HEADERS_MAX / 2;
    let cases = [
        ("a long path", get(&path(URI_BYTES_MAX), ""), 404, "no-such-route"),
        ("one byte more", get(&path(URI_BYTES_MAX + 1), ""), 414, "uri-too-long"),
        ("a long query", get(&query(QUERY_BYTES_MAX), ""), 422, "invalid-request"),
        ("one byte more", get(&query(QUERY_BYTES_MAX + 1), ""), 414, "uri-too-long"),
        ("many headers", get("/healthz", &headers(HEADERS_MAX, 4_000)), 200, ""),
        ("one more", get("/healthz", &headers(HEADERS_MAX + 1, 4_000)), 431, "headers-too-large"),
        ("large headers", get("/healthz", &headers(few, HEADER_BYTES_MAX)), 200, ""),
        (
            "one byte more",
            get("/healthz", &headers(few, HEADER_BYTES_MAX + 1)),
            431,
            "headers-too-large",
        ),
        ("more than the parser takes", get("/healthz", &headers(200, 4_000)), 431, {
            "headers-too-large"
        }),
        ("larger than the parser takes", get("/healthz", &headers(few, 100_000)), 431, {
            "headers-too-large"
        }),
        ("no HTTP", "NONSENSE\r\n\r\n".to_owned(), 400, "malformed"),
        ("a space in a name", get("/healthz", "a b: c\r\n"), 400, "malformed"),
        ("two hosts", get("/healthz", "Host: evil.example\r\n"), 400, "malformed"),
    ];
    for (name, text, status, code) in cases {
        let (seen, kind) = ask(address, &text).await;
        assert_eq!((seen, kind.as_str()), (status, code), "{name}");
    }
    server.stop().await;
}
