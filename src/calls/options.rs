//! The settings of outgoing calls: the section `[egress]`. It holds no secret.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::calls::chat::ChatOptions;
use crate::calls::egress::AllowRule;
use crate::model::limits::RESPONSE_BYTES_MAX;

/// The section `[egress]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Private addresses and names that calls may reach: `10.0.0.0/8`, `127.0.0.1:9000`, `[::1]`,
    /// `agents.internal`, `agents.internal:8443`. Public addresses need no entry.
    pub allow: Vec<AllowRule>,
    /// Longest time to resolve a name and open a connection, TLS included.
    pub connect_timeout_ms: u64,
    /// Longest silence of the other side: before its answer, and between two pieces of it.
    pub response_timeout_ms: u64,
    /// Longest attempt, credentials and redirects included.
    pub total_timeout_ms: u64,
    /// Largest body of an answer, bytes.
    pub response_bytes_max: usize,
    /// Addresses of names that are not looked up, like `curl --resolve`. The port counts when the
    /// URL names none. The address is checked like any other.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// PEM files of certificate authorities to trust besides those of the system.
    #[serde(rename = "ca_files")]
    pub extra_roots: Vec<PathBuf>,
    /// The folder that holds the artifact folder of each job. Not a key of the section: it follows
    /// from the data folder.
    #[serde(skip)]
    pub artifacts: PathBuf,
    /// The language model; none: there is no judge. Not a key of the section either: it is
    /// `[openai]`.
    #[serde(skip)]
    pub chat: Option<ChatOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout_ms: 5_000,
            // Agents think before their first byte.
            response_timeout_ms: 120_000,
            total_timeout_ms: 300_000,
            response_bytes_max: RESPONSE_BYTES_MAX,
            resolve: BTreeMap::new(),
            extra_roots: Vec::new(),
            artifacts: PathBuf::from("data/artifacts"),
            chat: None,
        }
    }
}
