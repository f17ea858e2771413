//! The arguments of `call: http`, read from their rendered form. It borrows and resolves nothing.

use reqwest::Method;
use serde_json::{Map, Value};

use crate::model::problem::{Kind, Problem};

/// What becomes the output of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The body in base64.
    Raw,
    /// The body, deserialized when its media type says how.
    Content,
    /// The whole response.
    Response,
}

/// The arguments of one call.
pub(crate) struct Arguments<'a> {
    pub(crate) method: Method,
    pub(crate) uri: &'a str,
    pub(crate) authentication: Option<&'a Value>,
    pub(crate) headers: Option<&'a Map<String, Value>>,
    pub(crate) query: Option<&'a Map<String, Value>>,
    pub(crate) body: Option<&'a Value>,
    pub(crate) output: Output,
    pub(crate) redirect: bool,
}

const KNOWN: [&str; 8] =
    ["method", "endpoint", "headers", "query", "body", "output", "redirect", "authentication"];

/// A complaint about one argument.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Validation, format!("call http: {}", detail.into()))
}

impl<'a> Arguments<'a> {
    pub(crate) fn read(arguments: &'a Value) -> Result<Self, Problem> {
        let with = arguments.as_object().ok_or_else(|| invalid("`with` must be an object"))?;
        if let Some(unknown) = with.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            let known = KNOWN.join(", ");
            return Err(invalid(format!("`{unknown}` is no argument; there are {known}")));
        }
        let (uri, inner) = endpoint(with.get("endpoint"))?;
        Ok(Self {
            method: method(with.get("method"))?,
            uri,
            authentication: present(with.get("authentication")).or(inner),
            headers: map(with, "headers")?,
            query: map(with, "query")?,
            body: present(with.get("body")),
            output: output(with.get("output"))?,
            redirect: match present(with.get("redirect")) {
                None => false,
                Some(Value::Bool(redirect)) => *redirect,
                Some(_) => return Err(invalid("`redirect` must be true or false")),
            },
        })
    }
}

/// An expression that finds nothing yields null, which means the same as leaving it out.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn method(value: Option<&Value>) -> Result<Method, Problem> {
    let text = value
        .and_then(Value::as_str)
        .ok_or_else(|| invalid("`method` is missing; give one such as `get`"))?;
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes());
    // CONNECT asks for a tunnel and TRACE for an echo of the credentials.
    method.ok().filter(|method| *method != Method::CONNECT && *method != Method::TRACE).ok_or_else(
        || invalid(format!("`{}` is no method that can be called", text.escape_debug())),
    )
}

fn endpoint(value: Option<&Value>) -> Result<(&str, Option<&Value>), Problem> {
    match value {
        Some(Value::String(uri)) => Ok((uri, None)),
        Some(Value::Object(endpoint)) => {
            let uri = endpoint
                .get("uri")
                .and_then(Value::as_str)
                .ok_or_else(|| invalid("`endpoint.uri` is missing or no string"))?;
            Ok((uri, present(endpoint.get("authentication"))))
        }
        _ => Err(invalid("`endpoint` is missing; give a URI or {uri, authentication}")),
    }
}

fn map<'a>(
    with: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, Problem> {
    match present(with.get(name)) {
        None => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(invalid(format!("`{name}` must be an object of names and values"))),
    }
}

fn output(value: Option<&Value>) -> Result<Output, Problem> {
    match present(value).map(Value::as_str) {
        None | Some(Some("content")) => Ok(Output::Content),
        Some(Some("raw")) => Ok(Output::Raw),
        Some(Some("response")) => Ok(Output::Response),
        Some(_) => Err(invalid("`output` must be raw, content or response")),
    }
}
