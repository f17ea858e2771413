//! `call: webhook`: one attempt to deliver a signed message (Standard Webhooks 1.0.0). It follows
//! no redirect, and its secret is in nothing that comes back.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::calls::agent::Again;
use crate::calls::agent_answer::retry_after;
use crate::calls::caller::Call;
use crate::calls::http::excerpt;
use crate::calls::redaction::{Disclosed, Filling, shown};
use crate::calls::secrets::Secrets;
use crate::calls::webhook_signature::WebhookSecret;
use crate::calls::wire::{Answer, Limits, Request, Wire};
use crate::model::id::ContentHash;
use crate::model::problem::{Kind, Problem};
use crate::model::time::Timestamp;

/// How long the other side may be silent: it is to take the message, not to work on it (Standard
/// Webhooks, "Timeouts", recommends 15 to 30 seconds).
const RESPONSE_MS_MAX: u64 = 15_000;
/// Most bytes of an answer that are read: nothing of it is used but an excerpt of an error.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Largest message, bytes: receivers refuse larger ones, and it is held for every attempt.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest id that is sent as it is, bytes.
const ID_BYTES_MAX: usize = 128;

/// What an attempt needs beside its call.
#[derive(Clone, Debug)]
pub struct WebhookDirections {
    /// What is sent; that of the call when absent.
    pub payload: Option<Value>,
    /// The secret that it is signed with; that of the call when absent.
    pub secret: Option<WebhookSecret>,
    /// The time that is signed.
    pub at: Timestamp,
}

/// How one attempt ended. It holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookReply {
    /// The other side took it: `{id, status, digest}`.
    Delivered(Value),
    /// It did not.
    Failed {
        /// The error to raise when it is not sent again.
        problem: Box<Problem>,
        /// May it be sent again?
        again: Again,
    },
}

/// The id of the message of this call: the same for every attempt. The key itself, unless it has
/// what no id may have: a full stop would be read as the end of it.
pub(crate) fn message_id(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    match key.len() <= ID_BYTES_MAX && key.bytes().all(is_plain) {
        true => key.to_owned(),
        false => format!("key_{}", ContentHash::of(key.as_bytes())),
    }
}

/// Makes one attempt.
pub(crate) async fn run(
    wire: &Wire,
    secrets: &Secrets,
    call: &Call,
    directions: WebhookDirections,
) -> WebhookReply {
    let mut disclosed = Disclosed::default();
    let prepared = prepare(secrets, call, directions, &mut disclosed);
    let (request, id, digest) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => return failed(&disclosed, problem, Again::Never),
    };
    let [connect_name, _] = wire.limits().names;
    let limits = Limits {
        names: [connect_name, "the limit of webhooks"],
        response_ms: wire.limits().response_ms.min(RESPONSE_MS_MAX),
        body_bytes_max: ANSWER_BYTES_MAX,
        ..wire.limits().clone()
    };
    let total = limits.connect_ms.saturating_add(limits.response_ms.saturating_mul(2));
    let exchange = wire.exchange_within(&limits, &request);
    let answer = tokio::time::timeout(Duration::from_millis(total), exchange).await;
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(trouble)) => {
            let again = if trouble.may_pass { Again::Later(None) } else { Again::Never };
            return failed(&disclosed, trouble.problem, again);
        }
        Err(_) => {
            let detail = format!("{}: not done after {total} ms", request.label);
            let problem = Problem::new(Kind::Timeout, detail);
            return failed(&disclosed, problem, Again::Later(None));
        }
    };
    if answer.status.is_success() {
        let status = answer.status.as_u16();
        return WebhookReply::Delivered(json!({ "id": id, "status": status, "digest": digest }));
    }
    let (problem, again) = refused(&request.label, &answer, &disclosed);
    failed(&disclosed, problem, again)
}

fn failed(disclosed: &Disclosed, problem: Problem, again: Again) -> WebhookReply {
    WebhookReply::Failed { problem: Box::new(disclosed.redact_problem(problem)), again }
}

/// An answer that says no. The message has an id, so it may always be sent again.
fn refused(label: &str, answer: &Answer, disclosed: &Disclosed) -> (Problem, Again) {
    let code = answer.status.as_u16();
    let reason = answer.status.canonical_reason().unwrap_or("unexpected status");
    let hint = match answer.status.is_redirection() {
        true => "; redirects of webhooks are not followed".to_owned(),
        false => excerpt(answer, disclosed),
    };
    let detail = format!("{label} answered {code} {reason}{hint}");
    let problem = Problem::new(Kind::Communication, detail).with_status(code);
    let again = match code {
        408 | 425 | 429 | 500..=599 => Again::Later(retry_after(&answer.headers)),
        _ => Again::Never,
    };
    (problem, again)
}

fn prepare(
    secrets: &Secrets,
    call: &Call,
    directions: WebhookDirections,
    disclosed: &mut Disclosed,
) -> Result<(Request, String, ContentHash), Problem> {
    let given = |name: &str| call.arguments.get(name).filter(|value| !value.is_null());
    let text = |name: &str| given(name).and_then(Value::as_str);
    let url = text("url").ok_or_else(|| invalid("`url` is missing or no text"))?;
    let mut filling = Filling { secrets, disclosed };
    let payload = match (&directions.payload, given("payload")) {
        (Some(payload), _) => payload.clone(),
        (None, Some(payload)) => filling.value(payload)?,
        (None, None) => return Err(invalid("`payload` is missing")),
    };
    let secret = match (directions.secret, text("secret")) {
        (Some(secret), _) => {
            filling.disclosed.note(&secret.reveal(), "of the webhook");
            secret
        }
        (None, Some(secret)) => {
            let secret = filling.text(secret)?;
            filling.disclosed.note(&secret, "of the webhook");
            WebhookSecret::parse(&secret).map_err(|bad| invalid(&format!("`secret` {bad}")))?
        }
        (None, None) => return Err(invalid("`secret` is missing")),
    };
    let shown_url = shown(url);
    let place = shown_url.split(['?', '#']).next().unwrap_or_default();
    let label = format!("webhook {}", place.escape_debug());
    let filled = filling.uri(url)?;
    let url = Url::parse(&filled).map_err(|error| invalid(&format!("`url` is none: {error}")))?;
    let body = serde_json::to_vec(&payload).map_err(|error| invalid(&error.to_string()))?;
    if body.len() > BODY_BYTES_MAX {
        return Err(invalid(&format!("the message has more than {BODY_BYTES_MAX} bytes")));
    }
    let id = message_id(&call.key);
    let headers = headers(&secret, &id, directions.at, &body)?;
    let digest = ContentHash::of(&body);
    Ok((Request { method: Method::POST, url, headers, body: Some(body), label }, id, digest))
}

fn headers(
    secret: &WebhookSecret,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Result<HeaderMap, Problem> {
    let timestamp_s = at.0.div_euclid(1_000_000);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let signed = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp_s.to_string()),
        ("webhook-signature", secret.sign(id, timestamp_s, body)),
    ];
    for (name, value) in signed {
        let value = HeaderValue::from_str(&value);
        let value = value.map_err(|_| invalid(&format!("the header {name} cannot be sent")))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Kind::Validation, format!("call webhook: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn an_id_is_the_key_unless_it_would_be_read_otherwise() {
        let key = "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11/1/do/0/tell/-/3";
        assert_eq!(message_id(key), key);
        let dotted = message_id("job/1/do/0/v1.2/-/3");
        assert!(dotted.starts_with("key_") && !dotted.contains('.'), "{dotted}");
        assert_ne!(dotted, message_id("job/1/do/0/v1.3/-/3"));
        assert!(message_id(&"k".repeat(1_000)).len() < 100);
    }
}
