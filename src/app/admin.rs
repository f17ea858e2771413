//! The admin accounts that a start makes: the first one, and the demo's. A password that was drawn
//! is shown once and stored nowhere.

use crate::app::{App, AppError};
use crate::engine::Engine;
use crate::http::accounts::{self, AccountError, FirstStart};
use crate::http::authorize::Role;

/// Letters and digits that are not mistaken for one another; 32 of them, so each is 5 random bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 120 random bits.
const PASSWORD_CHARS: usize = 24;
/// Demos on one data folder: after so many, somebody should look into it.
const DEMO_ACCOUNTS_MAX: u32 = 10_000;

/// The first admin, as far as somebody chose it.
#[derive(Clone, Default)]
pub struct NewAdmin {
    /// The e-mail; `admin@localhost` when absent.
    pub email: Option<String>,
    /// The password; drawn when absent.
    pub password: Option<String>,
}

impl NewAdmin {
    /// What `HOLDPOINT_ADMIN_EMAIL` and `HOLDPOINT_ADMIN_PASSWORD` say.
    pub fn of_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            email: variable("HOLDPOINT_ADMIN_EMAIL"),
            password: variable("HOLDPOINT_ADMIN_PASSWORD"),
        }
    }
}

/// The admin that a first start made.
#[derive(Clone)]
pub struct FirstAdmin {
    /// The e-mail to sign in with.
    pub email: String,
    /// The password, if it was drawn.
    pub password: Option<String>,
}

/// Makes the first admin when nobody has an account.
pub(super) async fn ensure(
    engine: &Engine,
    admin: NewAdmin,
) -> Result<Option<FirstAdmin>, AppError> {
    let made = accounts::ensure_admin(engine, admin.email, admin.password).await;
    Ok(match made.map_err(|error| AppError::Admin(error.to_string()))? {
        FirstStart::Existed => None,
        FirstStart::Made { email } => Some(FirstAdmin { email, password: None }),
        FirstStart::Drawn { email, password } => {
            Some(FirstAdmin { email, password: Some(password) })
        }
    })
}

impl App {
    /// An admin for the demo and its password: the one that this start made, else a new one, because
    /// a password that was shown before is known to nobody any more.
    ///
    /// # Errors
    /// The account cannot be written.
    pub async fn demo_admin(&self) -> Result<(String, String), AppError> {
        if let Some(FirstAdmin { email, password: Some(password) }) = &self.first_admin {
            return Ok((email.clone(), password.clone()));
        }
        let failed = |error: AccountError| AppError::Admin(error.to_string());
        for number in 1..=DEMO_ACCOUNTS_MAX {
            let email = format!("demo-{number}@localhost");
            if accounts::account_by_email(&self.engine, &email).await.map_err(failed)?.is_some() {
                continue;
            }
            let password = draw_password()?;
            let roles = Role::ALL.to_vec();
            accounts::create(&self.engine, &email, password.clone(), roles)
                .await
                .map_err(failed)?;
            return Ok((email, password));
        }
        Err(AppError::Admin(format!("there are {DEMO_ACCOUNTS_MAX} demo accounts already")))
    }
}

fn draw_password() -> Result<String, AppError> {
    let mut bytes = [0; PASSWORD_CHARS];
    getrandom::fill(&mut bytes)
        .map_err(|error| AppError::Admin(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}
