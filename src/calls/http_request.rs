//! From the arguments of `call: http` to a request that is ready to go, and to the form of it that
//! may be shown: the one holds secrets, the other their names.

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::calls::http_arguments::{Arguments, invalid};
use crate::calls::redaction::{
    Filling, has_placeholder, shown, shown_value, value_has_placeholder,
};
use crate::calls::wire::Request;
use crate::model::problem::Problem;

/// Headers that frame the message or name the connection: the client sets them.
pub(crate) const REFUSED_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];
/// Headers whose values are credentials by nature.
const HIDDEN_HEADERS: [&str; 6] =
    ["authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "idempotency-key"];
/// Most headers of a request.
const HEADERS_MAX: usize = 100;

/// A request and how it may be shown.
pub(crate) struct Prepared {
    pub(crate) request: Request,
    /// Its URL without secrets.
    shown_url: String,
    pub(crate) body_has_secret: bool,
}

impl Prepared {
    /// `{method, uri, headers}` without secrets (dsl-reference.md, "HTTP Request").
    pub(crate) fn shown(&self) -> Value {
        let Request { method, headers, .. } = &self.request;
        json!({
            "method": method.as_str(), "uri": self.shown_url, "headers": shown_headers(headers),
        })
    }
}

/// Builds the request, with the key of the attempt as `Idempotency-Key`.
pub(crate) fn prepare(
    arguments: &Arguments<'_>,
    key: &str,
    filling: &mut Filling<'_>,
) -> Result<Prepared, Problem> {
    let (url, shown_url) = urls(arguments, filling)?;
    let label = format!("{} {}", arguments.method, without_query(&shown_url));
    let mut headers = headers(arguments.headers, filling)?;
    let body = body(arguments.body, &mut headers, filling)?;
    if !headers.contains_key("idempotency-key") {
        let value = HeaderValue::from_str(key)
            .map_err(|_| invalid("the key of the attempt cannot be sent as a header"))?;
        headers.insert("idempotency-key", value);
    }
    let method = arguments.method.clone();
    Ok(Prepared {
        request: Request { method, url, headers, body, label },
        shown_url,
        body_has_secret: arguments.body.is_some_and(value_has_placeholder),
    })
}

/// The URL, and the form of it that may be shown.
fn urls(arguments: &Arguments<'_>, filling: &mut Filling<'_>) -> Result<(Url, String), Problem> {
    let query = arguments.query.map(|query| Value::Object(query.clone()));
    let shown_uri = shown(arguments.uri);
    let filled_query = query.as_ref().map(|query| filling.value(query)).transpose()?;
    let filled = filling.uri(arguments.uri)?;
    let full = url(&filled, filled_query.as_ref().and_then(Value::as_object))
        .map_err(|complaint| invalid(format!("{complaint} ({})", without_query(&shown_uri))))?;
    let has_secret =
        has_placeholder(arguments.uri) || query.as_ref().is_some_and(value_has_placeholder);
    if !has_secret {
        let shown_url = full.to_string();
        return Ok((full, shown_url));
    }
    let shown_query = query.as_ref().map(shown_value);
    // A URI that is a secret as a whole has no shown form but its name.
    let shown_url = url(&shown_uri, shown_query.as_ref().and_then(Value::as_object));
    let shown_url = shown_url.map_or(shown_uri, String::from);
    Ok((full, shown_url))
}

fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}

/// The URL with the query parameters appended, or a complaint.
fn url(uri: &str, query: Option<&Map<String, Value>>) -> Result<Url, String> {
    let mut url = Url::parse(uri).map_err(|error| format!("the endpoint is no URL: {error}"))?;
    let query = query.filter(|query| !query.is_empty());
    for (name, value) in query.into_iter().flatten() {
        let values = match value {
            Value::Array(list) => list.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            if value.is_null() {
                continue;
            }
            let text = scalar(value).ok_or_else(|| {
                format!("the query parameter `{name}` is no text, number or flag")
            })?;
            url.query_pairs_mut().append_pair(name, &text);
        }
    }
    Ok(url)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn headers(
    wanted: Option<&Map<String, Value>>,
    filling: &mut Filling<'_>,
) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    let Some(wanted) = wanted else { return Ok(headers) };
    if wanted.len() > HEADERS_MAX {
        return Err(invalid(format!("there are more than {HEADERS_MAX} headers")));
    }
    for (name, value) in wanted {
        let shown_name = name.escape_debug();
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("`{shown_name}` is no name of a header")))?;
        if REFUSED_HEADERS.contains(&parsed.as_str()) {
            return Err(invalid(format!("the header `{parsed}` is set by Holdpoint itself")));
        }
        if value.is_null() {
            continue;
        }
        let text = scalar(value)
            .ok_or_else(|| invalid(format!("the header `{parsed}` is no text, number or flag")))?;
        let mut filled = HeaderValue::from_str(&filling.text(&text)?).map_err(|_| {
            invalid(format!("the header `{parsed}` has characters that no header can carry"))
        })?;
        filled.set_sensitive(has_placeholder(&text));
        headers.insert(parsed, filled);
    }
    Ok(headers)
}

fn shown_headers(headers: &HeaderMap) -> Map<String, Value> {
    let shown = |(name, value): (&HeaderName, &HeaderValue)| {
        let hidden = HIDDEN_HEADERS.contains(&name.as_str()) || value.is_sensitive();
        let value = if hidden { "[redacted]" } else { value.to_str().unwrap_or_default() };
        (name.as_str().to_owned(), value.into())
    };
    headers.iter().map(shown).collect()
}

/// The bytes of the body: JSON unless a `Content-Type` says otherwise, which is set if missing.
fn body(
    body: Option<&Value>,
    headers: &mut HeaderMap,
    filling: &mut Filling<'_>,
) -> Result<Option<Vec<u8>>, Problem> {
    let Some(body) = body else { return Ok(None) };
    let filled = value_has_placeholder(body).then(|| filling.value(body)).transpose()?;
    let body = filled.as_ref().unwrap_or(body);
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.map(|value| value.to_ascii_lowercase());
    let bytes = match (media_type.as_deref(), body) {
        (Some(_), Value::String(text)) => text.clone().into_bytes(),
        (Some(form), Value::Object(fields))
            if form.starts_with("application/x-www-form-urlencoded") =>
        {
            // The query of a URL is written in the same way as a form.
            let url = url("http://form/", Some(fields)).map_err(invalid)?;
            url.query().unwrap_or_default().as_bytes().to_vec()
        }
        (Some(form), _) if form.starts_with("multipart/") => {
            return Err(invalid("a multipart body must be given as a string"));
        }
        (_, json) => serde_json::to_vec(json).map_err(|error| invalid(error.to_string()))?,
    };
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    Ok(Some(bytes))
}
