//! What an operator may set about the HTTP server, and which settings are refused together.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::http::Uri;

use crate::model::limits::BODY_BYTES_MAX;

/// The settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that people use, such as `https://jobs.example.com`, when it is not `listen`.
    pub public_url: Option<String>,
    /// Does a proxy stand before it that ends TLS and sets `X-Forwarded-For`?
    pub behind_proxy: bool,
    /// Largest body of a request, bytes; a workflow document has its own limit.
    pub body_bytes_max: usize,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    /// How long the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// Connections at once; a further one takes the place of one that is idle, or waits.
    pub connections_max: usize,
    /// Connections at once from one address; behind a proxy every client has the same, so it does
    /// not count there.
    pub connections_per_address_max: usize,
    /// How long a connection may rest between two requests; before the first one it has
    /// `header_timeout`.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub send_timeout: Duration,
    /// How many requests a caller may make.
    pub rates: RateOptions,
    /// How long stopping waits for answers that are under way.
    pub drain_timeout: Duration,
    /// How long a login lasts, however much it is used.
    pub session_lifetime: Duration,
    /// How long it lasts without being used; nothing when that does not matter.
    pub session_idle: Option<Duration>,
    /// Who may read the metrics without a login.
    pub scrape: Scrape,
}

/// How many requests a caller may make in a minute; 0: as many as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// Requests of one principal that only read.
    pub reads_per_minute: u32,
    /// Requests of one principal that may change something.
    pub writes_per_minute: u32,
    /// Requests of one address without a login.
    pub anonymous_per_minute: u32,
    /// Do they hold for programs on this machine too?
    pub limit_loopback: bool,
}

impl Default for RateOptions {
    fn default() -> Self {
        Self {
            reads_per_minute: 6_000,
            writes_per_minute: 3_000,
            anonymous_per_minute: 3_000,
            limit_loopback: false,
        }
    }
}

/// Who may read the metrics without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrape {
    /// Nobody.
    Nobody,
    /// Clients on this machine.
    Loopback,
    /// Everybody who reaches the server.
    Anyone,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            public_url: None,
            behind_proxy: false,
            body_bytes_max: BODY_BYTES_MAX,
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            connections_max: 1024,
            connections_per_address_max: 256,
            idle_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(30),
            rates: RateOptions::default(),
            drain_timeout: Duration::from_secs(10),
            session_lifetime: Duration::from_secs(12 * 3600),
            session_idle: Some(Duration::from_secs(30 * 60)),
            scrape: Scrape::Loopback,
        }
    }
}

/// Settings that cannot stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOptions {
    /// Passwords and cookies would cross a network in the clear.
    #[error(
        "refusing to listen on {0} without TLS: listen on 127.0.0.1, or put a proxy that ends TLS \
         before it and set http.behind_proxy = true"
    )]
    Exposed(SocketAddr),
    /// The public address is none.
    #[error("http.public_url = {0:?} is no address such as \"https://jobs.example.com\"")]
    PublicUrl(String),
}

impl Options {
    /// Refuses settings that cannot stand.
    pub fn check(&self) -> Result<(), BadOptions> {
        if !self.listen.ip().is_loopback() && !self.behind_proxy {
            return Err(BadOptions::Exposed(self.listen));
        }
        match &self.public_url {
            Some(url) if origin_of(url).is_none() => Err(BadOptions::PublicUrl(url.clone())),
            _ => Ok(()),
        }
    }

    /// The origin that people use, if it is not where it listens: scheme, host and port.
    pub fn public_origin(&self) -> Option<String> {
        self.public_url.as_deref().and_then(origin_of)
    }

    /// Do browsers reach it over TLS only? Then cookies say `Secure`.
    pub fn is_secure(&self) -> bool {
        let public_tls = self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
        public_tls || (self.behind_proxy && self.public_url.is_none())
    }
}

fn origin_of(url: &str) -> Option<String> {
    let parsed: Uri = url.parse().ok()?;
    let scheme = parsed.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let authority = parsed.authority()?;
    let has_user = authority.as_str().contains('@');
    (!has_user).then(|| format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()))
}
