//! Accounts of people, as documents of the engine. Whoever has none cannot sign in; there is
//! always an admin.

use serde::{Deserialize, Serialize};

use crate::engine::{DocumentOutcome, Engine, EngineError};
use crate::http::authorize::Role;
use crate::http::password::{HashingFailed, Passwords};
use crate::model::time::Timestamp;

/// The kind of the documents that hold accounts, by id.
const USERS: &str = "users";
/// The kind of the documents that hold the id of an account, by email.
const EMAILS: &str = "user-emails";
/// The email of the first admin when none is given.
const FIRST_EMAIL: &str = "admin@localhost";
/// Shortest password of an account (NIST SP 800-63B asks for at least eight).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest email address (RFC 5321, section 4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;

/// An account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id: what jobs and decisions carry.
    pub id: String,
    /// Its address, in lower case.
    pub email: String,
    /// How the person is called.
    pub name: String,
    /// The Argon2id hash of the password, in the PHC text form.
    pub password_hash: String,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// When it was made, microseconds since 1970.
    pub created_at: Timestamp,
}

/// What the first start did about accounts.
#[derive(Clone, PartialEq, Eq)]
pub enum FirstStart {
    /// There were accounts already.
    Existed,
    /// An admin was made with the password that was given.
    Made {
        /// Its email.
        email: String,
    },
    /// An admin was made with this password, which is shown once.
    Drawn {
        /// Its email.
        email: String,
        /// Its password.
        password: String,
    },
}

/// Why an account could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The engine could not.
    #[error("the accounts cannot be read or written: {0}")]
    Engine(#[from] EngineError),
    /// Hashing failed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// An account's document is damaged.
    #[error("the account {0:?} cannot be read: {1}")]
    Damaged(String, String),
    /// The email is none.
    #[error("{0:?} is no email address")]
    Email(String),
    /// The password is too short.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    Password,
    /// The email has an account.
    #[error("{0:?} has an account already")]
    Taken(String),
}

/// The account with this id.
pub async fn account(engine: &Engine, id: &str) -> Result<Option<Account>, AccountError> {
    let Some(document) = engine.document(USERS, id).await? else { return Ok(None) };
    let read = serde_json::from_slice(&document.body);
    read.map(Some).map_err(|error| AccountError::Damaged(id.to_owned(), error.to_string()))
}

/// The account with this email, whatever the case.
pub async fn account_by_email(
    engine: &Engine,
    email: &str,
) -> Result<Option<Account>, AccountError> {
    let email = normal(email);
    if email.is_empty() || email.len() > EMAIL_BYTES_MAX {
        return Ok(None);
    }
    let Some(document) = engine.document(EMAILS, &email).await? else { return Ok(None) };
    let id: String = serde_json::from_slice(&document.body)
        .map_err(|error| AccountError::Damaged(email, error.to_string()))?;
    account(engine, &id).await
}

/// Makes an account.
pub async fn create(
    engine: &Engine,
    email: &str,
    password: String,
    roles: Vec<Role>,
) -> Result<Account, AccountError> {
    let email = normal(email);
    let name = match email.split_once('@') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() => name.to_owned(),
        _ => return Err(AccountError::Email(email)),
    };
    if email.len() > EMAIL_BYTES_MAX {
        return Err(AccountError::Email(email));
    }
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(AccountError::Password);
    }
    let password_hash = Passwords::new().hash(password).await?;
    let created_at = engine.now();
    let id = draw_id(created_at)?;
    let account = Account { id, email, name, password_hash, roles, created_at };
    write(engine, &account).await?;
    Ok(account)
}

async fn write(engine: &Engine, account: &Account) -> Result<(), AccountError> {
    let damaged =
        |error: serde_json::Error| AccountError::Damaged(account.id.clone(), error.to_string());
    let body = serde_json::to_vec(account).map_err(damaged)?;
    engine.put_document(USERS, &account.id, body, Some(0)).await?;
    // The email comes last: an account that a crash left without one cannot be found, and nothing
    // points to it.
    let pointer = serde_json::to_vec(&account.id).map_err(damaged)?;
    match engine.put_document(EMAILS, &account.email, pointer, Some(0)).await? {
        DocumentOutcome::Written(_) => Ok(()),
        DocumentOutcome::Conflict(_) => {
            engine.remove_document(USERS, &account.id).await?;
            Err(AccountError::Taken(account.email.clone()))
        }
    }
}

/// Makes the first admin when nobody has an account: from what is given, else with a drawn
/// password.
pub async fn ensure_admin(
    engine: &Engine,
    email: Option<String>,
    password: Option<String>,
) -> Result<FirstStart, AccountError> {
    if !engine.documents(EMAILS, None, 1).await?.is_empty() {
        return Ok(FirstStart::Existed);
    }
    let email = email.unwrap_or_else(|| FIRST_EMAIL.to_owned());
    let drawn = match &password {
        Some(_) => None,
        None => Some(draw_password()?),
    };
    let chosen = password.or_else(|| drawn.clone()).unwrap_or_default();
    let account = create(engine, &email, chosen, Role::ALL.to_vec()).await?;
    Ok(match drawn {
        Some(password) => FirstStart::Drawn { email: account.email, password },
        None => FirstStart::Made { email: account.email },
    })
}

/// Gives the admin with this address a drawn password, making the account when there is none.
/// Answers the password, which is stored nowhere. For the demo and for an operator who is locked
/// out.
pub async fn reset_admin(engine: &Engine, email: &str) -> Result<String, AccountError> {
    let password = draw_password()?;
    let Some(mut account) = account_by_email(engine, email).await? else {
        create(engine, email, password.clone(), Role::ALL.to_vec()).await?;
        return Ok(password);
    };
    account.password_hash = Passwords::new().hash(password.clone()).await?;
    let body = serde_json::to_vec(&account)
        .map_err(|error| AccountError::Damaged(account.id.clone(), error.to_string()))?;
    engine.put_document(USERS, &account.id, body, None).await?;
    Ok(password)
}

fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A password of 120 random bits in letters and digits that are not mistaken for one another.
fn draw_password() -> Result<String, AccountError> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 24];
    fill(&mut bytes)?;
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    Ok(letters.collect())
}

fn draw_id(at: Timestamp) -> Result<String, AccountError> {
    let mut bytes = [0u8; 10];
    fill(&mut bytes)?;
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string())
}

fn fill(bytes: &mut [u8]) -> Result<(), AccountError> {
    getrandom::fill(bytes).map_err(|error| AccountError::Random(error.to_string()))
}
