//! The server to talk to, and as whom. Passwords and tokens come from the environment only: what
//! stands in arguments is read by every process of the machine.

use std::future::Future;

use super::arguments::Global;
use super::exit::{Code, Failure};
use crate::client::Client;

/// Where a server listens when nothing else is said.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// A client of the server at `--url`, signed in as the environment says.
pub(super) async fn connect(global: &Global) -> Result<Client, Failure> {
    let client = Client::new(&global.url)?;
    if let Some(token) = variable("HOLDPOINT_TOKEN") {
        return Ok(client.with_token(&token)?);
    }
    match (variable("HOLDPOINT_EMAIL"), variable("HOLDPOINT_PASSWORD")) {
        (Some(email), Some(password)) => Ok(client.login(&email, &password).await?),
        (Some(_), None) => Err(half("HOLDPOINT_EMAIL", "HOLDPOINT_PASSWORD")),
        (None, Some(_)) => Err(half("HOLDPOINT_PASSWORD", "HOLDPOINT_EMAIL")),
        (None, None) => Ok(client),
    }
}

/// Runs a command that talks to a server.
pub(super) fn run(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start a runtime: {error}")))?;
    runtime.block_on(command)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn half(set: &str, missing: &str) -> Failure {
    Failure::new(Code::Usage, format!("{set} is set, but {missing} is not: set both"))
}
