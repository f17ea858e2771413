//! A server that answers by a script and remembers what it was asked. It closes each connection
//! after one answer, so every call dials anew.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What to answer.
pub enum Reply {
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Nothing, ever.
    Silence,
    /// A head, one piece, and then nothing.
    Stall,
    /// A body that does not end.
    Endless,
    /// These very bytes.
    Bytes(Vec<u8>),
}

pub fn reply(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    let headers = vec![("Content-Type".to_owned(), media_type.to_owned())];
    Reply::Http { status, headers, body: body.into() }
}

pub fn json(status: u16, body: serde_json::Value) -> Reply {
    reply(status, "application/json", body.to_string())
}

pub fn redirect(status: u16, location: &str) -> Reply {
    let headers = vec![("Location".to_owned(), location.to_owned())];
    Reply::Http { status, headers, body: Vec::new() }
}

pub fn with_header(reply: Reply, name: &str, value: &str) -> Reply {
    match reply {
        Reply::Http { status, mut headers, body } => {
            headers.push((name.to_owned(), value.to_owned()));
            Reply::Http { status, headers, body }
        }
        other => other,
    }
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub async fn start_at(
        address: &str,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move {
                    // A client that goes away in the middle is part of several tests.
                    let _ = serve(stream, &*script, &log).await;
                });
            }
        });
        Self { address, seen }
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the log").clone()
    }
}

async fn serve(
    stream: TcpStream,
    script: &(dyn Fn(&Seen) -> Reply + Send + Sync),
    log: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut seen = Seen::default();
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split_whitespace().map(str::to_owned);
    seen.method = words.next().unwrap_or_default();
    seen.target = words.next().unwrap_or_default();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        seen.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = seen.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    let reply = script(&seen);
    log.lock().expect("the log").push(seen);
    match reply {
        Reply::Http { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Reply::Silence => std::future::pending().await,
        Reply::Stall => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await?;
            stream.flush().await?;
            std::future::pending().await
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes()).await?;
            }
        }
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
    }
    stream.shutdown().await
}
