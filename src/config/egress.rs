//! The `[egress]` section: where calls may go and how long they may take. The guard that holds
//! every call to it stands on the `calls` floor.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::check::{Complaints, HOUR_MS};

/// Outgoing calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Private networks, addresses and hosts that calls may reach; the guard reads each rule.
    pub allow: Vec<String>,
    /// Longest time to connect.
    pub connect_timeout_ms: u64,
    /// Longest wait for the first byte of an answer.
    pub response_timeout_ms: u64,
    /// Longest time for one whole call.
    pub total_timeout_ms: u64,
    /// Largest answer, after decompression.
    pub response_bytes_max: u64,
    /// Further root certificates (PEM files).
    pub ca_files: Vec<PathBuf>,
    /// Hosts that are not looked up, with their address.
    pub resolve: BTreeMap<String, SocketAddr>,
}

impl Egress {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        // A URL or an empty text is the usual slip, and would allow nothing at all.
        let odd = |rule: &&String| {
            rule.is_empty() || rule.contains("://") || rule.contains(char::is_whitespace)
        };
        for rule in self.allow.iter().filter(odd) {
            let expected = "a network, address or host, as in 10.0.0.0/8, 127.0.0.1:9000 or \
                            agents.internal";
            complaints.add("egress.allow", format!("{rule:?} is no rule"), expected);
        }
        complaints.range("egress.connect_timeout_ms", self.connect_timeout_ms, 10..=HOUR_MS);
        complaints.range("egress.response_timeout_ms", self.response_timeout_ms, 10..=HOUR_MS);
        // A call may be long: an agent that works for a day before it answers.
        complaints.range("egress.total_timeout_ms", self.total_timeout_ms, 10..=24 * HOUR_MS);
        complaints.range("egress.response_bytes_max", self.response_bytes_max, 1_024..=67_108_864);
    }
}
