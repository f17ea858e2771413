//! Login and who one is. A password goes in and never comes out.

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

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "email": "admin@example.com", "name": "admin",
    "roles": ["user", "reviewer", "operator", "admin"]
}))]
pub struct User {
    /// The id that jobs and decisions carry.
    pub id: String,
    /// The address of the account.
    pub email: String,
    /// How the person is called.
    pub name: String,
    /// Any of `user`, `reviewer`, `operator`, `admin`.
    pub roles: Vec<String>,
}

/// The answer to a login and to `me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserAnswer {
    /// Always true.
    pub success: bool,
    /// Who is signed in.
    pub user: User,
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
