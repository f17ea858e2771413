//! Who a request comes from, and where one ends: addresses that clients claim, and heads that two
//! servers would read in two ways (threat T30).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::any;
use holdpoint::http::Options;
use holdpoint::http::client_address::client_address;
use serde_json::json;

use super::{connect_from, rest, say, serve};
use crate::support::server;

/// Lines of `X-Forwarded-For`, and the address that is believed behind a proxy; the peer is
/// 127.0.0.1.
const CLAIMS: &[(&[&str], &str)] = &[
    (&[], "127.0.0.1"),
    (&["203.0.113.7"], "203.0.113.7"),
    (&["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
    (&["10.0.0.1", "203.0.113.7"], "203.0.113.7"),
    (&["203.0.113.7", "10.0.0.1, 198.51.100.2"], "198.51.100.2"),
    (&["127.0.0.1, ::1, 203.0.113.7"], "203.0.113.7"),
    (&["  203.0.113.7  "], "203.0.113.7"),
    (&["203.0.113.7:4711"], "203.0.113.7"),
    (&["2001:db8::7"], "2001:db8::7"),
    (&["[2001:db8::7]"], "2001:db8::7"),
    (&["[2001:db8::7]:4711"], "2001:db8::7"),
    (&["::ffff:203.0.113.7"], "203.0.113.7"),
    (&[""], "127.0.0.1"),
    (&["unknown"], "127.0.0.1"),
    (&["203.0.113.7,"], "127.0.0.1"),
    (&["203.0.113.7, evil"], "127.0.0.1"),
    (&["for=203.0.113.7"], "127.0.0.1"),
    (&["203.0.113.7; 10.0.0.1"], "127.0.0.1"),
    (&["0x7f.1"], "127.0.0.1"),
    (&["203.0.113.7\u{e9}"], "127.0.0.1"),
];
/// Headers that say something of the client and are never believed.
const NEVER: &[(&str, &str)] = &[
    ("forwarded", "for=203.0.113.7;proto=https;host=evil.example"),
    ("x-real-ip", "203.0.113.7"),
    ("true-client-ip", "203.0.113.7"),
    ("cf-connecting-ip", "203.0.113.7"),
    ("x-client-ip", "203.0.113.7"),
    ("x-forwarded", "203.0.113.7"),
];

#[test]
fn one_hop_is_believed_behind_a_proxy_and_nobody_else_ever() {
    let direct = Options::default();
    let proxied = Options { behind_proxy: true, ..Options::default() };
    let peer = Some("127.0.0.1".parse().unwrap());
    for (lines, believed) in CLAIMS {
        let mut headers = HeaderMap::new();
        for (name, value) in NEVER {
            headers.append(*name, value.parse().unwrap());
        }
        for line in *lines {
            let value = axum::http::HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append("x-forwarded-for", value);
        }
        let seen = client_address(&direct, &headers, peer);
        assert_eq!(seen, peer, "without a proxy {lines:?} is only a claim");
        let seen = client_address(&proxied, &headers, peer).unwrap();
        assert_eq!(seen.to_string(), *believed, "{lines:?}");
    }
}

/// What a client says of the scheme changes neither the cookie nor who is same-origin.
#[tokio::test]
async fn nobody_can_claim_to_have_come_over_tls() {
    let server = server::start(|_| {}).await;
    let claims = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n\
                  Forwarded: proto=https;host=evil.example\r\n";
    let (email, password) = ("proxy@tests.example", server.app.make_admin("proxy@tests.example"));
    let body = json!({"email": email, "password": password.await.unwrap()}).to_string();
    let length = body.len();
    let login = |more: &str| {
        format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{claims}\
             {more}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let mut stream = connect_from(1, server.app.address).await;
    say(&mut stream, &login("")).await;
    let said = rest(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let cookie = said.lines().find(|line| line.starts_with("set-cookie: ")).unwrap();
    assert!(!cookie.contains("Secure") && !cookie.contains("__Host-"), "{cookie}");
    for origin in ["https://evil.example", "https://localhost.evil.example", "null"] {
        let mut stream = connect_from(1, server.app.address).await;
        say(&mut stream, &login(&format!("Origin: {origin}\r\n"))).await;
        let said = rest(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 403 "), "{origin}: {said}");
    }
    server.stop().await;
}

/// Requests within requests: a server in front might see one where there are two.
const SMUGGLED: &[(&str, &str, bool)] = &[
    ("two lengths that differ", "Content-Length: 4\r\nContent-Length: 40\r\n\r\nbody", false),
    ("a list of lengths", "Content-Length: 4, 40\r\n\r\nbody", false),
    ("a length with a sign", "Content-Length: +4\r\n\r\nbody", false),
    ("a negative length", "Content-Length: -4\r\n\r\nbody", false),
    ("a length in hex", "Content-Length: 0x4\r\n\r\nbody", false),
    ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", true),
    ("chunked, then not", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", false),
    (
        "a length beside chunks",
        { "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        true,
    ),
    ("a chunk with a bad size", "Transfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n", true),
    ("a folded header", "X-A: b\r\n Content-Length: 4\r\n\r\nbody", false),
    ("a bare line feed in a value", "X-A: b\nContent-Length : 4\r\n\r\nbody", false),
    ("a space before the colon", "Content-Length : 4\r\n\r\nbody", false),
    ("a NUL in a value", "X-A: \0\r\nContent-Length: 4\r\n\r\nbody", false),
];

#[tokio::test]
async fn a_request_hidden_in_another_is_never_served() {
    for (name, rest_of_head, may_reach) in SMUGGLED {
        let (first, hidden) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count_first, count_hidden) = (Arc::clone(&first), Arc::clone(&hidden));
        let router = Router::new()
            .route(
                "/first",
                any(async move |body: Result<Bytes, axum::extract::rejection::BytesRejection>| {
                    count_first.fetch_add(1, Ordering::SeqCst);
                    format!("{} bytes", body.map_or(0, |body| body.len()))
                }),
            )
            .route(
                "/hidden",
                any(async move || {
                    count_hidden.fetch_add(1, Ordering::SeqCst);
                    "hidden"
                }),
            );
        let served = serve(router, Options::default()).await;
        let mut stream = connect_from(1, served.address).await;
        let head = format!("POST /first HTTP/1.1\r\nHost: localhost\r\n{rest_of_head}");
        let hidden_head = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";
        say(&mut stream, &format!("{head}{hidden_head}")).await;
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.ok();
        let said = rest(&mut stream).await;
        let reached = first.load(Ordering::SeqCst);
        assert!(reached <= usize::from(*may_reach), "{name}: {said}");
        if !may_reach {
            assert!(said.starts_with("HTTP/1.1 400 "), "{name}: {said}");
            assert_eq!(hidden.load(Ordering::SeqCst), 0, "{name}: {said}");
        }
    }
}
