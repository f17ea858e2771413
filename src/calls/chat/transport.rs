//! The way of the client through the egress guard: one request, one bounded answer, no retries of
//! its own. Whether something is asked again is decided where it is recorded.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde::de::IgnoredAny;

use super::unavailable::Unavailable;
use crate::calls::redaction::Disclosed;
use crate::calls::wire::{Answer, Request, Wire};
use crate::model::problem::Kind;

/// Most characters of an error that are shown.
const SAID_CHARS_MAX: usize = 300;

/// Why a request had no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The server refuses the request as it is: another form may suit it.
    #[error("{0}")]
    Unsuited(Unavailable),
    /// Anything else.
    #[error("{0}")]
    Unavailable(Unavailable),
}

/// Sends requests of the client.
#[derive(Clone)]
pub(super) struct Transport {
    wire: Arc<Wire>,
    disclosed: Arc<Disclosed>,
}

impl Transport {
    pub(super) fn new(wire: Arc<Wire>, disclosed: Disclosed) -> Self {
        Self { wire, disclosed: Arc::new(disclosed) }
    }

    async fn send(self, factory: HttpRequestFactory) -> Result<Response, OpenAIError> {
        let built = factory.build().await?;
        let mut headers = built.headers().clone();
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        let label = format!("POST {}", shown(built.url()));
        let body = built.body().and_then(reqwest::Body::as_bytes).map(<[u8]>::to_vec);
        let (method, url) = (built.method().clone(), built.url().clone());
        let request = Request { method, url, headers, body, label };
        let answer = self.wire.exchange(&request).await.map_err(|problem| {
            let lasting = problem.is(Kind::Authorization) || problem.is(Kind::Configuration);
            let reason = problem.detail.unwrap_or_default();
            let unavailable = match lasting {
                true => Unavailable::lasting(reason),
                false => Unavailable::passing(reason),
            };
            boxed(Trouble::Unavailable(unavailable))
        })?;
        self.judge(&request.label, answer)
    }

    fn judge(&self, label: &str, answer: Answer) -> Result<Response, OpenAIError> {
        let status = answer.status;
        if status != StatusCode::OK {
            let retry_after = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let said = self.said(&answer.body);
            let unavailable = Unavailable::status(label, status, retry_after, &said);
            return Err(boxed(match status.as_u16() {
                400 | 415 | 422 | 501 => Trouble::Unsuited(unavailable),
                _ => Trouble::Unavailable(unavailable),
            }));
        }
        // The client would log what it cannot read, and that is for us to decide.
        if serde_json::from_slice::<IgnoredAny>(&answer.body).is_err() {
            let unavailable = Unavailable::garbage("the answer of the server is no JSON");
            return Err(boxed(Trouble::Unavailable(unavailable)));
        }
        Ok(Response::from(hyper::Response::new(answer.body)))
    }

    /// What an error says, on one line and without the key.
    fn said(&self, body: &[u8]) -> String {
        let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let message = value.pointer("/error/message").or(value.get("message"));
        let text = message.and_then(serde_json::Value::as_str).unwrap_or_default();
        let text = self.disclosed.redact_text(text.to_owned());
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect()
    }
}

/// The address without what may be private in it.
fn shown(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

fn boxed(trouble: Trouble) -> OpenAIError {
    OpenAIError::Boxed(Box::new(trouble))
}

impl tower::Service<HttpRequestFactory> for Transport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        Box::pin(self.clone().send(factory))
    }
}
