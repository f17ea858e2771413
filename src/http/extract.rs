//! What handlers take from a request: typed bodies, queries and ids. Each refuses what it does not
//! know, by name.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::problem::FieldError;
use crate::http::body_room::BodyRoom;
use crate::http::codes;
use crate::http::problem::ApiError;
use crate::http::strict_json;
use crate::model::id::{BatchId, CheckpointId, JobId};
use crate::model::limits::{BODY_BYTES_MAX, BODY_BYTES_SMALL};

/// How long a body may take to arrive: slow senders must not hold a connection for ever.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// The largest body that is read, bytes. The door puts it into every request.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// The limit of a request; that of the model when nobody set one.
    pub fn of(request: &Request) -> usize {
        request.extensions().get::<BodyLimit>().map_or(BODY_BYTES_MAX, |limit| limit.0)
    }
}

/// A JSON body. `raw` is the value as it was sent, for digests.
#[derive(Debug, Clone)]
pub struct JsonBody<T> {
    /// The typed body.
    pub value: T,
    /// The same, as it came.
    pub raw: Value,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        require_kind(request.headers(), &["application/json"])?;
        let max = BodyLimit::of(&request);
        let bytes = read_body(request, max).await?;
        let raw = parse(&bytes)?;
        Ok(Self { value: typed(&raw)?, raw })
    }
}

/// A JSON body that may be missing altogether: then every member has its default.
#[derive(Debug, Clone)]
pub struct OptionalJsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = require_kind(request.headers(), &["application/json"]);
        let max = BodyLimit::of(&request);
        let bytes = read_body(request, max).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        kind?;
        Ok(Self(typed(&parse(&bytes)?)?))
    }
}

/// Refuses a body of another kind, and says which it was: one of `allowed` (without parameters).
pub fn require_kind(
    headers: &HeaderMap,
    allowed: &[&'static str],
) -> Result<&'static str, ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let found = allowed.iter().find(|kind| kind.eq_ignore_ascii_case(essence));
    found.copied().ok_or_else(|| {
        let given = if essence.is_empty() { "none" } else { essence };
        let list = allowed.join(" or ");
        let detail = format!("the Content-Type is {given}; this route takes {list}");
        ApiError::new(codes::WRONG_CONTENT_TYPE, detail)
    })
}

/// Reads a body up to `max` bytes, as far as there is room. A longer one is refused before reading
/// when its length is announced.
pub async fn read_body(request: Request, max: usize) -> Result<Bytes, ApiError> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    let length = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(max);
    let room = request.extensions().get::<BodyRoom>().cloned();
    let reading = collect(request.into_body(), length, max, room);
    tokio::time::timeout(BODY_TIME_MAX, reading).await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {} s", BODY_TIME_MAX.as_secs());
        Err(ApiError::new(codes::TIMED_OUT, detail))
    })
}

/// Collects what comes. Room is taken when more has come than a small body has, so that whoever
/// announces much and sends nothing keeps nobody out.
async fn collect(
    body: Body,
    length: usize,
    max: usize,
    room: Option<BodyRoom>,
) -> Result<Bytes, ApiError> {
    let mut body = Limited::new(body, max);
    let mut bytes = Vec::with_capacity(length.min(BODY_BYTES_SMALL));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => too_large(max),
            false => ApiError::new(codes::MALFORMED, format!("reading the body failed: {error}")),
        })?;
        // What is no data is a trailer, which nobody asked for.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES_SMALL
            && let Some(room) = &room
            && let Err(busy) = room.take(length).await
        {
            drop(bytes);
            // Many clients look for an answer only when they have sent everything.
            while let Some(Ok(_)) = body.frame().await {}
            return Err(busy);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Bytes::from(bytes))
}

fn too_large(max: usize) -> ApiError {
    let detail = format!("the body is longer than the {max} bytes that this route takes");
    ApiError::new(codes::TOO_LARGE, detail)
}

/// Parses a JSON body strictly.
pub fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    strict_json::parse(bytes)
        .map_err(|error| ApiError::new(codes::MALFORMED, format!("the body is no JSON: {error}")))
}

/// A body as this type, or what does not fit and where.
pub fn typed<T: DeserializeOwned>(raw: &Value) -> Result<T, ApiError> {
    // serde would take the items of a list for the members, in their order.
    if raw.is_array() {
        return Err(ApiError::invalid_at("", "a list is here where an object is wanted"));
    }
    serde_path_to_error::deserialize(raw).map_err(|error| {
        let mut pointer = pointer(error.path());
        let message = error.into_inner().to_string();
        if let Some(name) = named(&message, "missing field `") {
            pointer = format!("{pointer}/{}", escape(name));
        }
        ApiError::invalid_at(pointer, message)
    })
}

fn named<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split('`').next()
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", escape(variant))),
            Segment::Unknown => {}
        }
    }
    pointer
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The query. Every member of `T` is an optional text: the handler reads them with `parameter`.
#[derive(Debug, Clone)]
pub struct QueryOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let mut members = serde_json::Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        if members.contains_key(&name) {
            let message = format!("parameter {name:?} is there twice");
            return Err(ApiError::invalid(vec![FieldError::parameter(name, message)]));
        }
        members.insert(name, Value::String(decode(value)?));
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| {
        let message = error.to_string();
        let name = named(&message, "unknown field `").unwrap_or_default();
        ApiError::invalid(vec![FieldError::parameter(name, message.clone())])
    })
}

fn decode(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| {
        ApiError::new(codes::MALFORMED, format!("the query holds bytes that are no UTF-8: {text}"))
    })
}

/// Reads a query parameter that was given; an empty one counts as not given.
pub fn parameter<V, E: std::fmt::Display>(
    name: &str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<V, E>,
) -> Result<Option<V>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |error: E| ApiError::invalid(vec![FieldError::parameter(name, error.to_string())]);
    read(text).map(Some).map_err(wrong)
}

/// The id of a job in the path. What is no id names no job.
#[derive(Debug, Clone, Copy)]
pub struct JobPath(pub JobId);

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let missing = |_| ApiError::new(codes::NO_SUCH_JOB, "there is no such job");
        text_of_path(parts, state).await?.parse().map(Self).map_err(missing)
    }
}

/// The id of a checkpoint in the path.
#[derive(Debug, Clone, Copy)]
pub struct CheckpointPath(pub CheckpointId);

impl<S: Send + Sync> FromRequestParts<S> for CheckpointPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let missing = |_| ApiError::new(codes::NO_SUCH_CHECKPOINT, "there is no such checkpoint");
        text_of_path(parts, state).await?.parse().map(Self).map_err(missing)
    }
}

/// The id of a batch in the path.
#[derive(Debug, Clone, Copy)]
pub struct BatchPath(pub BatchId);

impl<S: Send + Sync> FromRequestParts<S> for BatchPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let missing = |_| ApiError::new(codes::NO_SUCH_BATCH, "there is no such batch");
        text_of_path(parts, state).await?.parse().map(Self).map_err(missing)
    }
}

/// A name in the path.
#[derive(Debug, Clone)]
pub struct NamePath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for NamePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        text_of_path(parts, state).await.map(Self)
    }
}

async fn text_of_path<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(text)| text).map_err(|error| ApiError::new(codes::MALFORMED, error.body_text()))
}
