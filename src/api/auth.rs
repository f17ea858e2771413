//! Login, who one is, one's password and who stands in for one. A password goes in and never comes
//! out.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A login.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "admin@example.com", "password": "correct horse battery \
staple"}))]
pub struct Login {
    /// The address of the account, whatever the case.
    pub email: String,
    /// The password.
    #[schema(format = Password)]
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A derived one would put the password into the first log line that shows a request.
        f.debug_struct("Login").field("email", &self.email).finish_non_exhaustive()
    }
}

/// Who is signed in: a person, or a program with a token of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "email": "admin@example.com", "name": "admin",
    "roles": ["user", "reviewer", "operator", "admin"], "groups": [], "mustChangePassword": false
}))]
pub struct User {
    /// The id that jobs and decisions carry; `agent:<name>` for a program.
    pub id: String,
    /// The address of the account; empty for a program.
    pub email: String,
    /// How the person or program is called.
    pub name: String,
    /// Any of `user`, `reviewer`, `operator`, `admin`.
    pub roles: Vec<String>,
    /// Groups that documents may name as assignees.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Must the password be changed before anything else? Somebody else drew it.
    #[serde(default)]
    pub must_change_password: bool,
}

/// The answer to a login and to `me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserAnswer {
    /// Always true.
    pub success: bool,
    /// Who is signed in.
    pub user: User,
    /// What the token of the request may be used for; absent with a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}

/// A change of one's own password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current": "correct horse", "new": "battery staple on a wet Tuesday"}))]
pub struct PasswordChange {
    /// The password as it is.
    #[schema(format = Password)]
    pub current: String,
    /// The password as it shall be: 8 to 128 characters, not the email, not a common one.
    #[schema(format = Password)]
    pub new: String,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordChange(…)")
    }
}

/// Who shall stand in for the caller at checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "bob@example.com", "until": "2026-08-14T18:00:00.000Z"}))]
pub struct NewStandingDelegation {
    /// The id or email of an active account that may decide.
    pub to: String,
    /// Until when, RFC 3339; until it is taken back when absent.
    #[serde(default)]
    pub until: Option<String>,
}

/// Who stands in for the caller at checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"to": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c12", "email": "bob@example.com",
    "since": "2026-08-01T08:00:00.000Z", "until": "2026-08-14T18:00:00.000Z"}))]
pub struct StandingDelegation {
    /// The id of the account that stands in.
    pub to: String,
    /// Its address.
    pub email: String,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// Until when; null: until it is taken back.
    pub until: Option<String>,
}

/// The standing delegation of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingDelegationAnswer {
    /// Always true.
    pub success: bool,
    /// Who stands in; null: nobody.
    pub delegation: Option<StandingDelegation>,
}

/// An answer without content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Signed out"}))]
pub struct Done {
    /// Always true.
    pub success: bool,
    /// One sentence for people.
    pub message: String,
}
