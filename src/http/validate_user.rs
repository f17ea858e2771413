//! From the wire shapes of accounts and tokens to what is kept: words, lengths and times. Every
//! defect at once, each by name.

use crate::api::token::{NewProgramToken, NewToken};
use crate::api::user::{NewUser, UserEdit};
use crate::http::accounts::{EMAIL_BYTES_MAX, NewAccount};
use crate::http::authorize::Role;
use crate::http::problem::ApiError;
use crate::http::scope::Scope;
use crate::http::sign_in::PROGRAM;
use crate::http::tokens::{self, TokenKind};
use crate::http::users::{Edit, Password};
use crate::http::validate::Defects;
use crate::model::limits::NAME_BYTES_MAX;
use crate::model::time::{Span, Timestamp};

/// Groups of one person.
const GROUPS_MAX: usize = 64;
/// Longest name of a program.
const PROGRAM_BYTES_MAX: usize = 64;
/// Days that a token is good for when nothing is said.
const TOKEN_DAYS: u32 = 90;
/// Most days that a token is good for.
const TOKEN_DAYS_MAX: u32 = 365;

/// An account to be made, and its password.
pub fn new_user(body: NewUser) -> Result<(NewAccount, Password), ApiError> {
    let mut defects = Defects::default();
    defects.text("/email", &body.email, EMAIL_BYTES_MAX);
    if let Some(name) = &body.name {
        defects.text("/name", name, NAME_BYTES_MAX);
    }
    let roles = match &body.roles {
        Some(words) => defects.roles(words),
        None => vec![Role::User],
    };
    defects.groups(&body.groups);
    let account = defects.done(NewAccount {
        email: body.email,
        name: body.name,
        password: String::new(),
        must_change_password: false,
        roles,
        groups: body.groups,
    })?;
    Ok((account, body.password.map_or(Password::Drawn, Password::Given)))
}

/// A change of an account.
pub fn user_edit(body: UserEdit) -> Result<Edit, ApiError> {
    let mut defects = Defects::default();
    if let Some(name) = &body.name {
        defects.text("/name", name, NAME_BYTES_MAX);
    }
    let roles = body.roles.map(|words| defects.roles(&words));
    defects.groups(body.groups.as_deref().unwrap_or_default());
    if body.password.is_some() && body.reset_password == Some(true) {
        defects.add("/resetPassword", "cannot be true beside `password`");
    }
    let drawn = || (body.reset_password == Some(true)).then_some(Password::Drawn);
    let password = body.password.clone().map(Password::Given).or_else(drawn);
    defects.done(Edit {
        name: body.name,
        roles,
        groups: body.groups,
        is_active: body.is_active,
        password,
        retire: false,
    })
}

/// A token of this person, to be made.
pub fn new_token(
    body: NewToken,
    holder: &str,
    now: Timestamp,
) -> Result<tokens::NewToken, ApiError> {
    let mut defects = Defects::default();
    defects.text("/name", &body.name, NAME_BYTES_MAX);
    let scopes = defects.scopes(&body.scopes);
    let expires_at = defects.expiry(body.expires_in_days, now);
    defects.done(tokens::NewToken {
        name: body.name,
        kind: TokenKind::Person,
        holder: holder.to_owned(),
        roles: Vec::new(),
        scopes,
        expires_at,
        parent: None,
    })
}

/// A token of a program, to be made.
pub fn new_program_token(
    body: NewProgramToken,
    now: Timestamp,
) -> Result<tokens::NewToken, ApiError> {
    let mut defects = Defects::default();
    if body.kind != "agent" {
        defects.add("/kind", "must be `agent`: people make their own tokens at /api/auth/tokens");
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if body.agent.is_empty() || !body.agent.chars().all(is_plain) {
        defects.add("/agent", "must be letters, digits, `.`, `_` and `-`");
    }
    defects.length("/agent", &body.agent, PROGRAM_BYTES_MAX);
    defects.text("/name", &body.name, NAME_BYTES_MAX);
    let roles = match &body.roles {
        Some(words) => defects.roles(words),
        None => vec![Role::User],
    };
    let scopes = defects.scopes(&body.scopes);
    let expires_at = defects.expiry(body.expires_in_days, now);
    defects.done(tokens::NewToken {
        name: body.name,
        kind: TokenKind::Agent,
        holder: format!("{PROGRAM}{}", body.agent),
        roles,
        scopes,
        expires_at,
        parent: None,
    })
}

impl Defects {
    fn roles(&mut self, words: &[String]) -> Vec<Role> {
        if words.is_empty() {
            self.add("/roles", "must name at least one role");
        }
        let mut roles = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match Role::ALL.iter().find(|role| role.as_str() == word) {
                Some(role) if roles.contains(role) => {
                    self.add(&format!("/roles/{index}"), format!("{word:?} is there twice"));
                }
                Some(role) => roles.push(*role),
                None => {
                    let message = format!("{word:?} is not one of user, reviewer, operator, admin");
                    self.add(&format!("/roles/{index}"), message);
                }
            }
        }
        roles
    }

    fn groups(&mut self, groups: &[String]) {
        if groups.len() > GROUPS_MAX {
            self.add("/groups", format!("has {} groups; at most {GROUPS_MAX}", groups.len()));
        }
        for (index, group) in groups.iter().enumerate().take(GROUPS_MAX) {
            self.text(&format!("/groups/{index}"), group, NAME_BYTES_MAX);
        }
    }

    fn scopes(&mut self, words: &[String]) -> Vec<Scope> {
        if words.is_empty() {
            self.add("/scopes", "must name at least one scope");
        }
        let mut scopes = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match word.parse::<Scope>() {
                Ok(scope) if scopes.contains(&scope) => {
                    self.add(&format!("/scopes/{index}"), format!("{word:?} is there twice"));
                }
                Ok(scope) => scopes.push(scope),
                Err(error) => self.add(&format!("/scopes/{index}"), error.to_string()),
            }
        }
        scopes
    }

    fn expiry(&mut self, days: Option<u32>, now: Timestamp) -> Timestamp {
        let days = days.unwrap_or(TOKEN_DAYS);
        if !(1..=TOKEN_DAYS_MAX).contains(&days) {
            self.add("/expiresInDays", format!("must be from 1 to {TOKEN_DAYS_MAX}"));
        }
        now.after(Span::from_secs(u64::from(days.min(TOKEN_DAYS_MAX)) * 24 * 3600))
    }
}
