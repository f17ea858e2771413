//! Authentication policies of the standard (dsl-reference.md, "Authentication"): reads one, and
//! sends a request with its credentials. It never tells a credential to anyone but the endpoint.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use reqwest::StatusCode;
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::Value;

use crate::calls::http::authorize;
use crate::calls::oauth2::{Grant, Tokens};
use crate::calls::redaction::{Disclosed, Filling};
use crate::calls::wire::{Answer, Request, Wire};
use crate::model::problem::{Kind, Problem};

/// How to prove who is calling. It holds credentials, so it has no `Debug`.
pub(crate) enum Policy {
    Basic { username: String, password: String },
    Bearer { token: String },
    Digest { username: String, password: String },
    OAuth2(Box<Grant>),
}

/// A complaint about a policy. It never quotes a value: values are credentials.
pub(crate) fn misconfigured(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Configuration, format!("authentication: {}", detail.into()))
}

impl Policy {
    /// Reads `{basic|bearer|digest|oauth2|oidc: {…} or {use: SECRET}}`.
    pub(crate) fn read(policy: &Value, filling: &mut Filling<'_>) -> Result<Self, Problem> {
        let mut schemes = policy.as_object().into_iter().flatten();
        let (Some((scheme, body)), None) = (schemes.next(), schemes.next()) else {
            return Err(misconfigured("give exactly one of basic, bearer, digest, oauth2, oidc"));
        };
        if !matches!(scheme.as_str(), "basic" | "bearer" | "digest" | "oauth2" | "oidc") {
            return Err(misconfigured(match scheme.as_str() {
                "use" => "the named policy was not put in its place".to_owned(),
                other => format!("the scheme `{}` is not supported", other.escape_debug()),
            }));
        }
        let body = match body.get("use").and_then(Value::as_str) {
            Some(name) => filling.named(name)?,
            None => filling.value(body)?,
        };
        let fields = Fields { scheme, body: &body };
        let policy = match scheme.as_str() {
            "basic" => {
                let (username, password) = fields.user()?;
                let joined = STANDARD.encode(format!("{username}:{password}"));
                filling.disclosed.note(&joined, "authentication");
                Self::Basic { username, password }
            }
            "digest" => {
                let (username, password) = fields.user()?;
                Self::Digest { username, password }
            }
            // A secret that is one text is a token.
            "bearer" => match &body {
                Value::String(token) => Self::Bearer { token: token.clone() },
                _ => Self::Bearer { token: fields.required("token")? },
            },
            _ => Self::OAuth2(Box::new(Grant::read(&fields, scheme == "oidc")?)),
        };
        for private in policy.credentials() {
            filling.disclosed.note(private, "authentication");
        }
        Ok(policy)
    }

    fn credentials(&self) -> Vec<&str> {
        match self {
            Self::Basic { password, .. } | Self::Digest { password, .. } => vec![password],
            Self::Bearer { token } => vec![token],
            Self::OAuth2(grant) => grant.credentials(),
        }
    }
}

/// The properties of a policy, with their scheme for complaints.
pub(crate) struct Fields<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) body: &'a Value,
}

impl Fields<'_> {
    /// The text at a path such as `client.id`.
    pub(crate) fn optional(&self, path: &str) -> Result<Option<String>, Problem> {
        let value = path.split('.').try_fold(self.body, |value, name| value.get(name));
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(misconfigured(format!("{}.{path} must be a string", self.scheme))),
        }
    }

    pub(crate) fn required(&self, path: &str) -> Result<String, Problem> {
        let missing = || misconfigured(format!("{}.{path} is missing", self.scheme));
        self.optional(path)?.ok_or_else(missing)
    }

    /// The list of texts at a name; one text counts as a list of one.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<String>, Problem> {
        let wrong = || misconfigured(format!("{}.{name} must be a list of strings", self.scheme));
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(list)) => {
                list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    fn user(&self) -> Result<(String, String), Problem> {
        Ok((self.required("username")?, self.required("password")?))
    }
}

/// Sends the request with the credentials of the policy.
pub(crate) async fn send(
    wire: &Wire,
    tokens: &Tokens,
    policy: Option<&Policy>,
    request: &Request,
    disclosed: &mut Disclosed,
) -> Result<Answer, Problem> {
    let Some(policy) = policy else { return wire.exchange(request).await };
    let mut request = request.clone();
    match policy {
        Policy::Basic { username, password } => {
            let joined = STANDARD.encode(format!("{username}:{password}"));
            authorize(&mut request, &format!("Basic {joined}"))?;
            wire.exchange(&request).await
        }
        Policy::Bearer { token } => {
            authorize(&mut request, &format!("Bearer {token}"))?;
            wire.exchange(&request).await
        }
        Policy::Digest { username, password } => digest(wire, request, username, password).await,
        Policy::OAuth2(grant) => {
            let token = tokens.get(wire, grant, None, disclosed).await?;
            authorize(&mut request, &format!("Bearer {}", token.value))?;
            let answer = wire.exchange(&request).await?;
            if answer.status != StatusCode::UNAUTHORIZED || !token.cached {
                return Ok(answer);
            }
            // The token may have been revoked before its time.
            let token = tokens.get(wire, grant, Some(&token.value), disclosed).await?;
            authorize(&mut request, &format!("Bearer {}", token.value))?;
            wire.exchange(&request).await
        }
    }
}

/// Asks for a challenge with the request itself and answers it (RFC 7616).
async fn digest(
    wire: &Wire,
    mut request: Request,
    username: &str,
    password: &str,
) -> Result<Answer, Problem> {
    let answer = wire.exchange(&request).await?;
    if answer.status != StatusCode::UNAUTHORIZED {
        return Ok(answer);
    }
    // The first challenge that can be answered: a server names the one that it prefers first.
    let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    let Some(mut challenge) = challenges.filter_map(|value| challenge(value.to_str().ok()?)).next()
    else {
        let detail = format!("{} answered 401 without a Digest challenge to answer", request.label);
        return Err(Problem::new(Kind::Authentication, detail));
    };
    let url = &request.url;
    let uri = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let context = AuthContext::new_with_method(
        username,
        password,
        uri,
        request.body.as_deref(),
        HttpMethod::from(request.method.as_str()),
    );
    let answered = challenge.respond(&context).map_err(|error| {
        let detail = format!("{}: the Digest challenge makes no sense: {error}", request.label);
        Problem::new(Kind::Authentication, detail)
    })?;
    let credentials = answered.to_string();
    authorize(&mut request, &credentials)?;
    wire.exchange(&request).await
}

/// The Digest challenge in one header, which may hold several challenges. The parser slices by
/// characters, so it is given nothing but ASCII; `to_str` of a header value has seen to that.
fn challenge(header: &str) -> Option<WwwAuthenticateHeader> {
    const SCHEME: &str = "digest ";
    let at = header.to_ascii_lowercase().find(SCHEME)?;
    let parameters = header.get(at + SCHEME.len()..).filter(|text| text.is_ascii())?;
    digest_auth::parse(parameters).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The parser of another crate meets whatever a server writes.
        #[test]
        fn no_challenge_stops_the_program(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("realm=\"r\"".to_owned()), Just("nonce=n".to_owned()),
                    Just("qop=\"auth,auth-int\"".to_owned()), Just("userhash=true".to_owned()),
                    Just("algorithm=MD5-sess".to_owned()), Just("charset=UTF-8".to_owned()),
                    "[ -~]{0,12}", "\\PC{0,6}",
                ],
                0..12,
            ),
            separator in prop_oneof![Just(","), Just(", "), Just(" "), Just("")],
        ) {
            let header = format!("Digest {}", parts.join(separator));
            if let Some(mut challenge) = challenge(&header) {
                let body = Some(b"body".as_slice());
                let method = HttpMethod::from("POST");
                let context = AuthContext::new_with_method("u", "p", "/", body, method);
                let _ = challenge.respond(&context).map(|answer| answer.to_string());
            }
        }
    }
}
