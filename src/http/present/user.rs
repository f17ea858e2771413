//! Accounts and who asks.

use crate::api::auth::{StandingDelegation, User, UserAnswer};
use crate::api::user::Account;
use crate::http::accounts;
use crate::http::authorize::{Caller, Role};
use crate::http::present::time;

/// Who asks.
pub fn caller(caller: Caller) -> UserAnswer {
    let words = |scopes: Vec<crate::http::scope::Scope>| {
        scopes.into_iter().map(|scope| scope.to_string()).collect()
    };
    let scopes = caller.scopes.map(words);
    let Caller { id, email, name, groups, must_change_password, .. } = caller;
    let roles = roles(&caller.roles);
    UserAnswer {
        success: true,
        user: User { id, email, name, roles, groups, must_change_password },
        scopes,
    }
}

/// An account, with the address of who stands in for its person.
pub fn account(account: &accounts::Account, stand_in: Option<&accounts::Account>) -> Account {
    Account {
        id: account.id.clone(),
        email: account.email.clone(),
        name: account.name.clone(),
        roles: roles(&account.roles),
        groups: account.groups.clone(),
        is_active: account.is_active,
        must_change_password: account.must_change_password,
        created_at: time(account.created_at),
        password_changed_at: account.password_changed_at.map(time),
        retired_at: account.retired_at.map(time),
        delegation: account.delegation.as_ref().map(|it| delegation(it, stand_in)),
    }
}

/// A standing delegation.
pub fn delegation(
    delegation: &accounts::Delegation,
    stand_in: Option<&accounts::Account>,
) -> StandingDelegation {
    StandingDelegation {
        to: delegation.to.clone(),
        email: stand_in.map(|account| account.email.clone()).unwrap_or_default(),
        since: time(delegation.since),
        until: delegation.until.map(time),
    }
}

/// Roles as words.
pub fn roles(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}
