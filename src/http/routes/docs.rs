//! The API described: the OpenAPI document, a page that lists its routes, and a page for each kind
//! of problem.
//! Nothing is loaded from outside and nothing runs in the browser.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use crate::http::codes;
use crate::http::extract::NamePath;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// The style of these pages.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1b1f24;background:#fff}code{font-family:ui-monospace,monospace}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;\
padding:.35rem .75rem .35rem 0;border-bottom:1px solid #d0d7de}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#79c0ff}\
td,th{border-color:#30363d}}";

/// The OpenAPI document.
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "readOpenApi", tag = "docs",
    description = "This document: OpenAPI 3.1, written from the handlers.",
    responses((status = 200, description = "The document", body = serde_json::Value)))]
pub async fn openapi(State(state): State<HttpState>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, state.openapi.clone()).into_response()
}

/// The page that lists the routes.
#[utoipa::path(get, path = "/api/docs", operation_id = "readDocs", tag = "docs",
    description = "A page that lists every route.",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub async fn page(State(state): State<HttpState>) -> Html<String> {
    let document: Value = serde_json::from_str(&state.openapi).unwrap_or_default();
    let mut rows = String::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default();
            // Writing to a text cannot fail.
            let _ = write!(
                rows,
                "<tr><td><code>{} {}</code></td><td>{}</td></tr>",
                escape(&method.to_uppercase()),
                escape(path),
                escape(text("description")),
            );
        }
    }
    let body = format!(
        "<h1>Holdpoint API</h1><p>The whole description, with shapes and examples, is \
         <a href=\"/api/openapi.json\">OpenAPI 3.1</a>.</p>\
         <table><thead><tr><th>Route</th><th>What it does</th></tr></thead>\
         <tbody>{rows}</tbody></table>"
    );
    Html(frame("Holdpoint API", &body))
}

/// The style of the pages.
#[utoipa::path(get, path = "/api/docs/style.css", operation_id = "readDocsStyle", tag = "docs",
    description = "The style of the pages that describe the API.",
    responses((status = 200, description = "The style", body = String, content_type = "text/css")))]
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// The page of a kind of problem.
#[utoipa::path(get, path = "/problems/{code}", operation_id = "readProblem", tag = "docs",
    description = "What a kind of problem means and what to do: the page that `type` of a \
    problem names.",
    params(("code" = String, Path, description = "The kind of problem", example = "wrong-digest")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub async fn problem(NamePath(name): NamePath) -> Result<Html<String>, ApiError> {
    let code = codes::find(&name).ok_or_else(|| {
        ApiError::new(codes::NO_SUCH_ROUTE, format!("there is no kind of problem {name:?}"))
    })?;
    let body = format!(
        "<h1>{}</h1><p><code>{}</code>, status {}</p><h2>When it comes</h2><p>{}</p>\
         <h2>What to do</h2><p>{}</p>",
        escape(code.title),
        escape(code.name),
        code.status.as_u16(),
        escape(code.meaning),
        escape(code.remedy),
    );
    Ok(Html(frame(code.title, &body)))
}

fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <link rel=\"stylesheet\" href=\"/api/docs/style.css\"></head>\
         <body><main>{body}</main></body></html>",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
