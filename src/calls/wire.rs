//! One exchange over HTTP: a request goes out through the guard, a bounded answer comes back. It
//! never follows a redirect and never repeats a request that may have been read.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url, redirect};

use crate::calls::caller::CallsError;
use crate::calls::egress::{EgressError, Guard};
use crate::calls::options::Options;
use crate::calls::resolver::{EndpointError, GuardedResolver, Lookup, Unresolved};
use crate::model::problem::{Kind, Problem};

/// Idle connections kept for each host: as many as calls may run there at a time.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// How long an idle connection is kept: shorter than what servers commonly do, so that a request
/// rarely meets a connection that is being closed.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Most clients with connect timeouts of their own; when there are more, all are made anew.
const CLIENTS_MAX: usize = 64;

/// The clients and limits of outgoing requests.
pub(crate) struct Wire {
    guard: Arc<Guard>,
    forge: Forge,
    /// One client for each port that a rule names, and one for all others: a resolver is told the
    /// name alone, so the port that it checks against must be known beforehand.
    clients: BTreeMap<Option<u16>, Client>,
    /// The same for callers with a connect timeout of their own, which is a setting of a client.
    others: Mutex<BTreeMap<(Option<u16>, u64), Client>>,
    /// Why https cannot be called, if it cannot.
    https_missing: Option<String>,
    limits: Limits,
}

/// What one exchange may take, and where an operator finds the figures.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_ms: u64,
    pub(crate) response_ms: u64,
    pub(crate) body_bytes_max: usize,
    /// The names of the first two settings, for errors.
    pub(crate) names: [&'static str; 2],
}

/// Why there is no answer.
pub(crate) struct Trouble {
    pub(crate) problem: Problem,
    /// Can the request have reached the other side?
    pub(crate) was_sent: bool,
    /// May it pass by itself?
    pub(crate) may_pass: bool,
}

/// What clients are made of.
struct Forge {
    guard: Arc<Guard>,
    lookup: Arc<dyn Lookup>,
    roots: Vec<Certificate>,
    system_roots: bool,
}

impl Forge {
    fn client(&self, port: Option<u16>, connect_ms: u64) -> Result<Client, reqwest::Error> {
        let (guard, lookup) = (Arc::clone(&self.guard), Arc::clone(&self.lookup));
        let resolver = GuardedResolver { guard, lookup, port };
        client(connect_ms, resolver, &self.roots, self.system_roots)
    }
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
        let ports = guard.ports().map(Some).chain([None]).collect::<Vec<_>>();
        let roots = read_roots(options)?;
        let mut forge = Forge { guard: Arc::clone(&guard), lookup, roots, system_roots: true };
        let build = |forge: &Forge| {
            let client = |port: Option<u16>| {
                Ok::<_, reqwest::Error>((port, forge.client(port, options.connect_timeout_ms)?))
            };
            ports.iter().copied().map(client).collect::<Result<BTreeMap<_, _>, _>>()
        };
        // A system without certificate authorities can still call http.
        let (clients, https_missing) = match build(&forge) {
            Ok(clients) => (clients, None),
            Err(reason) => {
                forge.system_roots = false;
                let clients =
                    build(&forge).map_err(|error| CallsError::Client(chain_text(&error)))?;
                (clients, forge.roots.is_empty().then(|| chain_text(&reason)))
            }
        };
        let limits = Limits {
            connect_ms: options.connect_timeout_ms,
            response_ms: options.response_timeout_ms,
            body_bytes_max: options.response_bytes_max,
            names: ["`[egress] connect_timeout_ms`", "`[egress] response_timeout_ms`"],
        };
        Ok(Self { guard, forge, clients, others: Mutex::default(), https_missing, limits })
    }

    /// Looks up the name in a URL, as a request would.
    pub(crate) async fn check_name(&self, url: &str) -> Result<(), EndpointError> {
        // What is no URL was refused before.
        let Ok(url) = Url::parse(url) else { return Ok(()) };
        let host = url.host_str().unwrap_or_default();
        let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        if is_address {
            return Ok(());
        }
        let (guard, lookup) = (Arc::clone(&self.guard), Arc::clone(&self.forge.lookup));
        let port = self.guard.port_of(&url);
        GuardedResolver { guard, lookup, port }.checked(host).await.map(drop)
    }

    /// The limits of `[egress]`.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The client for a request to this port.
    fn client(&self, port: Option<u16>, connect_ms: u64) -> Result<Client, Problem> {
        let missing = || Problem::new(Kind::Runtime, "no client for calls");
        if connect_ms == self.limits.connect_ms {
            let client = self.clients.get(&port).or_else(|| self.clients.get(&None));
            return client.cloned().ok_or_else(missing);
        }
        let port = port.filter(|port| self.clients.contains_key(&Some(*port)));
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = others.get(&(port, connect_ms)) {
            return Ok(client.clone());
        }
        let client = self.forge.client(port, connect_ms).map_err(|_| missing())?;
        if others.len() >= CLIENTS_MAX {
            others.clear();
        }
        others.insert((port, connect_ms), client.clone());
        Ok(client)
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Answer, Problem> {
        let answer = self.exchange_within(&self.limits, request).await;
        answer.map_err(|trouble| trouble.problem)
    }

    /// The same within these limits.
    pub(crate) async fn exchange_within(
        &self,
        limits: &Limits,
        request: &Request,
    ) -> Result<Answer, Trouble> {
        let label = &request.label;
        self.guard
            .check(&request.url)
            .map_err(|error| Trouble::for_good(refusal(label, &error)))?;
        if let Some(reason) =
            self.https_missing.as_ref().filter(|_| request.url.scheme() == "https")
        {
            let detail = format!(
                "{label}: https needs certificate authorities, and the system has none ({reason}); \
                 install its package `ca-certificates` or set `[egress] ca_files`"
            );
            return Err(Trouble::for_good(Problem::new(Kind::Configuration, detail)));
        }
        let port = self.guard.port_of(&request.url);
        let client = self.client(port, limits.connect_ms).map_err(Trouble::for_good)?;
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = patient(limits, label, builder.send()).await?;
        read(limits, label, response).await
    }
}

impl Trouble {
    /// Nothing was sent, and it would be the same the next time.
    fn for_good(problem: Problem) -> Self {
        Self { problem, was_sent: false, may_pass: false }
    }
}

/// Waits for the other side, but no longer than its limit.
async fn patient<T>(
    limits: &Limits,
    label: &str,
    step: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(Duration::from_millis(limits.response_ms), step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failure(limits, label, &error)),
        Err(_) => {
            let (limit, [_, name]) = (limits.response_ms, limits.names);
            let detail = format!("{label}: no answer for {limit} ms ({name})");
            let problem = Problem::new(Kind::Timeout, detail);
            Err(Trouble { problem, was_sent: true, may_pass: true })
        }
    }
}

async fn read(limits: &Limits, label: &str, mut response: Response) -> Result<Answer, Trouble> {
    let cap = limits.body_bytes_max;
    let too_large = || {
        let detail = format!(
            "{label}: the answer is larger than {cap} bytes (`[egress] response_bytes_max`)"
        );
        let problem = Problem::new(Kind::Communication, detail);
        Trouble { problem, was_sent: true, may_pass: false }
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > cap as u64 {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = patient(limits, label, response.chunk()).await? {
        if piece.len() > cap - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
}

fn failure(limits: &Limits, label: &str, error: &reqwest::Error) -> Trouble {
    let unsent = |problem| Trouble { problem, was_sent: false, may_pass: true };
    if let Some(refused) = cause::<EgressError>(error) {
        return Trouble::for_good(refusal(label, refused));
    }
    if let Some(unresolved) = cause::<Unresolved>(error) {
        return unsent(Problem::new(Kind::Communication, format!("{label}: {unresolved}")));
    }
    let refused = |e: &io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
    if cause::<io::Error>(error).is_some_and(refused) {
        return unsent(Problem::new(Kind::Communication, format!("{label}: connection refused")));
    }
    if error.is_timeout() {
        let (limit, [name, _]) = (limits.connect_ms, limits.names);
        let detail = format!("{label}: not connected after {limit} ms ({name})");
        return unsent(Problem::new(Kind::Timeout, detail));
    }
    if error.is_builder() {
        let detail = format!("{label}: the request is malformed: {}", chain_text(error));
        return Trouble::for_good(Problem::new(Kind::Validation, detail));
    }
    let what = if error.is_connect() { "could not connect" } else { "the connection broke" };
    let reason = chain_text(error);
    // The type of this error belongs to a crate that is not ours to name.
    let hint = match reason.contains("UnknownIssuer") {
        true => "; to trust its authority add it to `[egress] ca_files`",
        false => "",
    };
    let problem = Problem::new(Kind::Communication, format!("{label}: {what}: {reason}{hint}"));
    Trouble { problem, was_sent: !error.is_connect(), may_pass: true }
}

fn refusal(label: &str, error: &EgressError) -> Problem {
    Problem::new(Kind::Authorization, format!("{label}: {error}"))
}

fn client(
    connect_ms: u64,
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
        .connect_timeout(Duration::from_millis(connect_ms))
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
