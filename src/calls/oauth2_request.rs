//! The requests for a token: discovery, the token endpoint, and what its answer means (RFC 6749,
//! sections 3.2 and 5; OpenID Connect Discovery 1.0).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value};

use crate::calls::authentication::misconfigured;
use crate::calls::http::authorize;
use crate::calls::oauth2::{ClientAuthentication, Grant, TOKEN_EXCHANGE};
use crate::calls::wire::{Answer, Request, Wire};
use crate::model::problem::{Kind, Problem};
use crate::model::uri_template::push_encoded;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// What a token endpoint has issued.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    /// How long it lasts, if the authority says so.
    pub(crate) life: Option<Duration>,
}

/// Asks for a token by the grant.
pub(crate) async fn request_token(wire: &Wire, grant: &Grant) -> Result<Issued, Problem> {
    let mut form = Form::new(&grant.grant);
    match grant.grant.as_str() {
        "password" => {
            form.add("username", grant.username.as_deref());
            form.add("password", grant.password.as_deref());
        }
        "refresh_token" => form.add("refresh_token", grant.subject.as_ref().map(|(t, _)| t)),
        TOKEN_EXCHANGE => {
            form.add("subject_token", grant.subject.as_ref().map(|(token, _)| token));
            form.add("subject_token_type", grant.subject.as_ref().map(|(_, kind)| kind));
            form.add("actor_token", grant.actor.as_ref().map(|(token, _)| token));
            form.add("actor_token_type", grant.actor.as_ref().map(|(_, kind)| kind));
        }
        _ => {}
    }
    let audiences = (!grant.audiences.is_empty()).then(|| grant.audiences.join(" "));
    form.add("audience", audiences.as_ref());
    ask(wire, grant, form).await
}

/// Asks for a token by the refresh token that came with an earlier one.
pub(crate) async fn refresh(
    wire: &Wire,
    grant: &Grant,
    refresh_token: &str,
) -> Result<Issued, Problem> {
    let mut form = Form::new("refresh_token");
    form.add("refresh_token", Some(refresh_token));
    let mut issued = ask(wire, grant, form).await?;
    // An authority that does not turn refresh tokens over names none.
    issued.refresh_token.get_or_insert_with(|| refresh_token.to_owned());
    Ok(issued)
}

struct Form(Map<String, Value>);

impl Form {
    fn new(grant: &str) -> Self {
        Self(Map::from_iter([("grant_type".to_owned(), grant.into())]))
    }

    fn add(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.as_ref().into());
        }
    }
}

async fn ask(wire: &Wire, grant: &Grant, mut form: Form) -> Result<Issued, Problem> {
    let scopes = (!grant.scopes.is_empty()).then(|| grant.scopes.join(" "));
    form.add("scope", scopes.as_ref());
    let url = token_endpoint(wire, grant).await?;
    let mut request = request(Method::POST, url);
    match grant.client_authentication {
        ClientAuthentication::Post => {
            form.add("client_id", grant.client_id.as_ref());
            form.add("client_secret", grant.client_secret.as_ref());
        }
        ClientAuthentication::None => form.add("client_id", grant.client_id.as_ref()),
        ClientAuthentication::Basic => {
            // Both parts are form-encoded before they are joined (RFC 6749, section 2.3.1).
            let mut joined = String::new();
            push_encoded(&mut joined, grant.client_id.as_deref().unwrap_or_default());
            joined.push(':');
            push_encoded(&mut joined, grant.client_secret.as_deref().unwrap_or_default());
            authorize(&mut request, &format!("Basic {}", STANDARD.encode(joined)))?;
        }
    }
    let (media_type, body) = match grant.as_json {
        true => ("application/json", Value::Object(form.0).to_string()),
        false => ("application/x-www-form-urlencoded", form_encoded(&form.0)),
    };
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    request.body = Some(body.into_bytes());
    let answer = wire.exchange(&request).await?;
    issued(&request.label, grant, &answer)
}

fn form_encoded(form: &Map<String, Value>) -> String {
    let mut body = String::new();
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        push_encoded(&mut body, name);
        body.push('=');
        push_encoded(&mut body, value.as_str().unwrap_or_default());
    }
    body
}

fn request(method: Method, url: Url) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let label = format!("{method} {}{}", url.origin().ascii_serialization(), url.path());
    Request { method, url, headers, body: None, label }
}

/// Where tokens are asked for. The paths are relative to the authority, whose own path stays: an
/// authority such as `https://login.example/realms/one` names a realm by it.
async fn token_endpoint(wire: &Wire, grant: &Grant) -> Result<Url, Problem> {
    let no_url = |what: &str| misconfigured(format!("{what} of the policy is no http(s) URL"));
    let authority = grant.authority.trim_end_matches('/');
    if let Some(path) = &grant.token_path {
        let absolute = path.starts_with("http://") || path.starts_with("https://");
        let url = match absolute {
            true => path.clone(),
            false => format!("{authority}/{}", path.trim_start_matches('/')),
        };
        return Url::parse(&url).map_err(|_| no_url("the authority"));
    }
    let url = match authority.ends_with(DISCOVERY) {
        true => authority.to_owned(),
        false => format!("{authority}{DISCOVERY}"),
    };
    let url = Url::parse(&url).map_err(|_| no_url("the authority"))?;
    let secure = url.scheme() == "https";
    let request = request(Method::GET, url);
    let answer = wire.exchange(&request).await?;
    let failed = |why: &str| {
        let detail = format!("{} (discovery of the token endpoint) {why}", request.label);
        Problem::new(Kind::Communication, detail)
    };
    if !answer.status.is_success() {
        return Err(failed(&format!("answered {}", answer.status)));
    }
    let found: Value =
        serde_json::from_slice(&answer.body).map_err(|_| failed("answered without JSON"))?;
    let endpoint = found.get("token_endpoint").and_then(Value::as_str);
    let endpoint = endpoint.and_then(|url| Url::parse(url).ok());
    let endpoint = endpoint.ok_or_else(|| failed("names no token_endpoint"))?;
    if secure && endpoint.scheme() != "https" {
        return Err(failed("names a token_endpoint without https"));
    }
    Ok(endpoint)
}

fn issued(label: &str, grant: &Grant, answer: &Answer) -> Result<Issued, Problem> {
    let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    let status = answer.status.as_u16();
    if !answer.status.is_success() {
        // Only the code is shown: a description may quote what was sent.
        let code = body.get("error").and_then(Value::as_str).unwrap_or("no error code");
        let code: String = code.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        let detail = format!("{label}: no token was issued: {status} ({code})");
        return Err(match status {
            400..=403 => Problem::new(Kind::Authentication, detail),
            _ => Problem::new(Kind::Communication, detail).with_status(status),
        });
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let access_token = text("access_token").filter(|token| !token.is_empty()).ok_or_else(|| {
        Problem::new(Kind::Communication, format!("{label}: the answer holds no access_token"))
    })?;
    check_issuer(label, grant, &access_token)?;
    // Some authorities write the number as a text.
    let seconds = body.get("expires_in");
    let seconds = seconds.and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
    Ok(Issued {
        access_token,
        refresh_token: text("refresh_token"),
        life: seconds.map(Duration::from_secs),
    })
}

/// The issuer that a token names must be one of the policy's, if the policy has any. This is no
/// check of the signature: the token came from the authority itself.
fn check_issuer(label: &str, grant: &Grant, token: &str) -> Result<(), Problem> {
    if grant.issuers.is_empty() {
        return Ok(());
    }
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = payload.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let issuer = claims.as_ref().and_then(|claims| claims.get("iss")).and_then(Value::as_str);
    if issuer.is_some_and(|issuer| grant.issuers.iter().any(|known| known == issuer)) {
        return Ok(());
    }
    let detail = format!("{label}: the token names none of the `issuers` of the policy");
    Err(Problem::new(Kind::Authentication, detail))
}
