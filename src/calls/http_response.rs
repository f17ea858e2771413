//! From an answer to the output of `call: http` (dsl-reference.md, "HTTP Call" and "HTTP
//! Response"). No secret that the request used passes here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::{Encoding, UTF_8};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value, json};

use crate::calls::http_request::Prepared;
use crate::calls::redaction::Disclosed;
use crate::calls::wire::Answer;
use crate::model::limits::DEPTH_MAX;
use crate::model::problem::{Kind, Problem};

/// The body in base64.
pub(crate) fn raw(answer: Answer, disclosed: &Disclosed) -> Value {
    Value::String(STANDARD.encode(disclosed.redact_bytes(answer.body)))
}

/// The body: JSON as its value, text as a string, anything else in base64, nothing as null.
pub(crate) fn content(
    label: &str,
    answer: Answer,
    disclosed: &Disclosed,
) -> Result<Value, Problem> {
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    let media_type = answer.media_type();
    if media_type == "application/json" || media_type.ends_with("+json") {
        return json(label, &answer.body).map(|value| disclosed.redact_value(value));
    }
    if media_type.starts_with("text/") {
        let (text, _, _) = charset(&answer.headers).decode(&answer.body);
        return Ok(Value::String(disclosed.redact_text(text.into_owned())));
    }
    Ok(raw(answer, disclosed))
}

/// `{request, statusCode, headers, content}`.
pub(crate) fn response(
    prepared: Prepared,
    answer: Answer,
    disclosed: &Disclosed,
) -> Result<Value, Problem> {
    let status = answer.status.as_u16();
    let headers = disclosed.redact_value(Value::Object(shown_headers(&answer.headers)));
    let content = content(&prepared.request.label, answer, disclosed)?;
    let request = disclosed.redact_value(prepared.shown());
    Ok(json!({
        "request": request, "statusCode": status, "headers": headers, "content": content,
    }))
}

fn json(label: &str, body: &[u8]) -> Result<Value, Problem> {
    parse(body).map_err(|why| {
        let detail = format!("{label}: the answer says that it is JSON, but {why}");
        Problem::new(Kind::Communication, detail)
    })
}

/// The value of a body of JSON, or what is wrong with it.
pub(crate) fn parse(body: &[u8]) -> Result<Value, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if depth(&value) > DEPTH_MAX {
        return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
    }
    Ok(value)
}

/// The levels of nesting. The parser has already refused more than 128, so this may recurse.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn charset(headers: &HeaderMap) -> &'static Encoding {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value
        .into_iter()
        .flat_map(|value| value.split(';').skip(1))
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .and_then(|(_, label)| Encoding::for_label(label.trim().trim_matches('"').as_bytes()))
        .unwrap_or(UTF_8)
}

fn shown_headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let joined = values.collect::<Vec<_>>().join(", ");
        shown.insert(name.as_str().to_owned(), joined.into());
    }
    shown
}
