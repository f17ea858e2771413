//! One exchange over HTTP: a request goes out through the guard, a bounded answer comes back. It
//! never follows a redirect and never repeats a request that may have been read.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url, redirect};

use crate::calls::caller::CallsError;
use crate::calls::egress::{EgressError, Guard};
use crate::calls::options::Options;
use crate::calls::resolver::{GuardedResolver, Lookup, Unresolved};
use crate::model::problem::{Kind, Problem};

/// Idle connections kept for each host: as many as calls may run there at a time.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// How long an idle connection is kept: shorter than what servers commonly do, so that a request
/// rarely meets a connection that is being closed.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The clients and limits of outgoing requests.
pub(crate) struct Wire {
    guard: Arc<Guard>,
    /// One client for each port that a rule names, and one for all others: a resolver is told the
    /// name alone, so the port that it checks against must be known beforehand.
    clients: BTreeMap<Option<u16>, Client>,
    /// Why https cannot be called, if it cannot.
    https_missing: Option<String>,
    connect_timeout_ms: u64,
    response_timeout: Duration,
    response_bytes_max: usize,
}

/// A request that is ready to go.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
    /// How the request is named in errors: without a query and without secrets.
    pub(crate) label: String,
}

/// The answer to a request, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }
}

impl Wire {
    pub(crate) fn new(
        options: &Options,
        guard: Arc<Guard>,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, CallsError> {
        let roots = read_roots(options)?;
        let ports = guard.ports().map(Some).chain([None]).collect::<Vec<_>>();
        let build = |system_roots: bool| {
            let client = |port: Option<u16>| {
                let (guard, lookup) = (Arc::clone(&guard), Arc::clone(&lookup));
                let resolver = GuardedResolver { guard, lookup, port };
                let client = client(options, resolver, &roots, system_roots)?;
                Ok::<_, reqwest::Error>((port, client))
            };
            ports.iter().copied().map(client).collect::<Result<BTreeMap<_, _>, _>>()
        };
        // A system without certificate authorities can still call http.
        let (clients, https_missing) = match build(true) {
            Ok(clients) => (clients, None),
            Err(reason) => {
                let clients =
                    build(false).map_err(|error| CallsError::Client(chain_text(&error)))?;
                (clients, roots.is_empty().then(|| chain_text(&reason)))
            }
        };
        Ok(Self {
            guard,
            clients,
            https_missing,
            connect_timeout_ms: options.connect_timeout_ms,
            response_timeout: Duration::from_millis(options.response_timeout_ms),
            response_bytes_max: options.response_bytes_max,
        })
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Answer, Problem> {
        let label = &request.label;
        self.guard.check(&request.url).map_err(|error| refusal(label, &error))?;
        if let Some(reason) =
            self.https_missing.as_ref().filter(|_| request.url.scheme() == "https")
        {
            let detail = format!(
                "{label}: https needs certificate authorities, and the system has none ({reason}); \
                 install its package `ca-certificates` or set `[egress] ca_files`"
            );
            return Err(Problem::new(Kind::Configuration, detail));
        }
        let port = self.guard.port_of(&request.url);
        let client = self.clients.get(&port).or_else(|| self.clients.get(&None));
        let client = client.ok_or_else(|| Problem::new(Kind::Runtime, "no client for calls"))?;
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = self.patient(label, builder.send()).await?;
        self.read(label, response).await
    }

    /// Waits for the other side, but no longer than `response_timeout_ms`.
    async fn patient<T>(
        &self,
        label: &str,
        step: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.response_timeout, step).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failure(label, &error)),
            Err(_) => {
                let limit = self.response_timeout.as_millis();
                let detail =
                    format!("{label}: no answer for {limit} ms (`[egress] response_timeout_ms`)");
                Err(Problem::new(Kind::Timeout, detail))
            }
        }
    }

    async fn read(&self, label: &str, mut response: Response) -> Result<Answer, Problem> {
        let cap = self.response_bytes_max;
        let too_large = || {
            let detail = format!(
                "{label}: the answer is larger than {cap} bytes (`[egress] response_bytes_max`)"
            );
            Problem::new(Kind::Communication, detail)
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > cap as u64 {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(piece) = self.patient(label, response.chunk()).await? {
            if piece.len() > cap - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }

    fn failure(&self, label: &str, error: &reqwest::Error) -> Problem {
        if let Some(refused) = cause::<EgressError>(error) {
            return refusal(label, refused);
        }
        if let Some(unresolved) = cause::<Unresolved>(error) {
            return Problem::new(Kind::Communication, format!("{label}: {unresolved}"));
        }
        let refused = |e: &io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
        if cause::<io::Error>(error).is_some_and(refused) {
            return Problem::new(Kind::Communication, format!("{label}: connection refused"));
        }
        if error.is_timeout() {
            let limit = self.connect_timeout_ms;
            let detail =
                format!("{label}: not connected after {limit} ms (`[egress] connect_timeout_ms`)");
            return Problem::new(Kind::Timeout, detail);
        }
        if error.is_builder() {
            let detail = format!("{label}: the request is malformed: {}", chain_text(error));
            return Problem::new(Kind::Validation, detail);
        }
        let what = if error.is_connect() { "could not connect" } else { "the connection broke" };
        let reason = chain_text(error);
        // The type of this error belongs to a crate that is not ours to name.
        let hint = match reason.contains("UnknownIssuer") {
            true => "; to trust its authority add it to `[egress] ca_files`",
            false => "",
        };
        Problem::new(Kind::Communication, format!("{label}: {what}: {reason}{hint}"))
    }
}

fn refusal(label: &str, error: &EgressError) -> Problem {
    Problem::new(Kind::Authorization, format!("{label}: {error}"))
}

fn client(
    options: &Options,
    resolver: GuardedResolver,
    roots: &[Certificate],
    system_roots: bool,
) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(resolver))
        // A proxy would resolve names itself, past the guard.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .tcp_nodelay(true);
    let roots = roots.iter().cloned();
    let builder =
        if system_roots { builder.tls_certs_merge(roots) } else { builder.tls_certs_only(roots) };
    builder.build()
}

fn read_roots(options: &Options) -> Result<Vec<Certificate>, CallsError> {
    let mut roots = Vec::new();
    for path in &options.extra_roots {
        let failed = |reason: String| CallsError::Roots { path: path.clone(), reason };
        let pem = fs::read(path).map_err(|error| failed(error.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|e| failed(chain_text(&e)))?;
        if found.is_empty() {
            return Err(failed("it has no certificate in PEM form".to_owned()));
        }
        roots.extend(found);
    }
    Ok(roots)
}

/// The first cause of this type.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost cause: the outer ones repeat the URL, which may hold a secret.
fn chain_text(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.downcast_ref::<reqwest::Error>() {
        Some(_) => "the client gives no reason".to_owned(),
        None => innermost.to_string(),
    }
}
