//! How a person decides by hand: the exact commands, ready to be copied into another terminal.

use std::io;
use std::path::Path;

use super::account::Account;
use crate::api::checkpoint::Checkpoint;
use crate::cli::output::{Output, Paint};

/// Where the login's cookie is kept between two commands: in the data folder, which is the user's
/// own. A fixed name in a folder that all users share could be somebody else's trap.
const COOKIES: &str = "demo-cookies.txt";

/// The commands of one server.
pub(super) struct Guide {
    url: String,
    cookies: String,
    login: String,
    said_login: std::cell::Cell<bool>,
}

impl Guide {
    pub(super) fn new(url: &str, account: &Account, folder: &Path) -> Self {
        let cookies = folder.join(COOKIES);
        let cookies = quoted(&std::path::absolute(&cookies).unwrap_or(cookies));
        // E-mail and password are ours and hold no quotes.
        let body = format!(r#"{{"email":"{}","password":"{}"}}"#, account.email, account.password);
        let login = format!(
            "curl -s -c {cookies} -H 'Content-Type: application/json' \\\n    -d '{body}' \\\n    \
             {url}/api/auth/login"
        );
        Self { url: url.to_owned(), cookies, login, said_login: false.into() }
    }

    /// Says how to decide at this checkpoint.
    pub(super) fn print(&self, checkpoint: &Checkpoint, output: &mut Output) -> io::Result<()> {
        let address = format!("{}/api/admin/agent-checkpoints/{}", self.url, checkpoint.id);
        let cookies = &self.cookies;
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
        output.line(format!("  curl -s -b {cookies} {address}"))?;
        output.line("  Approve it, or reject it:")?;
        output.line(format!("  curl -s -b {cookies} -X POST {address}"))?;
        output.line(format!(
            "  curl -s -b {cookies} -X DELETE -H 'Content-Type: application/json' \\\n    \
             -d '{{\"reason\":\"Not yet\"}}' {address}"
        ))?;
        output.line("")
    }
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
