//! Accounts, as admins make and change them. A password goes in; one that was drawn comes out once.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::auth::StandingDelegation;
use crate::api::page::Pagination;

/// An account to be made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"email": "ann@example.com", "name": "Ann", "roles": ["user", "reviewer"],
    "groups": ["finance"]}))]
pub struct NewUser {
    /// The address to sign in with; it stays with the account for ever.
    pub email: String,
    /// How the person is called; the first part of the address when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Any of `user`, `reviewer`, `operator`, `admin`; `user` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Groups that documents may name as assignees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The password. Without one a one-time password is drawn and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub password: Option<String>,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("email", &self.email).finish_non_exhaustive()
    }
}

/// A change of an account; what is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"roles": ["user", "operator"], "isActive": true}))]
pub struct UserEdit {
    /// How the person is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the person may be from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The groups from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// `false` ends every session and token of the person at once; `true` lets them in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Sets this password and ends every session of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub password: Option<String>,
    /// `true` draws a one-time password instead, which is shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_password: Option<bool>,
}

impl fmt::Debug for UserEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserEdit").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// An account as admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "email": "ann@example.com", "name": "Ann",
    "roles": ["user", "reviewer"], "groups": ["finance"], "isActive": true,
    "mustChangePassword": true, "createdAt": "2026-01-15T10:30:00.000Z",
    "passwordChangedAt": "2026-01-15T10:30:00.000Z", "retiredAt": null, "delegation": null
}))]
pub struct Account {
    /// The id that jobs and decisions carry. It stays when the person goes.
    pub id: String,
    /// The address of the account.
    pub email: String,
    /// How the person is called.
    pub name: String,
    /// Any of `user`, `reviewer`, `operator`, `admin`.
    pub roles: Vec<String>,
    /// Groups that documents may name as assignees.
    pub groups: Vec<String>,
    /// May the person sign in and use tokens?
    pub is_active: bool,
    /// Must the password be changed before anything else?
    pub must_change_password: bool,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When the password was last changed.
    pub password_changed_at: Option<String>,
    /// Since when it is out of use for ever.
    pub retired_at: Option<String>,
    /// Who stands in for the person at checkpoints.
    pub delegation: Option<StandingDelegation>,
}

/// One account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountAnswer {
    /// Always true.
    pub success: bool,
    /// The account.
    pub user: Account,
    /// The password that was drawn. It is shown this once, and must be changed at the first login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_password: Option<String>,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A page of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountList {
    /// Always true.
    pub success: bool,
    /// The accounts, the oldest first.
    pub users: Vec<Account>,
    /// Where the page stands.
    pub pagination: Pagination,
}
