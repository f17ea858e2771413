//! The `[metrics]` section: who may scrape. What is measured is no setting.

use serde::Deserialize;

/// The scrape.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Who may read the metrics without a token.
    pub without_token: WithoutToken,
}

/// Who may read the metrics without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutToken {
    /// Every scrape needs a token.
    Nobody,
    /// Clients on this machine. Behind a proxy every client seems to be one.
    Loopback,
    /// Everybody who reaches the server.
    Anyone,
}
