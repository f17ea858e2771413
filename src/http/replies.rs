//! `Idempotency-Key` for every request that changes something: the answer is kept for a day, and
//! the same request gets it again without being carried out. An answer that shows a secret is never
//! kept.
//!
//! The answer is written after the effect. A crash between the two leaves the effect without an
//! answer; then the repeated request is carried out, and what the handler does by itself counts: a
//! decision or an end that stands is confirmed or refused, never done twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::problem::Problem;
use crate::engine::{Engine, EngineError};
use crate::http::authorize::Caller;
use crate::http::body_room::BodyRoom;
use crate::http::extract::{BodyLimit, read_body};
use crate::http::problem::ApiError;
use crate::http::{codes, policy};
use crate::model::id::ContentHash;
use crate::model::limits::{IDEMPOTENCY_KEPT, IDEMPOTENCY_KEY_BYTES_MAX};
use crate::model::time::Timestamp;

/// The kind of the documents.
pub const REPLIES: &str = "replies";
/// The header that names a request.
pub const KEY: &str = "idempotency-key";
/// The header of an answer that was kept.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const PROBLEM: &str = "application/problem+json";
/// Largest answer that is kept, bytes; a larger one can be read where it came from.
const REPLY_BYTES_MAX: u64 = 64 * 1024;
/// Documents read at once while old ones are removed.
const SWEEP_PAGE: usize = 200;
/// How soon a repeated request may come again while the first is under way, seconds.
const UNDER_WAY_RETRY_SECS: u64 = 1;
/// Members of answers that hold secrets, whatever the route says of itself.
const SECRET_MEMBERS: &[&str] = &["password", "secret", "token", "signingSecret", "linkUrl"];

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    /// What the request was.
    request: String,
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// The body; nothing when it is not to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// The kept answers of an engine, and the requests that will have one.
#[derive(Clone)]
pub(crate) struct Replies {
    engine: Engine,
    under_way: Arc<Mutex<HashMap<String, String>>>,
}

/// The place of a request among those under way; free again when it is dropped.
struct Place {
    replies: Replies,
    id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.replies.under_way().remove(&self.id);
    }
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

/// The key of a request, if it has one.
///
/// # Errors
/// 422 when it is no key.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.trim().is_empty());
    let key = key.filter(|key| key.len() <= IDEMPOTENCY_KEY_BYTES_MAX);
    key.map(Some).ok_or_else(|| {
        let detail = format!(
            "Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters"
        );
        ApiError::new(codes::INVALID_REQUEST, detail)
    })
}

/// Is this a request whose answer is to be kept? One of a known caller that changes something under
/// a key, where the route does not keep its keys itself.
pub(crate) fn concerns(parts: &Parts) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    parts.headers.contains_key(KEY)
        && !parts.method.is_safe()
        && parts.extensions.get::<Caller>().is_some()
        && !policy::is_listed(policy::KEEP_THEIR_KEYS, &parts.method, path)
        && !policy::is_listed(policy::TAKE_PASSWORDS, &parts.method, path)
}

/// Removes answers that are kept no longer; says how many.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn remove_old(engine: &Engine) -> Result<u64, EngineError> {
    let mut removed = 0;
    let mut after: Option<String> = None;
    loop {
        let page = engine.documents(REPLIES, after.as_deref(), SWEEP_PAGE).await?;
        for document in &page {
            if is_old(document.updated_at, engine.now()) {
                removed += u64::from(engine.remove_document(REPLIES, &document.id).await?);
            }
        }
        match page.last() {
            Some(last) if page.len() == SWEEP_PAGE => after = Some(last.id.clone()),
            _ => return Ok(removed),
        }
    }
}

fn is_old(kept_at: Timestamp, now: Timestamp) -> bool {
    now.since(kept_at) >= IDEMPOTENCY_KEPT
}

impl Replies {
    /// The answers that this engine keeps.
    pub fn new(engine: Engine) -> Self {
        Self { engine, under_way: Arc::default() }
    }

    /// Answers a request that `concerns` this: with what is kept, or with what its handler says,
    /// which is kept whatever becomes of the client.
    pub async fn answer(&self, request: Request, next: Next) -> Response<Body> {
        match self.try_answer(request, next).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    }

    async fn try_answer(&self, request: Request, next: Next) -> Result<Response<Body>, ApiError> {
        let caller = request.extensions().get::<Caller>();
        let (Some(key), Some(caller)) = (key(request.headers())?, caller) else {
            return Ok(next.run(request).await);
        };
        let name = format!("{}\n{key}", caller.principal());
        let id = ContentHash::of(name.as_bytes()).to_string();
        let max = BodyLimit::of(&request);
        let (parts, bytes) = buffered(request, max).await?;
        let digest = digest(&name, &parts, &bytes);
        let place = self.take_place(&id, &digest)?;
        if let Some(kept) = self.kept(&id).await? {
            return replay(kept, &digest, parts.uri.path());
        }
        let shows_secret = shows_secret(&parts);
        let (replies, room) = (self.clone(), parts.extensions.get::<BodyRoom>().cloned());
        // In a task of its own: a client that leaves must not take its answer with it.
        let work = tokio::spawn(async move {
            let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
            let response = replies.keep(&place.id, digest, shows_secret, response).await;
            drop((place, room));
            response
        });
        work.await.map_err(|failure| {
            tracing::error!(%failure, "a request died in the middle");
            ApiError::new(codes::INTERNAL, "the request died; the log says why")
        })
    }

    fn take_place(&self, id: &str, digest: &str) -> Result<Place, ApiError> {
        let mut under_way = self.under_way();
        match under_way.get(id) {
            Some(other) if other != digest => Err(reused()),
            Some(_) => {
                let detail = "the first request with this Idempotency-Key is still under way";
                Err(ApiError::new(codes::KEY_IN_USE, detail).retry_after(UNDER_WAY_RETRY_SECS))
            }
            None => {
                under_way.insert(id.to_owned(), digest.to_owned());
                Ok(Place { replies: self.clone(), id: id.to_owned() })
            }
        }
    }

    async fn kept(&self, id: &str) -> Result<Option<Kept>, ApiError> {
        let Some(document) = self.engine.document(REPLIES, id).await? else { return Ok(None) };
        if is_old(document.updated_at, self.engine.now()) {
            return Ok(None);
        }
        serde_json::from_slice(&document.body).map(Some).map_err(|error| {
            tracing::error!(%id, %error, "a kept answer cannot be read");
            ApiError::new(codes::INTERNAL, "the answer to the first request cannot be read")
        })
    }

    /// Keeps an answer that settles the matter. When it cannot be kept, the answer is given all the
    /// same: the effect is there.
    async fn keep(
        &self,
        id: &str,
        digest: String,
        shows_secret: bool,
        response: Response<Body>,
    ) -> Response<Body> {
        if !settles(response.status()) {
            return response;
        }
        let (parts, body) = response.into_parts();
        let is_short = body.size_hint().upper().is_some_and(|upper| upper <= REPLY_BYTES_MAX);
        let (body, bytes) = if is_short {
            let limit = usize::try_from(REPLY_BYTES_MAX).unwrap_or(usize::MAX);
            let bytes = axum::body::to_bytes(body, limit).await.unwrap_or_default();
            (Body::from(bytes.clone()), Some(bytes))
        } else {
            (body, None)
        };
        let text = bytes.filter(|_| !shows_secret).and_then(|bytes| to_keep(&bytes));
        let header =
            |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let kept = Kept {
            request: digest,
            status: parts.status.as_u16(),
            content_type: header(header::CONTENT_TYPE).map(str::to_owned),
            location: header(header::LOCATION).map(str::to_owned),
            body: text,
        };
        let written = match serde_json::to_vec(&kept) {
            Ok(body) => self.engine.put_document(REPLIES, id, body, None).await.map(|_| ()),
            Err(_) => Ok(()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key");
        }
        Response::from_parts(parts, body)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // The map is valid whatever the holder was doing when it died.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn buffered(request: Request, max: usize) -> Result<(Parts, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    let mut reading = Request::new(body);
    if let Some(length) = parts.headers.get(header::CONTENT_LENGTH) {
        reading.headers_mut().insert(header::CONTENT_LENGTH, length.clone());
    }
    if let Some(room) = parts.extensions.get::<BodyRoom>() {
        reading.extensions_mut().insert(room.clone());
    }
    Ok((parts, read_body(reading, max).await?))
}

/// What a request is, as far as its repetition must be the same. The key is in it and is kept
/// nowhere else, so what is kept does not help to guess a body.
fn digest(name: &str, parts: &Parts, body: &[u8]) -> String {
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = String::from_utf8_lossy(kind);
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let body = ContentHash::of(body);
    let text = format!("{name}\n{} {target}\n{kind}\n{body}", parts.method);
    ContentHash::of(text.as_bytes()).to_string()
}

fn shows_secret(parts: &Parts) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    policy::is_listed(policy::SHOW_SECRETS, &parts.method, path)
}

/// Does this answer settle the matter, so that a repetition would get the same? A fault, a login
/// that is missing, a right that may come and a limit that passes do not.
fn settles(status: StatusCode) -> bool {
    let passes = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !passes.contains(&status)
}

/// The body as it may be kept: text without a secret.
fn to_keep(body: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    (!names_secret(&value)).then(|| text.to_owned())
}

fn names_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            (SECRET_MEMBERS.contains(&name.as_str()) && value.is_string()) || names_secret(value)
        }),
        Value::Array(items) => items.iter().any(names_secret),
        _ => false,
    }
}

/// The text of a problem with the path that it is about, which is put in further out.
fn named(body: String, path: &str) -> String {
    match serde_json::from_str::<Problem>(&body) {
        Ok(problem) => {
            let named = Problem { instance: path.to_owned(), ..problem };
            serde_json::to_string(&named).unwrap_or(body)
        }
        Err(_) => body,
    }
}

fn reused() -> ApiError {
    let detail = "this Idempotency-Key came with another request before";
    ApiError::new(codes::KEY_REUSED, detail)
}

fn replay(kept: Kept, digest: &str, path: &str) -> Result<Response<Body>, ApiError> {
    if kept.request != digest {
        return Err(reused());
    }
    let Some(body) = kept.body else {
        let made = kept.location.as_deref().unwrap_or(path);
        let detail = format!(
            "the request was carried out before, with the status {}; its answer is not kept, look \
             at {made}",
            kept.status
        );
        return Err(ApiError::new(codes::ALREADY_DONE, detail));
    };
    let is_problem = kept.content_type.as_deref() == Some(PROBLEM);
    let body = if is_problem { named(body, path) } else { body };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, text) in
        [(header::CONTENT_TYPE, kept.content_type), (header::LOCATION, kept.location)]
    {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
