//! A request as it came, read to its end. A body that is larger than any script needs is cut off.

use std::collections::BTreeMap;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Method, Request};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Largest request body that is read, bytes: the largest that Holdpoint sends is smaller.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What came.
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) path: String,
    query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    /// Nothing when the body broke off or is too large.
    pub(super) async fn read(request: Request<Incoming>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.ok()?.to_bytes();
        Some(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: parameters(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `Idempotency-Key`.
    pub(super) fn key(&self) -> Option<&str> {
        self.header("idempotency-key")
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The number of this parameter, or the usual one.
    pub(super) fn number(&self, name: &str, usual: u64) -> u64 {
        self.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
    }

    /// The body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Does it say what was wrong with an earlier result?
    pub(super) fn carries_feedback(&self) -> bool {
        let body = self.json();
        let in_body = body.get("feedback").and_then(Value::as_array);
        in_body.is_some_and(|list| !list.is_empty())
            || self.header("holdpoint-feedback").is_some_and(|text| !text.is_empty())
    }
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
