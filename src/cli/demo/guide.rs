//! How a person decides by hand: the exact commands, ready to be copied into another terminal.

use std::io;

use super::account::Account;
use crate::api::checkpoint::Checkpoint;
use crate::cli::output::{Output, Paint};

/// Where the login's cookie is kept between two commands.
const COOKIES: &str = "/tmp/holdpoint-demo-cookies";

/// The commands of one server.
pub(super) struct Guide {
    url: String,
    login: String,
    said_login: std::cell::Cell<bool>,
}

impl Guide {
    pub(super) fn new(url: &str, account: &Account) -> Self {
        // E-mail and password are ours and hold no quotes.
        let body = format!(r#"{{"email":"{}","password":"{}"}}"#, account.email, account.password);
        let login = format!(
            "curl -s -c {COOKIES} -H 'Content-Type: application/json' \\\n    -d '{body}' \\\n    \
             {url}/api/auth/login"
        );
        Self { url: url.to_owned(), login, said_login: false.into() }
    }

    /// Says how to decide at this checkpoint.
    pub(super) fn print(&self, checkpoint: &Checkpoint, output: &mut Output) -> io::Result<()> {
        let address = format!("{}/api/admin/agent-checkpoints/{}", self.url, checkpoint.id);
        output.line("")?;
        output.painted(
            Paint::Attention,
            format!("⏸ {} waits for you: {}", checkpoint.job_type, checkpoint.title),
        )?;
        if !self.said_login.replace(true) {
            output.line("  Sign in once:")?;
            output.line(format!("  {}", self.login))?;
        }
        output.line("  See what is to be decided:")?;
        output.line(format!("  curl -s -b {COOKIES} {address}"))?;
        output.line("  Approve it, or reject it:")?;
        output.line(format!("  curl -s -b {COOKIES} -X POST {address}"))?;
        output.line(format!(
            "  curl -s -b {COOKIES} -X DELETE -H 'Content-Type: application/json' \\\n    \
             -d '{{\"reason\":\"Not yet\"}}' {address}"
        ))?;
        output.line("")
    }
}
