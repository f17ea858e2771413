//! Where a request comes from, as far as it can be trusted: the peer of the connection, or behind a
//! proxy the one address that this proxy appended. What a client says of itself is never believed.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::http::guard::Peer;
use crate::http::options::Options;
use crate::http::state::HttpState;

/// The header that proxies append to.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the caller as text, `unknown` within this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub String);

impl FromRequestParts<HttpState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &HttpState,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        let address = client_address(&state.options, &parts.headers, peer);
        Ok(Self(address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())))
    }
}

/// The address of the caller; nothing within this process, where there is no connection.
pub fn client_address(
    options: &Options,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Option<IpAddr> {
    if !options.behind_proxy {
        return peer;
    }
    // One hop is trusted: the last value of the last line is what our own proxy wrote. Everything
    // before it came from outside. If it is no address, the proxy does not do what it should.
    let last = headers.get_all(FORWARDED_FOR).iter().next_back();
    let last = last.and_then(|line| line.to_str().ok()?.rsplit(',').next());
    last.and_then(|text| address(text.trim())).or(peer)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = inner.parse::<IpAddr>().ok();
    parsed
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .map(|address| address.to_canonical())
}
