//! Answers that go on: server-sent events (HTML, section 9.2) out of a channel. Whoever fills the
//! channel learns when the client has gone.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Pieces that wait for a slow client.
const WAITING_MAX: usize = 16;

/// Where the pieces of an answer go in.
pub type Sink = mpsc::Sender<Bytes>;

struct Stream(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// An answer of server-sent events, and where they go in. It ends when that is dropped.
pub fn event_stream() -> (Sink, Response<Body>) {
    let (sink, source) = mpsc::channel(WAITING_MAX);
    let mut response = Response::new(Body::new(Stream(source)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that collects an answer before it passes it on would never pass this one on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (sink, response)
}

/// One event with its id and name. `data` is one line: JSON has no others.
pub fn event(id: u64, name: &str, data: &str) -> Bytes {
    Bytes::from(format!("id: {id}\nevent: {name}\ndata: {data}\n\n"))
}

/// A line that says nothing: it keeps proxies from closing a quiet connection.
pub fn keep_alive() -> Bytes {
    Bytes::from_static(b": still here\n\n")
}
