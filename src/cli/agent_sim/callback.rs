//! POSTs a result to a callback address on this machine: plain HTTP, one request, one connection.

use hyper::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest head of an answer that is looked at, bytes: the status stands in its first line.
const HEAD_BYTES_MAX: u64 = 1024;

/// The status of the answer; nothing when nobody answered.
pub(super) async fn post(url: &str, body: &str) -> Option<u16> {
    let url: Uri = url.parse().ok()?;
    let host = url.host()?;
    let port = url.port_u16().unwrap_or(80);
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((bare, port)).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    stream.take(HEAD_BYTES_MAX).read_to_end(&mut head).await.ok()?;
    let head = String::from_utf8_lossy(&head);
    head.split(' ').nth(1)?.parse().ok()
}
