//! The listener on a real socket: limits before the handler, and a clean end.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use holdpoint::http::{Options, Peer, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{PASSWORD, PATIENCE, Site};

/// A served router, the token that stops it, and the task that ends with it.
struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
}

async fn serve(router: Router, options: Options) -> Served {
    let options = Options { listen: "127.0.0.1:0".parse().unwrap(), ..options };
    let server = Server::bind(options).await.unwrap();
    let address = server.local_addr();
    let stop = CancellationToken::new();
    let done = tokio::spawn(server.serve(router, stop.clone()));
    Served { address, stop, done }
}

impl Served {
    /// Sends these bytes and reads until the server has nothing more to say.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        read(&mut stream).await
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let read = tokio::time::timeout(PATIENCE, reading).await.expect("the server says or closes");
    // A reset after the answer is an answer too.
    read.ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let site = Site::new().await;
    site.account("ann@x.org", &[holdpoint::http::authorize::Role::User]).await;
    let cookie = site.login("ann@x.org").await;
    let served = serve(site.router.clone(), Options::default()).await;
    let answer = served
        .say(&format!(
            "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{{\"name\": \"xxx"
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("/problems/too-large"), "{answer}");
}

#[tokio::test]
async fn metrics_are_open_to_this_machine_and_logins_come_over_the_wire() {
    let site = Site::new().await;
    site.account("ann@x.org", &[holdpoint::http::authorize::Role::User]).await;
    let served = serve(site.router.clone(), Options::default()).await;
    let get = "GET /api/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = served.say(get).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("rendered 1\n"), "{answer}");
    let body = format!(r#"{{"email": "ann@x.org", "password": "{PASSWORD}"}}"#);
    let answer = served
        .say(&format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("set-cookie: "), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let options = Options { header_timeout: Duration::from_millis(50), ..Options::default() };
    let served = serve(Router::new(), options).await;
    let answer = served.say("GET / HTTP/1.1\r\nHost: loc").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A route that says when it was reached and answers when it is told to.
fn held() -> (Router, mpsc::Receiver<()>, CancellationToken) {
    let (reached, reaches) = mpsc::channel(8);
    let go_on = CancellationToken::new();
    let told = go_on.clone();
    let answer = async move |axum::Extension(Peer(peer)): axum::Extension<Peer>| {
        reached.send(()).await.unwrap();
        told.cancelled().await;
        format!("answered {}", peer.ip())
    };
    (Router::new().route("/", get(answer)), reaches, go_on)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn answers_that_are_under_way_end_when_the_server_stops() {
    let (router, mut reaches, go_on) = held();
    let served = serve(router, Options::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    reaches.recv().await.unwrap();
    served.stop.cancel();
    go_on.cancel();
    let answer = read(&mut stream).await;
    assert!(answer.ends_with("answered 127.0.0.1"), "{answer}");
    tokio::time::timeout(PATIENCE, served.done).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err(), "it listens no more");
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let (router, mut reaches, _go_on) = held();
    let options = Options { drain_timeout: Duration::from_millis(50), ..Options::default() };
    let served = serve(router, options).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    reaches.recv().await.unwrap();
    served.stop.cancel();
    tokio::time::timeout(PATIENCE, served.done).await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let (router, mut reaches, go_on) = held();
    let served = serve(router, Options { connections_max: 1, ..Options::default() }).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    first.write_all(GET.as_bytes()).await.unwrap();
    reaches.recv().await.unwrap();
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(GET.as_bytes()).await.unwrap();
    assert!(reaches.try_recv().is_err(), "the second one has no place yet");
    go_on.cancel();
    let mut start = [0_u8; 15];
    first.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    drop(first);
    tokio::time::timeout(PATIENCE, reaches.recv()).await.unwrap().unwrap();
    drop(second);
}
