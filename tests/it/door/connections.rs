//! How many connections there may be, who makes room, and how they end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::get;
use holdpoint::http::Options;
use hyper::body::Frame;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{GET, PATIENCE, answer, connect_from, rest, say, serve};

/// A route that says when it was reached and answers when it is told to.
fn held() -> (Router, mpsc::Receiver<()>, CancellationToken) {
    let (reached, reaches) = mpsc::channel(8);
    let go_on = CancellationToken::new();
    let told = go_on.clone();
    let answer = async move || {
        reached.send(()).await.unwrap();
        told.cancelled().await;
        "served"
    };
    (Router::new().route("/", get(answer)), reaches, go_on)
}

fn quick() -> Router {
    Router::new().route("/", get(|| async { "served" }))
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let options = Options { connections_per_address_max: 3, ..Options::default() };
    let served = serve(quick(), options).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from(2, served.address).await;
        say(&mut stream, GET).await;
        assert!(answer(&mut stream).await.ends_with("served"), "the last allowed one too");
        open.push(stream);
    }
    let mut beyond = connect_from(2, served.address).await;
    assert_eq!(rest(&mut beyond).await, "", "the first beyond the limit is closed");
    let mut other = connect_from(3, served.address).await;
    say(&mut other, GET).await;
    assert!(answer(&mut other).await.ends_with("served"), "others are not concerned");
    // The place is free again once the server has seen that the client is gone.
    drop(open.pop());
    let coming_back = async {
        loop {
            let mut again = connect_from(2, served.address).await;
            // The server may have closed it already.
            if again.write_all(GET.as_bytes()).await.is_ok()
                && rest_or_answer(&mut again).await.ends_with("served")
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, coming_back).await.expect("the place is free again");
}

/// An answer, or nothing when the server closed instead.
async fn rest_or_answer(stream: &mut tokio::net::TcpStream) -> String {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) => answer(stream).await,
        _ => String::new(),
    }
}

#[tokio::test]
async fn behind_a_proxy_all_clients_share_one_address() {
    let options =
        Options { connections_per_address_max: 1, behind_proxy: true, ..Options::default() };
    let served = serve(quick(), options).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut stream = connect_from(2, served.address).await;
        say(&mut stream, GET).await;
        assert!(answer(&mut stream).await.ends_with("served"));
        open.push(stream);
    }
}

#[tokio::test]
async fn whoever_rests_makes_room_and_whoever_works_does_not() {
    let (router, mut reaches, go_on) = held();
    let router = router.route("/quick", get(|| async { "served" }));
    let served = serve(router, Options { connections_max: 2, ..Options::default() }).await;
    let mut working = connect_from(1, served.address).await;
    say(&mut working, GET).await;
    reaches.recv().await.unwrap();
    let mut resting = connect_from(2, served.address).await;
    let quick = "GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n";
    say(&mut resting, quick).await;
    assert!(answer(&mut resting).await.ends_with("served"));
    let mut new = connect_from(3, served.address).await;
    say(&mut new, quick).await;
    assert!(answer(&mut new).await.ends_with("served"));
    assert_eq!(rest(&mut resting).await, "", "it rested longest, so it was closed");
    go_on.cancel();
    assert!(answer(&mut working).await.ends_with("served"), "it had the older connection");
}

/// A body of whatever is sent, until the sender is gone.
struct Events(mpsc::Receiver<Bytes>);

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

/// A stream of events that never ends by itself does not hold up the end.
#[tokio::test]
async fn streams_end_first_when_the_server_stops() {
    let closing = CancellationToken::new();
    let watched = closing.clone();
    let events = async move || {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move {
            send.send(Bytes::from_static(b"data: 1\n\n")).await.ok();
            watched.cancelled().await;
        });
        Body::new(Events(receive))
    };
    let router = Router::new().route("/", get(events));
    let options = Options { drain_timeout: Duration::from_secs(600), ..Options::default() };
    let served = serve(router, options).await;
    let mut client = connect_from(1, served.address).await;
    say(&mut client, GET).await;
    let mut first = [0];
    client.peek(&mut first).await.unwrap();
    served.stop.cancel();
    closing.cancel();
    let said = rest(&mut client).await;
    assert!(said.contains("data: 1") && said.ends_with("0\r\n\r\n"), "it ended well: {said}");
    tokio::time::timeout(PATIENCE, served.done).await.expect("nothing holds it up").unwrap();
}

#[tokio::test]
async fn connections_are_closed_when_the_time_to_drain_is_over() {
    let (router, mut reaches, _go_on) = held();
    let options = Options { drain_timeout: Duration::from_millis(50), ..Options::default() };
    let served = serve(router, options).await;
    let mut client = connect_from(1, served.address).await;
    say(&mut client, GET).await;
    reaches.recv().await.unwrap();
    served.stop.cancel();
    assert_eq!(rest(&mut client).await, "");
}
