//! Clients that are slow on purpose: with nothing, with a head, with a body, with reading.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use holdpoint::http::Options;
use tokio::io::AsyncWriteExt;

use super::{GET, answer, connect_from, rest, say, serve};

/// Slow clients of one test. Every one holds a connection.
const SLOW: usize = 500;
/// What a test waits for to happen, where the figure itself says nothing.
const SHORT: Duration = Duration::from_millis(50);

fn quick() -> Router {
    Router::new().route("/", get(|| async { "served" }))
}

fn patient() -> Options {
    Options {
        header_timeout: Duration::from_secs(600),
        idle_timeout: Duration::from_secs(600),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed() {
    let served = serve(quick(), Options { header_timeout: SHORT, ..patient() }).await;
    let mut silent = connect_from(1, served.address).await;
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_connection_that_rests_is_closed_after_its_answer() {
    let served = serve(quick(), Options { idle_timeout: SHORT, ..patient() }).await;
    let mut client = connect_from(1, served.address).await;
    say(&mut client, GET).await;
    assert!(answer(&mut client).await.ends_with("served"));
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_connection_may_rest_longer_than_a_head_may_take() {
    let served = serve(quick(), Options { header_timeout: SHORT, ..patient() }).await;
    let mut client = connect_from(1, served.address).await;
    let mut other = connect_from(1, served.address).await;
    say(&mut client, GET).await;
    assert!(answer(&mut client).await.ends_with("served"));
    // The silent one is closed after the time for a head: so long has the first one rested.
    assert_eq!(rest(&mut other).await, "");
    say(&mut client, GET).await;
    assert!(answer(&mut client).await.ends_with("served"));
}

#[tokio::test]
async fn a_head_that_does_not_end_is_told_so() {
    let served = serve(quick(), Options { header_timeout: SHORT, ..patient() }).await;
    let mut client = connect_from(1, served.address).await;
    say(&mut client, "GET / HTTP/1.1\r\nHost: loc").await;
    let said = rest(&mut client).await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.contains("/problems/request-timeout"), "{said}");
}

#[tokio::test]
async fn the_head_of_a_second_request_has_its_time_too() {
    let options = Options { header_timeout: SHORT, ..patient() };
    let served = serve(quick(), options).await;
    let mut client = connect_from(1, served.address).await;
    say(&mut client, GET).await;
    assert!(answer(&mut client).await.ends_with("served"));
    say(&mut client, "GET / HT").await;
    assert!(rest(&mut client).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_let_go() {
    // Larger than what the system buffers for both ends.
    let large = || async { Body::from(vec![b'x'; 64 * 1024 * 1024]) };
    let router = Router::new().route("/", get(large));
    let options = Options { send_timeout: SHORT, connections_max: 1, ..patient() };
    let served = serve(router, options).await;
    let mut greedy = connect_from(1, served.address).await;
    say(&mut greedy, GET).await;
    // It has the only place and a request under way, so another one is served only when it is gone.
    let mut honest = connect_from(2, served.address).await;
    say(&mut honest, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer(&mut honest).await.starts_with("HTTP/1.1 404 "));
}

/// Threat T13: heads that never end, bodies that never end, connections that say nothing.
#[tokio::test]
async fn an_honest_client_is_served_while_hundreds_are_slow() {
    let served = serve(quick(), Options { connections_max: 300, ..patient() }).await;
    let mut slow = Vec::new();
    for n in 0..SLOW {
        let from = u8::try_from(n % 5 + 10).unwrap();
        let mut stream = connect_from(from, served.address).await;
        match n % 3 {
            0 => say(&mut stream, "GET / HTTP/1.1\r\nX-Slow: ").await,
            1 => say(&mut stream, "POST / HTTP/1.1\r\nContent-Le").await,
            _ => {}
        }
        slow.push(stream);
    }
    for _ in 0..20 {
        let mut honest = connect_from(1, served.address).await;
        say(&mut honest, GET).await;
        assert!(answer(&mut honest).await.ends_with("served"));
    }
    // They go on, one byte at a time, and nothing changes.
    for stream in &mut slow {
        stream.write_all(b"x").await.ok();
    }
    let mut honest = connect_from(1, served.address).await;
    say(&mut honest, GET).await;
    assert!(answer(&mut honest).await.ends_with("served"));
}
