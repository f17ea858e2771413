//! The `[egress]` section: where calls may go and how long they may take. The guard that holds
//! every call to it stands on the `calls` floor.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::check::{Complaints, HOUR_MS};

/// Outgoing calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Networks that calls may reach although they are not public.
    #[serde(deserialize_with = "networks")]
    pub allow: Vec<IpNet>,
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
    /// Hosts with a fixed address.
    pub resolve: BTreeMap<String, IpAddr>,
}

impl Egress {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        complaints.range("egress.connect_timeout_ms", self.connect_timeout_ms, 10..=HOUR_MS);
        complaints.range("egress.response_timeout_ms", self.response_timeout_ms, 10..=HOUR_MS);
        // A call may be long: an agent that works for a day before it answers.
        complaints.range("egress.total_timeout_ms", self.total_timeout_ms, 10..=24 * HOUR_MS);
        complaints.range("egress.response_bytes_max", self.response_bytes_max, 1_024..=67_108_864);
    }
}

/// A single address stands for the network that holds it alone.
fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: &String| match text.parse::<IpNet>() {
        Ok(network) => Ok(network),
        Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| {
            D::Error::custom(format!(
                "{text:?} is neither a network nor an address; write as 10.0.0.0/8 or 10.1.2.3"
            ))
        }),
    };
    Vec::<String>::deserialize(from)?.iter().map(network).collect()
}
