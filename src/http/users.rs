//! What admins do to accounts. There is always an active admin, an id is never given away again,
//! and whoever is out of use is out at once: sessions and tokens look at the account every time.

use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::http::accounts::{self, Account, AccountError, NewAccount, Read, USERS};
use crate::http::authorize::Role;
use crate::http::codes;
use crate::http::facts;
use crate::http::password_policy;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::audit::Author;

/// Documents read at once.
const PAGE: usize = 200;

/// Which password an account gets.
#[derive(Clone)]
pub enum Password {
    /// This one.
    Given(String),
    /// A drawn one, which must be changed first.
    Drawn,
}

/// A change of an account; what is absent stays.
#[derive(Clone, Default)]
pub struct Edit {
    /// How the person is called.
    pub name: Option<String>,
    /// What the person may be.
    pub roles: Option<Vec<Role>>,
    /// The groups.
    pub groups: Option<Vec<String>>,
    /// In use or not.
    pub is_active: Option<bool>,
    /// Another password.
    pub password: Option<Password>,
    /// Out of use for ever.
    pub retire: bool,
}

/// A page of accounts.
pub struct Accounts {
    /// The accounts, the oldest first.
    pub rows: Vec<Account>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// The accounts after this many, or after the one with this id.
pub async fn page(
    engine: &Engine,
    limit: u32,
    offset: u64,
    cursor: Option<&str>,
) -> Result<Accounts, AccountError> {
    let (mut rows, mut total, mut skipped, mut is_more) = (Vec::new(), 0, 0, false);
    let mut after: Option<String> = None;
    loop {
        let documents = engine.documents(USERS, after.as_deref(), PAGE).await?;
        for document in &documents {
            total += 1;
            let is_before = match cursor {
                Some(cursor) => document.id.as_str() <= cursor,
                None => skipped < offset,
            };
            if is_before {
                skipped += 1;
            } else if rows.len() < limit as usize {
                rows.push(accounts::decode(&document.id, &document.body)?);
            } else {
                is_more = true;
            }
        }
        match documents.last() {
            Some(last) if documents.len() == PAGE => after = Some(last.id.clone()),
            _ => break,
        }
    }
    let last = rows.last().map(|account: &Account| account.id.clone());
    Ok(Accounts { rows, total, next_cursor: last.filter(|_| is_more) })
}

/// The account with this id or email, to be changed.
pub async fn find(engine: &Engine, wanted: &str) -> Result<Read, ApiError> {
    let id = match accounts::account_by_email(engine, wanted).await? {
        Some(account) => account.id,
        None => wanted.to_owned(),
    };
    let missing = || ApiError::new(codes::NO_SUCH_USER, "there is no such user");
    accounts::read(engine, &id).await?.ok_or_else(missing)
}

/// Makes an account. Without a password one is drawn, and answered.
pub async fn add(
    state: &HttpState,
    mut new: NewAccount,
    password: Password,
    author: Author,
) -> Result<(Account, Option<String>), ApiError> {
    let (password, drawn) = chosen(password)?;
    new.password = password;
    new.must_change_password = drawn.is_some();
    let account = accounts::make(&state.engine, &state.passwords, new, author).await?;
    Ok((account, drawn))
}

/// Changes an account; a drawn password is answered.
pub async fn edit(
    state: &HttpState,
    wanted: &str,
    edit: Edit,
    author: Author,
) -> Result<(Account, Option<String>), ApiError> {
    // One after the other: two admins who take each other's role away must not both be allowed to.
    let _turn = state.accounts_turn.lock().await;
    let Read { account: before, version } = find(&state.engine, wanted).await?;
    if before.retired_at.is_some() {
        let detail = "the account is out of use for ever; only its id stays";
        return Err(ApiError::new(codes::USER_RETIRED, detail));
    }
    let mut account = before.clone();
    account.name = edit.name.unwrap_or(account.name);
    account.roles = edit.roles.unwrap_or(account.roles);
    account.groups = edit.groups.unwrap_or(account.groups);
    account.is_active = edit.is_active.unwrap_or(account.is_active) && !edit.retire;
    let now = state.engine.now();
    if edit.retire {
        account.retired_at = Some(now);
    }
    let mut drawn = None;
    if let Some(password) = edit.password {
        let password = chosen(password)?;
        password_policy::check(&password.0, &account.email).map_err(AccountError::from)?;
        let hash = state.passwords.hash(password.0).await.map_err(AccountError::from)?;
        drawn = password.1;
        account.password_hash = hash;
        account.password_changed_at = Some(now);
        account.must_change_password = drawn.is_some();
    }
    let has_new_password = account.password_hash != before.password_hash;
    if has_new_password || (before.is_active && !account.is_active) {
        account.session_generation += 1;
    }
    if is_admin(&before) && !is_admin(&account) && !has_other_admin(state, &before.id).await? {
        let detail = "this is the last active admin; make another one first";
        return Err(ApiError::new(codes::LAST_ADMIN, detail));
    }
    let action = if edit.retire { "user.deactivate" } else { "user.change" };
    let detail = changes(&before, &account, has_new_password);
    let fact = facts::fact(author, action, &account.id, detail);
    accounts::keep(&state.engine, &account, version, Vec::new(), fact).await?;
    Ok((account, drawn))
}

/// The password with, when it was drawn, itself once more to be shown.
fn chosen(password: Password) -> Result<(String, Option<String>), ApiError> {
    match password {
        Password::Given(password) => Ok((password, None)),
        Password::Drawn => {
            let drawn = accounts::draw_password().map_err(AccountError::from)?;
            Ok((drawn.clone(), Some(drawn)))
        }
    }
}

fn is_admin(account: &Account) -> bool {
    account.is_active && account.roles.contains(&Role::Admin)
}

async fn has_other_admin(state: &HttpState, id: &str) -> Result<bool, ApiError> {
    let mut after: Option<String> = None;
    loop {
        let documents = state.engine.documents(USERS, after.as_deref(), PAGE).await?;
        for document in documents.iter().filter(|document| document.id != id) {
            if is_admin(&accounts::decode(&document.id, &document.body)?) {
                return Ok(true);
            }
        }
        match documents.last() {
            Some(last) if documents.len() == PAGE => after = Some(last.id.clone()),
            _ => return Ok(false),
        }
    }
}

/// What is different, for the audit trail. A password is only said to be another one.
fn changes(before: &Account, after: &Account, has_new_password: bool) -> Value {
    let mut detail = Map::new();
    let mut note = |name: &str, before: Value, after: Value| {
        if before != after {
            detail.insert(name.to_owned(), json!({"from": before, "to": after}));
        }
    };
    note("name", json!(before.name), json!(after.name));
    note("roles", json!(before.roles), json!(after.roles));
    note("groups", json!(before.groups), json!(after.groups));
    note("isActive", json!(before.is_active), json!(after.is_active));
    if has_new_password {
        let how = if after.must_change_password { "drawn" } else { "given" };
        detail.insert("password".to_owned(), json!(how));
    }
    Value::Object(detail)
}
