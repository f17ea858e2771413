//! The `[http]` section: where the server listens and what it takes from a client. It refuses an
//! address that would show the API to a network without TLS.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer};

use super::check::{Complaints, HOUR_MS};

/// The listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether a proxy that ends TLS stands in front.
    pub behind_proxy: bool,
    /// Where people and agents reach this server, without a slash at the end.
    #[serde(deserialize_with = "optional")]
    pub public_url: Option<String>,
    /// Largest request body.
    pub body_bytes_max: u64,
    /// Longest request.
    pub request_timeout_ms: u64,
    /// Longest time to receive the head of a request.
    pub header_timeout_ms: u64,
    /// Most open connections.
    pub connections_max: u32,
    /// Most of them from one address.
    pub connections_per_address_max: u32,
    /// Longest pause between two requests of a connection.
    pub idle_timeout_ms: u64,
    /// Longest time a client takes nothing of its answer.
    pub send_timeout_ms: u64,
    /// Requests of one principal that only read, in a minute; 0 for any number.
    pub reads_per_minute: u32,
    /// Requests of one principal that may change something, in a minute; 0 for any number.
    pub writes_per_minute: u32,
    /// Requests of one address without a login, in a minute; 0 for any number.
    pub anonymous_per_minute: u32,
    /// Whether these hold for programs on this machine.
    pub limit_loopback: bool,
    /// How long a login lasts, however much it is used.
    pub session_hours: u32,
    /// How long it lasts without being used; 0: as long as it lasts.
    pub session_idle_minutes: u32,
    /// How long open requests may take at shutdown.
    pub drain_timeout_ms: u64,
}

impl Http {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if !self.listen.ip().is_loopback() && !self.behind_proxy {
            complaints.add(
                "http.listen",
                format!(
                    "{} is reachable from the network, where passwords and tokens would travel \
                     without TLS",
                    self.listen
                ),
                "a loopback address such as 127.0.0.1:3000, or http.behind_proxy = true once a \
                 proxy that ends TLS stands in front",
            );
        }
        if self.public_url.as_deref().is_some_and(|url| !is_base_url(url)) {
            complaints.add(
                "http.public_url",
                "not the base of an address",
                "empty, or http(s)://HOST[:PORT][/PATH] without user, query and fragment",
            );
        }
        complaints.range("http.body_bytes_max", self.body_bytes_max, 1_024..=67_108_864);
        complaints.range("http.request_timeout_ms", self.request_timeout_ms, 100..=HOUR_MS);
        complaints.range("http.header_timeout_ms", self.header_timeout_ms, 100..=HOUR_MS);
        complaints.range("http.connections_max", self.connections_max.into(), 1..=1_000_000);
        let per_address = self.connections_per_address_max;
        complaints.range("http.connections_per_address_max", per_address.into(), 1..=1_000_000);
        complaints.range("http.idle_timeout_ms", self.idle_timeout_ms, 100..=HOUR_MS);
        complaints.range("http.send_timeout_ms", self.send_timeout_ms, 100..=HOUR_MS);
        for (key, rate) in [
            ("http.reads_per_minute", self.reads_per_minute),
            ("http.writes_per_minute", self.writes_per_minute),
            ("http.anonymous_per_minute", self.anonymous_per_minute),
        ] {
            complaints.range(key, rate.into(), 0..=100_000_000);
        }
        complaints.range("http.session_hours", self.session_hours.into(), 1..=8_760);
        let idle = self.session_idle_minutes.into();
        complaints.range("http.session_idle_minutes", idle, 0..=525_600);
        complaints.range("http.drain_timeout_ms", self.drain_timeout_ms, 0..=HOUR_MS);
    }
}

pub(super) fn is_base_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return false;
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\');
    !rest.is_empty() && !rest.starts_with(['/', ':']) && !rest.contains(odd)
}

fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    let text = text.trim_end_matches('/');
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
