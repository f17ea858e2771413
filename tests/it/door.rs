//! Attacks on the door: who is slow, who is many, who lies about where they come from, who repeats
//! and who sends too much. Each test is one that a server without the defence fails.

mod connections;
mod exposure;
mod heads;
mod lies;
pub mod overload;
mod proxies;
mod rates;
mod replies;
mod slow;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use holdpoint::http::{Options, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// A request without a body.
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A served router, the token that stops it, and the task that ends with it.
struct Served {
    address: SocketAddr,
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

/// A connection from the n-th address of this machine.
async fn connect_from(n: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, n));
    socket.bind(SocketAddr::new(own, 0)).unwrap();
    socket.connect(to).await.unwrap()
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// One answer with a length, and no byte after it.
async fn answer(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(stream.read_u8().await.expect("the head of an answer")));
        }
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.map_or(0, |digits| digits.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        text + &String::from_utf8_lossy(&body)
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer")
}

/// Everything that comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    // A reset is an end too.
    tokio::time::timeout(PATIENCE, reading).await.expect("the server closes").ok();
    String::from_utf8_lossy(&bytes).into_owned()
}
