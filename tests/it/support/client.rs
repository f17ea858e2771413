//! A signed-in client that hides nothing: it answers every status with its body, so that a test can
//! ask for refusals as well. What a caller of the API sees, and no type of the program.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};

/// An answer as it arrived.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON; null when the body is none.
    pub body: Value,
}

impl Reply {
    /// The body of an answer that must have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }
}

/// A client of one server, as one person.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Client {
    /// Signs in with the cookie of a login, as a browser does.
    pub async fn login(base: &str, email: &str, password: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut client = Self { http, base: base.to_owned(), cookie: String::new() };
        let reply =
            client.post("/api/auth/login", &json!({"email": email, "password": password})).await;
        let cookie = reply.headers.get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
        reply.expect(200);
        let cookie = cookie.expect("a login sets a cookie");
        client.cookie = cookie.split(';').next().unwrap().to_owned();
        client
    }

    /// A client without a login.
    pub fn anonymous(base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, base: base.to_owned(), cookie: String::new() }
    }

    /// The cookie of the login, as a request carries it.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The text of an answer that is no JSON.
    pub async fn text(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        request.send().await.expect("an answer").text().await.expect("a text")
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(("application/json", body.to_string()))).await
    }

    /// Asks once, with an idempotency key or without; nothing when no whole answer came.
    pub async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> Option<Reply> {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let mut request = request.header(ORIGIN, &self.base).header(COOKIE, &self.cookie);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await.ok()?).unwrap_or_default();
        Some(Reply { status, headers, body })
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(("application/json", body.to_string()))).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some(("application/json", body.to_string()))).await
    }

    pub async fn delete(&self, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(|body| ("application/json", body.to_string()));
        self.send(Method::DELETE, path, body).await
    }

    /// Any request; a body comes with its media type.
    pub async fn send(&self, method: Method, path: &str, body: Option<(&str, String)>) -> Reply {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).header(ORIGIN, &self.base);
        if !self.cookie.is_empty() {
            request = request.header(COOKIE, &self.cookie);
        }
        if let Some((kind, body)) = body {
            request = request.header(CONTENT_TYPE, kind).body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status, headers, body }
    }
}
