//! The egress guard: which URLs and addresses an outgoing call may reach. It never opens a
//! connection; whoever does must ask it about the very address that is dialled.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use serde::{Deserialize, Deserializer};

/// Why a URL is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The text is no absolute URL.
    #[error("`{url}` is not an absolute URL: {reason}")]
    NotAUrl {
        /// The text.
        url: String,
        /// What the parser says.
        reason: String,
    },
    /// Neither http nor https.
    #[error("the scheme `{scheme}` of the URL of {host} is not called; use http or https")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// The host of the URL.
        host: String,
    },
    /// A user name or password stands in the URL.
    #[error("the URL of {host} carries a user name or password; use `authentication` instead")]
    Userinfo {
        /// The host of the URL.
        host: String,
    },
    /// The address is not public and no rule allows it.
    #[error(
        "{host} is at {address}, {class}, which is not called; \
         to permit it add \"{host}\" or \"{address}\" to `[egress] allow`"
    )]
    Refused {
        /// The host of the URL.
        host: String,
        /// The address it stands for.
        address: IpAddr,
        /// What kind of address it is.
        class: &'static str,
    },
    /// A redirect leads from https to http.
    #[error("a redirect from https to http ({host}) is not followed")]
    Downgrade {
        /// The host of the http URL.
        host: String,
    },
}

/// A text that is no rule of `[egress] allow`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` in `[egress] allow` is none of: a network (10.0.0.0/8), an address (127.0.0.1), \
     an address and port (127.0.0.1:9000, [::1]:9000), a host (agents.internal), \
     a host and port (agents.internal:8443)"
)]
pub struct BadRule(pub String);

/// One entry of `[egress] allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowRule {
    target: Target,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Network(IpNet),
    /// A name, whatever private address it stands for; lower case, no dot at the end.
    Host(String),
}

impl FromStr for AllowRule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let network = |net: IpNet, port| Ok(Self { target: Target::Network(net), port });
        if let Ok(net) = text.parse::<IpNet>() {
            return network(net, None);
        }
        if let Ok(address) = bare.parse::<IpAddr>() {
            return network(IpNet::from(address), None);
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return network(IpNet::from(socket.ip()), Some(socket.port()));
        }
        let bad = || BadRule(text.to_owned());
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        if host.contains(['/', '@', '?', '#', '*', '\\', '%']) {
            return Err(bad());
        }
        // The parser of URLs spells the name as it will be asked for.
        let url = Url::parse(&format!("http://{host}/")).map_err(|_| bad())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        if literal(host).is_some() {
            return Err(bad());
        }
        Ok(Self { target: Target::Host(normal(host)), port })
    }
}

impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.target, self.port) {
            (Target::Host(host), None) => f.write_str(host),
            (Target::Host(host), Some(port)) => write!(f, "{host}:{port}"),
            (Target::Network(net), None) => write!(f, "{net}"),
            (Target::Network(net), Some(port)) => {
                fmt::Display::fmt(&SocketAddr::new(net.addr(), port), f)
            }
        }
    }
}

impl<'de> Deserialize<'de> for AllowRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl AllowRule {
    fn permits(&self, host: &str, address: IpAddr, port: Option<u16>) -> bool {
        if self.port.is_some() && self.port != port {
            return false;
        }
        match &self.target {
            Target::Host(name) => name == host,
            Target::Network(net) => net.contains(&address) || net.contains(&address.to_canonical()),
        }
    }
}

/// The guard with the operator's rules.
#[derive(Debug, Default)]
pub struct Guard {
    allow: Vec<AllowRule>,
    resolve: BTreeMap<String, SocketAddr>,
}

impl Guard {
    /// A guard with these exceptions and fixed addresses (`[egress] allow` and `resolve`).
    pub fn new(allow: Vec<AllowRule>, resolve: &BTreeMap<String, SocketAddr>) -> Self {
        let resolve = resolve.iter().map(|(host, at)| (normal(host), *at)).collect();
        Self { allow, resolve }
    }

    /// Checks all of a URL that can be known before its name is resolved. A name that passes may
    /// still stand for a private address: that is found when it is called.
    ///
    /// # Errors
    /// The URL is not one, is neither http nor https, carries a password, or its host is an address
    /// (or a name with a fixed address) that no rule allows.
    pub fn check_url(&self, url: &str) -> Result<(), EgressError> {
        let parsed = Url::parse(url).map_err(|error| EgressError::NotAUrl {
            url: url.chars().take(200).collect(),
            reason: error.to_string(),
        })?;
        self.check(&parsed)
    }

    /// As [`Guard::check_url`], for a parsed URL.
    ///
    /// # Errors
    /// As [`Guard::check_url`].
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        let host = url.host_str().unwrap_or_default();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
            let (scheme, host) = (url.scheme().to_owned(), host.to_owned());
            return Err(EgressError::Scheme { scheme, host });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Userinfo { host: host.to_owned() });
        }
        // An address in the URL never reaches the resolver, so it is checked here.
        let fixed = self.fixed_address(host).map(|at| at.ip());
        match literal(host).or(fixed) {
            Some(address) => self.check_address(host, address, self.port_of(url)),
            None => Ok(()),
        }
    }

    /// Checks the address that a connection to this host is about to be opened to.
    ///
    /// # Errors
    /// The address is not public and no rule allows it.
    pub fn check_address(
        &self,
        host: &str,
        address: IpAddr,
        port: Option<u16>,
    ) -> Result<(), EgressError> {
        let Some(class) = refused_class(address) else { return Ok(()) };
        let host = normal(host);
        if self.allow.iter().any(|rule| rule.permits(&host, address, port)) {
            return Ok(());
        }
        Err(EgressError::Refused { host, address, class })
    }

    /// The operator's address for this name.
    pub(crate) fn fixed_address(&self, host: &str) -> Option<SocketAddr> {
        self.resolve.get(&normal(host)).copied()
    }

    /// The port that a connection for this URL goes to.
    pub(crate) fn port_of(&self, url: &Url) -> Option<u16> {
        let fixed = url.host_str().and_then(|host| self.fixed_address(host)).map(|at| at.port());
        url.port().or(fixed.filter(|port| *port != 0)).or(url.port_or_known_default())
    }

    /// The ports that rules name.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.allow.iter().filter_map(|rule| rule.port)
    }
}

/// A name as it is compared: lower case and without the dot of the root.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The address that a host of a URL is, if it is one. The parser of URLs has already turned
/// decimal, octal and hexadecimal forms into the usual one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What kind of address this is when it is not to be called, by the registries of special-purpose
/// addresses of IANA (RFC 6890) and what clouds add to them.
fn refused_class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => {
            REFUSED_V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, class)| *class)
        }
        IpAddr::V6(v6) => REFUSED_V6
            .iter()
            .find(|(net, _)| net.contains(&v6))
            .map(|(_, class)| *class)
            .or((!GLOBAL_V6.contains(&v6)).then_some("not a global unicast address")),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 6], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, 0, 0), prefix)
}

const REFUSED_V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "an address of this host (0.0.0.0/8)"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "an address shared by a provider (CGNAT)"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "the metadata address of a cloud"),
    (v4(169, 254, 169, 254, 32), "the metadata address of a cloud"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "an address for protocols"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "an address of a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved or broadcast address"),
];

/// All that is global unicast today; what lies outside is refused without a name.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0], 3);

const REFUSED_V6: [(Ipv6Net, &str); 15] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "the unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "the loopback address"),
    (v6([0, 0, 0, 0, 0, 0xffff], 96), "an IPv4-mapped address"),
    (v6([0, 0, 0, 0, 0xffff, 0], 96), "an IPv4-translated address"),
    (v6([0; 6], 96), "an IPv4-compatible address"),
    (v6([0x64, 0xff9b, 0, 0, 0, 0], 96), "a NAT64 address"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0], 48), "a local NAT64 address"),
    (v6([0x2001, 0, 0, 0, 0, 0], 32), "a Teredo address"),
    (v6([0x2001, 0, 0, 0, 0, 0], 23), "an address for protocols or benchmarks"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0], 32), "an address for documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0], 16), "a 6to4 address"),
    (v6([0x3fff, 0, 0, 0, 0, 0], 20), "an address for documentation"),
    (v6([0xfc00, 0, 0, 0, 0, 0], 7), "a unique local address"),
    (v6([0xfe80, 0, 0, 0, 0, 0], 9), "a link-local or site-local address"),
    (v6([0xff00, 0, 0, 0, 0, 0], 8), "a multicast address"),
];
