//! The admin of the demo: an account of its own. Its password is drawn at every start, so that the
//! data folder of a demo holds no account with a password that everybody knows.

use crate::app::App;
use crate::cli::exit::Failure;

/// The e-mail of the demo's admin.
const EMAIL: &str = "demo@localhost";

/// Who signs in.
pub(super) struct Account {
    pub(super) email: String,
    pub(super) password: String,
}

/// Makes the account, or gives the one that is there a new password.
pub(super) async fn prepare(app: &App) -> Result<Account, Failure> {
    let password = app.make_admin(EMAIL).await?;
    Ok(Account { email: EMAIL.to_owned(), password })
}
