//! Answers as data, and how they become HTTP. An answer can be told again, so that a repeat gets
//! the same one.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// One piece of a long body.
const PIECE: &[u8; 16 * 1024] = &[b' '; 16 * 1024];

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    pub(super) content: Content,
}

/// The body.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Json(Value),
    /// Text that pretends to be JSON.
    Text(String),
    /// So many bytes.
    Bytes(u64),
    /// Bytes without end.
    Endless,
}

pub(super) type Outgoing = Response<BoxBody<Bytes, Infallible>>;

impl Answer {
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), content: Content::Json(body) }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, json!({"error": {"message": message, "type": "scripted"}}))
    }

    pub(super) fn content(content: Content) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), content }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn into_response(self) -> Outgoing {
        let body = match self.content {
            Content::Json(value) => Full::from(value.to_string()).boxed(),
            Content::Text(text) => Full::from(text).boxed(),
            Content::Bytes(bytes) => Long { left: Some(bytes) }.boxed(),
            Content::Endless => Long { left: None }.boxed(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            // A value that no header can carry came in with a query; it is left out.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A body that is made while it is read.
struct Long {
    /// Bytes that are still to come; none: there is no end.
    left: Option<u64>,
}

impl Body for Long {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = Bytes::from_static(PIECE);
        let piece = match &mut self.left {
            None => piece,
            Some(0) => return Poll::Ready(None),
            Some(left) => {
                let length = (*left).min(piece.len() as u64);
                *left -= length;
                piece.slice(..length as usize)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}
