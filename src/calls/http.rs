//! `call: http` of the standard (dsl-reference.md, "HTTP Call"): sends the request that the
//! arguments describe, follows redirects if asked, and judges the status.

use std::sync::Arc;

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, USER_AGENT,
};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::calls::authentication::{self, Policy};
use crate::calls::egress::EgressError;
use crate::calls::http_arguments::{Arguments, Output};
use crate::calls::http_request::{Prepared, prepare};
use crate::calls::http_response;
use crate::calls::oauth2::Tokens;
use crate::calls::redaction::{Disclosed, Filling};
use crate::calls::secrets::Secrets;
use crate::calls::wire::{Answer, Request, Wire};
use crate::model::problem::{Kind, Problem};

/// Most redirects that one call follows.
const REDIRECTS_MAX: usize = 5;
/// Most characters of an error answer that are shown.
const EXCERPT_CHARS_MAX: usize = 300;

/// What every call of this kind needs.
pub(crate) struct Http {
    pub(crate) wire: Arc<Wire>,
    pub(crate) tokens: Tokens,
}

impl Http {
    /// Sends the request that the arguments describe.
    pub(crate) async fn run(
        &self,
        arguments: &Value,
        key: &str,
        secrets: &Secrets,
    ) -> Result<Value, Problem> {
        let mut disclosed = Disclosed::default();
        let result = self.attempt(arguments, key, secrets, &mut disclosed).await;
        result.map_err(|problem| disclosed.redact_problem(problem))
    }

    async fn attempt(
        &self,
        arguments: &Value,
        key: &str,
        secrets: &Secrets,
        disclosed: &mut Disclosed,
    ) -> Result<Value, Problem> {
        let arguments = Arguments::read(arguments)?;
        let mut filling = Filling { secrets, disclosed };
        let policy = match arguments.authentication {
            Some(policy) => Some(Policy::read(policy, &mut filling)?),
            None => None,
        };
        let prepared = prepare(&arguments, key, &mut filling)?;
        let answer = self.send(&arguments, &prepared, policy.as_ref(), disclosed).await?;
        judge(&arguments, &prepared, &answer, policy.is_some(), disclosed)?;
        match arguments.output {
            Output::Raw => Ok(http_response::raw(answer, disclosed)),
            Output::Content => http_response::content(&prepared.request.label, answer, disclosed),
            Output::Response => http_response::response(prepared, answer, disclosed),
        }
    }

    /// Sends the request and follows its redirects, if the document asks for that.
    async fn send(
        &self,
        arguments: &Arguments<'_>,
        prepared: &Prepared,
        policy: Option<&Policy>,
        disclosed: &mut Disclosed,
    ) -> Result<Answer, Problem> {
        let mut request = prepared.request.clone();
        let mut policy = policy;
        for _ in 0..=REDIRECTS_MAX {
            let answer =
                authentication::send(&self.wire, &self.tokens, policy, &request, disclosed).await?;
            let next = if arguments.redirect { redirected(&request, &answer)? } else { None };
            let Some(next) = next else { return Ok(answer) };
            if next.origin() != request.url.origin() {
                leave_origin(&mut request, prepared.body_has_secret)?;
                // Once away, credentials stay away, even if a later redirect leads back.
                policy = None;
            }
            change_method(&mut request, answer.status);
            request.url = next;
        }
        let label = &prepared.request.label;
        let detail = format!("{label}: more than {REDIRECTS_MAX} redirects");
        Err(Problem::new(Kind::Communication, detail))
    }
}

/// Where the answer sends us, if it does.
fn redirected(request: &Request, answer: &Answer) -> Result<Option<Url>, Problem> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(LOCATION) else { return Ok(None) };
    let next = location.to_str().ok().and_then(|location| request.url.join(location).ok());
    let Some(next) = next else {
        let detail = format!("{}: the redirect leads to no URL", request.label);
        return Err(Problem::new(Kind::Communication, detail));
    };
    if request.url.scheme() == "https" && next.scheme() == "http" {
        let host = next.host_str().unwrap_or_default().to_owned();
        let error = EgressError::Downgrade { host };
        return Err(Problem::new(Kind::Authorization, format!("{}: {error}", request.label)));
    }
    Ok(Some(next))
}

/// Keeps only what any server may see: the document's own headers were meant for the first one,
/// and no list of credential headers is ever complete.
fn leave_origin(request: &mut Request, body_has_secret: bool) -> Result<(), Problem> {
    if body_has_secret && request.body.is_some() {
        let label = &request.label;
        let detail = format!(
            "{label}: the redirect leads to another server, and the body holds a secret; \
             call that server directly"
        );
        return Err(Problem::new(Kind::Authorization, detail));
    }
    let mut kept = HeaderMap::new();
    for name in [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT] {
        if let Some(value) = request.headers.get(&name).filter(|value| !value.is_sensitive()) {
            kept.insert(name, value.clone());
        }
    }
    request.headers = kept;
    Ok(())
}

/// After some redirects a request is repeated as GET (RFC 9110, section 15.4).
fn change_method(request: &mut Request, status: StatusCode) {
    let as_get = match status.as_u16() {
        301 | 302 => request.method == Method::POST,
        303 => request.method != Method::HEAD,
        _ => false,
    };
    if as_get {
        request.method = Method::GET;
        request.body = None;
        request.headers.remove(CONTENT_TYPE);
    }
}

/// Is the status one that the document accepts? Outside 200-299 is an error, with `redirect: true`
/// outside 200-399.
fn judge(
    arguments: &Arguments<'_>,
    prepared: &Prepared,
    answer: &Answer,
    with_credentials: bool,
    disclosed: &Disclosed,
) -> Result<(), Problem> {
    let status = answer.status;
    let label = &prepared.request.label;
    if status.is_success() || (arguments.redirect && status.is_redirection()) {
        return Ok(());
    }
    if status == StatusCode::UNAUTHORIZED && with_credentials {
        let detail = format!("{label} answered 401: it refuses the credentials");
        return Err(Problem::new(Kind::Authentication, detail));
    }
    let reason = status.canonical_reason().unwrap_or("Unexpected status");
    let hint = match status.is_redirection() {
        true => "; redirects are followed only with `redirect: true`".to_owned(),
        false => excerpt(answer, disclosed),
    };
    let detail = format!("{label} answered {} {reason}{hint}", status.as_u16());
    let mut problem = Problem::new(Kind::Communication, detail).with_status(status.as_u16());
    problem.title = Some(reason.to_owned());
    Err(problem)
}

/// The beginning of an error answer in words, because that is where servers say what they miss.
pub(crate) fn excerpt(answer: &Answer, disclosed: &Disclosed) -> String {
    let media_type = answer.media_type();
    let readable = media_type.starts_with("text/plain")
        || media_type == "application/json"
        || media_type.ends_with("+json");
    let Ok(text) = std::str::from_utf8(&answer.body) else { return String::new() };
    if !readable || text.trim().is_empty() {
        return String::new();
    }
    // Redacted before it is cut, or the cut could leave a part of a secret.
    let text = disclosed.redact_text(text.to_owned());
    let mut chars = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let start = chars.by_ref().take(EXCERPT_CHARS_MAX).collect::<String>();
    let end = if chars.next().is_some() { "…" } else { "" };
    format!(": {start}{end}")
}

/// Sets the credentials of a request.
pub(crate) fn authorize(request: &mut Request, credentials: &str) -> Result<(), Problem> {
    let label = &request.label;
    let mut value = reqwest::header::HeaderValue::from_str(credentials).map_err(|_| {
        let detail = format!("{label}: the credentials hold characters that no header can carry");
        Problem::new(Kind::Configuration, detail)
    })?;
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_redirect_never_gives_up_https() {
        let cases = [
            ("https://a.example/x", "http://a.example/y", None),
            ("https://a.example/x", "HTTP://b.example/", None),
            ("https://a.example/x", "//b.example/y", Some("https://b.example/y")),
            ("https://a.example/x", "y", Some("https://a.example/y")),
            ("http://a.example/x", "https://a.example/y", Some("https://a.example/y")),
        ];
        for (from, location, expected) in cases {
            let request = Request {
                method: Method::GET,
                url: from.parse().expect("a URL"),
                headers: HeaderMap::new(),
                body: None,
                label: String::new(),
            };
            let location = HeaderValue::from_static(location);
            let headers = HeaderMap::from_iter([(LOCATION, location)]);
            let answer = Answer { status: StatusCode::FOUND, headers, body: Vec::new() };
            match redirected(&request, &answer) {
                Ok(next) => assert_eq!(next.as_ref().map(Url::as_str), expected),
                Err(problem) => {
                    assert!(expected.is_none() && problem.is(Kind::Authorization), "{problem:?}");
                }
            }
        }
    }
}
