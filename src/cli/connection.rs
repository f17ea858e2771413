//! The server to talk to, and as whom. Passwords and tokens come from the environment only: what
//! stands in arguments is read by every process of the machine.

use super::arguments::Global;
use super::exit::{Code, Failure};
use crate::client::Client;

/// Where a server listens when nothing else is said.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// Runs a command as a client of the server at `--url`, signed in as the environment says. A login
/// ends with the command, so that no session is left behind.
pub(super) fn with_client(
    global: &Global,
    command: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start a runtime: {error}")))?;
    runtime.block_on(async {
        let client = Client::new(&global.url)?;
        let (client, is_login) = match identity()? {
            Identity::Nobody => (client, false),
            Identity::Token(token) => (client.with_token(&token)?, false),
            Identity::Login { email, password } => (client.login(&email, &password).await?, true),
        };
        let outcome = command(&client).await;
        if is_login {
            // The command is done; a session that stays ends by itself.
            client.logout().await.ok();
        }
        outcome
    })
}

enum Identity {
    Nobody,
    Token(String),
    Login { email: String, password: String },
}

fn identity() -> Result<Identity, Failure> {
    if let Some(token) = variable("HOLDPOINT_TOKEN") {
        return Ok(Identity::Token(token));
    }
    match (variable("HOLDPOINT_EMAIL"), variable("HOLDPOINT_PASSWORD")) {
        (Some(email), Some(password)) => Ok(Identity::Login { email, password }),
        (Some(_), None) => Err(half("HOLDPOINT_EMAIL", "HOLDPOINT_PASSWORD")),
        (None, Some(_)) => Err(half("HOLDPOINT_PASSWORD", "HOLDPOINT_EMAIL")),
        (None, None) => Ok(Identity::Nobody),
    }
}

/// A variable of the environment that is set to something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn half(set: &str, missing: &str) -> Failure {
    Failure::new(Code::Usage, format!("{set} is set, but {missing} is not: set both"))
}
