//! One request and its answer over HTTP. It follows no redirect, uses no proxy, waits for nothing
//! longer than its timeouts and reads no answer beyond its cap.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, ORIGIN, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::auth::Session;
use super::error::{ClientError, Refused};
use crate::api::problem::Problem;

/// A server on the same machine or network accepts at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server's own limit for one request is 30 s by default; its answer should still arrive.
const TIMEOUT: Duration = Duration::from_secs(35);
/// A page of 200 jobs with payloads stays far below it; more is no answer of this API.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An answer: what a client reads of it, and the whole of it as the server sent it.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The part that is read.
    pub body: T,
    /// The whole JSON.
    pub raw: Value,
}

/// A client of one server. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    session: Session,
}

impl Client {
    /// A client of the server at this base address (`http://HOST:PORT`). Nothing is sent yet.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let address = |reason: &dyn ToString| ClientError::Address {
            given: base.to_owned(),
            reason: reason.to_string(),
        };
        let url = Url::parse(base).map_err(|error| address(&error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(address(&"it must begin with http:// or https://"));
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| address(&causes(&error)))?;
        Ok(Self { http, base: url, session: Session::default() })
    }

    /// The base address, without a slash at the end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) fn with_session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    pub(super) fn session(&self) -> Session {
        self.session.clone()
    }

    /// Reads this path.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Answer<T>, ClientError> {
        let request = self.request(Method::GET, path).query(query);
        self.json(self.send(request).await?).await
    }

    /// Reads this path as text.
    pub(super) async fn get_text(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<String, ClientError> {
        let response = self.send(self.request(Method::GET, path).query(query)).await?;
        let bytes = self.bytes(response).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Changes something, with a JSON body or none.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer<T>, ClientError> {
        self.change_once(method, path, body, None).await
    }

    /// The same with an idempotency key: repeating it changes nothing more.
    pub(super) async fn change_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer<T>, ClientError> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.json(self.send(request).await?).await
    }

    /// A request with who asks and, as a browser would say it, from where.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base());
        let mut request = self.http.request(method.clone(), url);
        match &self.session {
            Session::Nobody => {}
            Session::Token(token) => request = request.header(AUTHORIZATION, token.clone()),
            Session::Cookie(cookie) => request = request.header(COOKIE, cookie.clone()),
        }
        if method != Method::GET
            && let Ok(origin) = HeaderValue::from_str(&self.base.origin().ascii_serialization())
        {
            request = request.header(ORIGIN, origin);
        }
        request
    }

    /// Sends it; every status but 2xx is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    /// The answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<Answer<T>, ClientError> {
        let (url, status) = (response.url().to_string(), response.status().as_u16());
        let bytes = self.bytes(response).await?;
        let foreign = |reason: String| ClientError::Foreign { url: url.clone(), status, reason };
        let raw: Value =
            serde_json::from_slice(&bytes).map_err(|error| foreign(format!("no JSON: {error}")))?;
        let body = T::deserialize(&raw).map_err(|error| foreign(error.to_string()))?;
        Ok(Answer { body, raw })
    }

    /// The body of an answer piece by piece, however long it is.
    pub(super) async fn pieces(
        &self,
        mut response: Response,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), ClientError> {
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if !take(&chunk) {
                break;
            }
        }
        Ok(())
    }

    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let (url, status) = (response.url().to_string(), response.status().as_u16());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES_MAX {
                let reason = format!("more than {ANSWER_BYTES_MAX} bytes");
                return Err(ClientError::Foreign { url, status, reason });
            }
        }
        Ok(bytes)
    }

    /// The length of the answer, once all of it is here.
    pub(super) async fn length(&self, response: Response) -> Result<u64, ClientError> {
        Ok(self.bytes(response).await?.len() as u64)
    }

    async fn refused(&self, response: Response) -> ClientError {
        let (url, status) = (response.url().to_string(), response.status().as_u16());
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after_s = header(RETRY_AFTER).and_then(|value| value.parse().ok());
        let is_problem = header(CONTENT_TYPE).is_some_and(|kind| kind.contains("problem+json"));
        let bytes = match self.bytes(response).await {
            Ok(bytes) => bytes,
            Err(error) => return error,
        };
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) if is_problem => {
                ClientError::Refused(Box::new(Refused { problem, retry_after_s }))
            }
            _ => ClientError::Foreign { url, status, reason: "no problem details".to_owned() },
        }
    }

    fn failed(&self, error: &reqwest::Error) -> ClientError {
        let url = self.base().to_owned();
        if error.is_timeout() && !error.is_connect() {
            return ClientError::TimedOut { url, after: TIMEOUT };
        }
        let hint = if error.is_connect() {
            "start one with `holdpoint serve`, or name another with --url or HOLDPOINT_URL"
        } else {
            "the connection broke; the server may have stopped: look at its log"
        };
        ClientError::Unreachable { url, reason: causes(error), hint: hint.to_owned() }
    }
}

/// The innermost cause says what happened; the layers above it only where.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
