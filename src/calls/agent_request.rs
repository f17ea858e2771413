//! The request of a call of an agent: what it says, who says it, and what a document may choose of
//! it. It is never shown: it holds credentials.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::calls::agent::{AgentFailure, AgentTarget, all};
use crate::calls::caller::Call;
use crate::calls::http_request::REFUSED_HEADERS;
use crate::calls::redaction::Disclosed;
use crate::calls::vault::{Vault, VaultError};
use crate::calls::wire::Request;
use crate::dsl::parse_duration;
use crate::model::agent::{Agent, AgentAuth, AuthScheme};
use crate::model::limits::{AGENT_CALLBACK_MAX, AGENT_FEEDBACK_HEADER_BYTES_MAX};
use crate::model::problem::{Kind, Problem};

/// The member of the body that carries what was wrong with an earlier result.
const FEEDBACK: &str = "feedback";
const FEEDBACK_HEADER: &str = "holdpoint-feedback";
const CALLBACK_HEADER: &str = "holdpoint-callback-url";
const JOB_HEADER: &str = "holdpoint-job-id";
const KEY_HEADER: &str = "idempotency-key";
/// The header of the scheme `header` when the registration names none.
const AUTH_HEADER_DEFAULT: &str = "x-api-key";
/// Headers that say something else than a secret.
const OTHER_HEADERS: [&str; 7] = [
    "accept",
    "content-type",
    "user-agent",
    KEY_HEADER,
    JOB_HEADER,
    CALLBACK_HEADER,
    FEEDBACK_HEADER,
];

/// The arguments of a call of an agent, as the machine renders them.
pub(crate) struct AgentArguments<'a> {
    pub(crate) input: &'a Value,
    pub(crate) feedback: Vec<&'a str>,
    pub(crate) timeout_ms: Option<u64>,
}

impl<'a> AgentArguments<'a> {
    /// Reads `{agent, input, feedback: [text], timeout?}`.
    pub(crate) fn read(arguments: &'a Value) -> Result<Self, Problem> {
        let invalid = |what: &str| Problem::new(Kind::Validation, format!("call agent: {what}"));
        let input = arguments.get("input").unwrap_or(&Value::Null);
        let feedback = arguments.get(FEEDBACK).and_then(Value::as_array);
        let feedback = feedback.into_iter().flatten().filter_map(Value::as_str).collect();
        let timeout_ms = match arguments.get("timeout") {
            None | Some(Value::Null) => None,
            Some(timeout) => {
                let span = timeout.as_str().and_then(parse_duration);
                let span = span.ok_or_else(|| invalid("`timeout` is no duration"))?;
                Some((span.min(AGENT_CALLBACK_MAX).0 / 1_000).max(1))
            }
        };
        Ok(Self { input, feedback, timeout_ms })
    }
}

/// A secret that was opened, ready to be sent. It has no `Debug`.
pub(crate) struct Credentials {
    header: HeaderName,
    value: HeaderValue,
}

impl Credentials {
    /// Opens the secret of an agent and notes it, so that it is taken out of what comes back.
    pub(crate) fn open(
        vault: Option<&Vault>,
        agent: &Agent,
        auth: &AgentAuth,
        disclosed: &mut Disclosed,
    ) -> Result<Self, VaultError> {
        let vault = vault.ok_or(VaultError::Missing)?;
        let secret = vault.unseal(&auth.sealed, &agent.id.to_string())?;
        disclosed.note(&secret, "of the agent");
        let (header, text) = match auth.scheme {
            AuthScheme::Bearer => (AUTHORIZATION, format!("Bearer {secret}")),
            AuthScheme::Basic => {
                if let Some((_, password)) = secret.split_once(':') {
                    disclosed.note(password, "of the agent");
                }
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(&secret)))
            }
            AuthScheme::Header => {
                let name = auth.header.as_deref().unwrap_or(AUTH_HEADER_DEFAULT);
                let name = HeaderName::from_bytes(name.as_bytes());
                (name.map_err(|_| VaultError::Damaged)?, secret)
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| VaultError::Damaged)?;
        value.set_sensitive(true);
        Ok(Self { header, value })
    }
}

/// May credentials be sent in a header of this name?
///
/// # Errors
/// Why not.
pub fn check_auth_header(name: &str) -> Result<(), String> {
    let parsed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is no name of a header".to_owned())?;
    let taken = [REFUSED_HEADERS.as_slice(), OTHER_HEADERS.as_slice()];
    match taken.iter().any(|names| names.contains(&parsed.as_str())) {
        true => Err(format!("the header `{parsed}` is set by Holdpoint itself")),
        false => Ok(()),
    }
}

/// A request with everything but its method and its body.
pub(crate) fn head(
    agent: &Agent,
    call: &Call,
    credentials: Option<&Credentials>,
) -> Result<Request, AgentFailure> {
    let label = format!("agent {:?}", agent.name);
    let url = Url::parse(&agent.endpoint).map_err(|error| {
        let detail = format!("{label}: its endpoint is no URL: {error}");
        AgentFailure::for_good(Problem::new(Kind::Configuration, detail))
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(Credentials { header, value }) = credentials {
        headers.insert(header.clone(), value.clone());
    }
    let mut request = Request { method: Method::GET, url, headers, body: None, label };
    set(&mut request, KEY_HEADER, &call.key)?;
    set(&mut request, JOB_HEADER, &call.job.to_string())?;
    Ok(request)
}

/// Tells the agent where to bring its result.
pub(crate) fn callback(request: &mut Request, url: &str) -> Result<(), AgentFailure> {
    set(request, CALLBACK_HEADER, url)
}

fn set(request: &mut Request, name: &'static str, value: &str) -> Result<(), AgentFailure> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        let detail = format!("{}: the header {name} cannot be sent", request.label);
        AgentFailure::for_good(Problem::new(Kind::Validation, detail))
    })?;
    // A token to bring a result with is worth as much as a secret.
    value.set_sensitive(name == CALLBACK_HEADER);
    request.headers.insert(name, value);
    Ok(())
}

/// Turns the request to where the agent shows how a call stands: a path on its own server.
pub(crate) fn status_request(request: &mut Request, path: &str) -> Result<(), AgentFailure> {
    let url = request.url.join(path).ok();
    let url = url.filter(|url| url.origin() == request.url.origin());
    let elsewhere = || {
        let detail = format!("{}: its status URL is on another server", request.label);
        AgentFailure::for_good(Problem::new(Kind::Validation, detail))
    };
    request.url = url.ok_or_else(elsewhere)?;
    Ok(())
}

/// The body: the inputs, with the feedback in them when the input schema admits it; otherwise it
/// goes into a header. Inputs that do not fit never leave.
pub(crate) fn body(
    target: &AgentTarget,
    input: Value,
    feedback: &[&str],
    request: &mut Request,
) -> Result<Vec<u8>, AgentFailure> {
    let violations = target.input.violations(&input);
    let with_feedback = with_feedback(target, &input, feedback);
    if !violations.is_empty() && with_feedback.is_none() {
        let detail =
            format!("{}: the input does not fit its schema: {}", request.label, all(&violations));
        return Err(AgentFailure::for_good(Problem::new(Kind::Validation, detail)));
    }
    if with_feedback.is_none() && !feedback.is_empty() {
        let text = in_header(feedback);
        set(request, FEEDBACK_HEADER, &text)?;
    }
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    serde_json::to_vec(&with_feedback.unwrap_or(input)).map_err(|error| {
        let detail = format!("{}: the input is no JSON: {error}", request.label);
        AgentFailure::for_good(Problem::new(Kind::Validation, detail))
    })
}

fn with_feedback(target: &AgentTarget, input: &Value, feedback: &[&str]) -> Option<Value> {
    let members = input.as_object().filter(|members| !members.contains_key(FEEDBACK))?;
    if feedback.is_empty() {
        return None;
    }
    let mut members = members.clone();
    members.insert(FEEDBACK.to_owned(), json!(feedback));
    let value = Value::Object(members);
    target.input.violations(&value).is_empty().then_some(value)
}

/// The feedback as percent-encoded JSON. The newest reasons that fit.
fn in_header(feedback: &[&str]) -> String {
    let encoded =
        |list: &[&str]| utf8_percent_encode(&json!(list).to_string(), NON_ALPHANUMERIC).to_string();
    let mut rest = feedback;
    loop {
        let text = encoded(rest);
        match rest.split_first() {
            Some((_, newer)) if text.len() > AGENT_FEEDBACK_HEADER_BYTES_MAX => rest = newer,
            _ => return text,
        }
    }
}

/// Do two URLs lead to the same server?
pub fn same_origin(left: &str, right: &str) -> bool {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    matches!((origin(left), origin(right)), (Some(left), Some(right)) if left == right)
}
