//! Accounts of people, as documents of the engine. Whoever has none cannot sign in; there is
//! always an admin. An account is never removed: the history names its id.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{ChangeOutcome, DocumentChange, Engine, EngineError};
use crate::http::authorize::Role;
use crate::http::facts;
use crate::http::password::{HashingFailed, Passwords};
use crate::http::password_policy::{self, Weak};
use crate::http::random::{self, NoChance};
use crate::model::audit::{Author, Fact};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;

/// The kind of the documents that hold accounts, by id.
pub const USERS: &str = "users";
/// The kind of the documents that hold the id of an account, by email.
const EMAILS: &str = "user-emails";
/// The email of the first admin when none is given.
const FIRST_EMAIL: &str = "admin@localhost";
/// Letters of a drawn password: 120 random bits.
const DRAWN_LETTERS: usize = 24;
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
    /// Groups that documents may name as assignees.
    #[serde(default)]
    pub groups: Vec<String>,
    /// May the person sign in and use tokens?
    #[serde(default = "yes")]
    pub is_active: bool,
    /// When it was made, microseconds since 1970.
    pub created_at: Timestamp,
    /// When the password was last changed.
    #[serde(default)]
    pub password_changed_at: Option<Timestamp>,
    /// Was the password drawn by somebody else, so that it must be changed first?
    #[serde(default)]
    pub must_change_password: bool,
    /// Raised to end every session of the person: a session is good for its generation only.
    #[serde(default)]
    pub session_generation: u64,
    /// Since when it is out of use for ever.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    /// Who stands in for the person at checkpoints.
    #[serde(default)]
    pub delegation: Option<Delegation>,
}

/// A standing delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegation {
    /// The id of the account that stands in.
    pub to: String,
    /// Until when; for ever when absent.
    pub until: Option<Timestamp>,
    /// Since when.
    pub since: Timestamp,
}

const fn yes() -> bool {
    true
}

/// An account as it was read, with the version that a change must find.
#[derive(Clone)]
pub struct Read {
    /// The account.
    pub account: Account,
    /// The version of its document.
    pub version: u64,
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// Its address.
    pub email: String,
    /// How the person is called; the first part of the address when absent.
    pub name: Option<String>,
    /// The password.
    pub password: String,
    /// Must it be changed first?
    pub must_change_password: bool,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// Groups.
    pub groups: Vec<String>,
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
    #[error(transparent)]
    Random(#[from] NoChance),
    /// An account's document is damaged.
    #[error("the account {0:?} cannot be read: {1}")]
    Damaged(String, String),
    /// The email is none.
    #[error("{0:?} is no email address")]
    Email(String),
    /// The password is not good enough.
    #[error(transparent)]
    Password(#[from] Weak),
    /// The email has an account.
    #[error("{0:?} has an account already")]
    Taken(String),
    /// Somebody else changed the account meanwhile.
    #[error("the account {0:?} was changed meanwhile; read it again")]
    Stale(String),
}

/// The account with this id.
pub async fn account(engine: &Engine, id: &str) -> Result<Option<Account>, AccountError> {
    Ok(read(engine, id).await?.map(|read| read.account))
}

/// The account with this id, to be changed.
pub async fn read(engine: &Engine, id: &str) -> Result<Option<Read>, AccountError> {
    let Some(document) = engine.document(USERS, id).await? else { return Ok(None) };
    let account = decode(id, &document.body)?;
    Ok(Some(Read { account, version: document.version }))
}

/// An account from the body of its document.
pub fn decode(id: &str, body: &[u8]) -> Result<Account, AccountError> {
    let read = serde_json::from_slice(body);
    read.map_err(|error| AccountError::Damaged(id.to_owned(), error.to_string()))
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

/// Makes an account with this password, in the name of the system.
pub async fn create(
    engine: &Engine,
    email: &str,
    password: String,
    roles: Vec<Role>,
) -> Result<Account, AccountError> {
    let new = NewAccount {
        email: email.to_owned(),
        name: None,
        password,
        must_change_password: false,
        roles,
        groups: Vec::new(),
    };
    make(engine, &Passwords::new(), new, Principal::system("start").into()).await
}

/// Makes an account.
pub async fn make(
    engine: &Engine,
    passwords: &Passwords,
    new: NewAccount,
    author: Author,
) -> Result<Account, AccountError> {
    let email = normal(&new.email);
    let name = local_part(&email).ok_or_else(|| AccountError::Email(email.clone()))?;
    let name = new.name.unwrap_or_else(|| name.to_owned());
    password_policy::check(&new.password, &email)?;
    let password_hash = passwords.hash(new.password).await?;
    let created_at = engine.now();
    let account = Account {
        id: random::id(created_at)?,
        email,
        name,
        password_hash,
        roles: new.roles,
        groups: new.groups,
        is_active: true,
        created_at,
        password_changed_at: Some(created_at),
        must_change_password: new.must_change_password,
        session_generation: 0,
        retired_at: None,
        delegation: None,
    };
    let body = encode(&account.id, &account.id)?;
    let pointer = facts::put(EMAILS, &account.email, body, Some(0));
    let detail = json!({"email": account.email, "roles": account.roles, "groups": account.groups});
    let fact = facts::fact(author, "user.create", &account.id, detail);
    match facts::change(engine, vec![pointer, put(&account, 0)?], Some(fact)).await? {
        ChangeOutcome::Applied => Ok(account),
        ChangeOutcome::Conflict { .. } => Err(AccountError::Taken(account.email)),
    }
}

/// Writes a changed account with the fact; it must be as it was read.
pub async fn keep(
    engine: &Engine,
    account: &Account,
    version: u64,
    further: Vec<DocumentChange>,
    fact: Fact,
) -> Result<(), AccountError> {
    let mut changes = vec![put(account, version)?];
    changes.extend(further);
    match facts::change(engine, changes, Some(fact)).await? {
        ChangeOutcome::Applied => Ok(()),
        ChangeOutcome::Conflict { .. } => Err(AccountError::Stale(account.id.clone())),
    }
}

fn put(account: &Account, version: u64) -> Result<DocumentChange, AccountError> {
    let body = encode(&account.id, account)?;
    Ok(facts::put(USERS, &account.id, body, Some(version)))
}

fn encode(id: &str, value: &impl Serialize) -> Result<Vec<u8>, AccountError> {
    let damaged =
        |error: serde_json::Error| AccountError::Damaged(id.to_owned(), error.to_string());
    serde_json::to_vec(value).map_err(damaged)
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
    let Some(known) = account_by_email(engine, email).await? else {
        create(engine, email, password.clone(), Role::ALL.to_vec()).await?;
        return Ok(password);
    };
    let Some(Read { mut account, version }) = read(engine, &known.id).await? else {
        return Err(AccountError::Stale(known.id));
    };
    account.password_hash = Passwords::new().hash(password.clone()).await?;
    account.password_changed_at = Some(engine.now());
    account.session_generation += 1;
    let system = Principal::system("start");
    let fact = facts::fact(system.into(), "user.password-reset", &account.id, json!({}));
    keep(engine, &account, version, Vec::new(), fact).await?;
    Ok(password)
}

/// An address as it is compared: whatever its case and the blanks around it.
pub fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The part before the `@` of what looks like an address.
fn local_part(email: &str) -> Option<&str> {
    let odd = |letter: char| letter.is_whitespace() || letter.is_control();
    let (name, host) = email.split_once('@')?;
    let is_one = !name.is_empty() && !host.is_empty() && !host.contains('@');
    (is_one && email.len() <= EMAIL_BYTES_MAX && !email.contains(odd)).then_some(name)
}

/// A password of 120 random bits in letters and digits that are not mistaken for one another.
pub fn draw_password() -> Result<String, NoChance> {
    random::letters::<DRAWN_LETTERS>()
}
