//! The one error of the HTTP layer and how it becomes an answer (RFC 9457). Nothing else writes an
//! error body.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::api::problem::{EarlierDecision, FieldError, Problem};
use crate::http::codes::{self, Code};
use crate::model::status::Status;

/// Why a request was not granted.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// What kind of problem it is.
    pub code: &'static Code,
    /// What happened this time, and what to do.
    pub detail: String,
    /// What is wrong where.
    pub errors: Vec<FieldError>,
    /// Where the job or checkpoint stands.
    pub current_status: Option<String>,
    /// The decision that stands.
    pub decision: Option<Box<EarlierDecision>>,
    /// A header beside the body (`Retry-After`, `Allow`).
    pub header: Option<Box<(HeaderName, String)>>,
}

impl ApiError {
    /// A problem of this kind.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current_status: None,
            decision: None,
            header: None,
        }
    }

    /// Invalid input: what is wrong where. The detail is the first of them.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.first().map(describe).unwrap_or_default();
        Self::new(codes::INVALID_REQUEST, detail).with_errors(errors)
    }

    /// Invalid input at one place of the body.
    pub fn invalid_at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::at(pointer, message)])
    }

    /// The same problem with what is wrong where.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same problem with the status that the job has.
    pub fn with_status(mut self, status: impl Into<String>) -> Self {
        self.current_status = Some(status.into());
        self
    }

    /// The same problem with the time to wait before the next try, whole seconds, at least one.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.header = Some(Box::new((header::RETRY_AFTER, seconds.max(1).to_string())));
        self
    }

    /// The same problem in the words of the agent-job resource.
    pub fn in_agent_words(mut self) -> Self {
        let status = self.current_status.as_deref().and_then(|word| word.parse::<Status>().ok());
        if let Some(status) = status {
            self.current_status = Some(status.agent_job_word().to_owned());
        }
        self
    }

    /// The problem as a body, about this place.
    pub fn body(&self, instance: &str) -> Problem {
        Problem {
            success: false,
            kind: format!("/problems/{}", self.code.name),
            title: self.code.title.to_owned(),
            status: self.code.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            errors: self.errors.clone(),
            current_status: self.current_status.clone(),
            decision: self.decision.as_deref().cloned(),
        }
    }

    /// The problem as its JSON text.
    pub(crate) fn text(&self, instance: &str) -> String {
        serde_json::to_string(&self.body(instance)).unwrap_or_default()
    }

    fn answer(&self, instance: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.text(instance)));
        *response.status_mut() = self.code.status;
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some((name, value)) = self.header.as_deref()
            && let Ok(value) = HeaderValue::from_str(value)
        {
            headers.insert(name.clone(), value);
        }
        response
    }
}

fn describe(error: &FieldError) -> String {
    let place = error.parameter.as_deref().or(error.pointer.as_deref()).unwrap_or_default();
    if place.is_empty() || error.message.contains(place.trim_start_matches('/')) {
        return error.message.clone();
    }
    format!("{place}: {}", error.message)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = self.answer("");
        // `name_instance` knows the path of the request and writes the body once more with it.
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: puts the path of the request into every problem, and a body into answers that
/// others left empty.
pub async fn name_instance(request: Request, next: Next) -> Response<Body> {
    let instance = request.uri().path().to_owned();
    let response = next.run(request).await;
    if let Some(error) = response.extensions().get::<ApiError>() {
        let mut named = error.answer(&instance);
        // Cookies and other headers that inner layers added stay; the body's length and kind are
        // new.
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && !named.headers().contains_key(name) {
                named.headers_mut().append(name.clone(), value.clone());
            }
        }
        return named;
    }
    let has_kind = response.headers().contains_key(header::CONTENT_TYPE);
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && !has_kind {
        return ApiError::new(codes::INTERNAL, "the session could not be saved").answer(&instance);
    }
    response
}
