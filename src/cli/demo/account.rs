//! The admin of the demo.

use crate::app::App;
use crate::cli::exit::Failure;

/// Who signs in.
pub(super) struct Account {
    pub(super) email: String,
    pub(super) password: String,
}

/// An account whose password is known.
pub(super) async fn prepare(app: &App) -> Result<Account, Failure> {
    let (email, password) = app.demo_admin().await?;
    Ok(Account { email, password })
}
