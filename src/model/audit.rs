//! Facts for the audit trail: who did what to what, and through which door they came.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::principal::Principal;

/// Where a wish came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The network address, as far as it can be trusted.
    pub address: Option<String>,
    /// `session:<short hash>`, `token:<id>`, `link:<id>`, `cli` or `system`.
    pub via: String,
}

/// Something that happened outside of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Who did it.
    pub by: Principal,
    /// What, as `login` or `user.create`.
    pub action: String,
    /// To what.
    pub target: String,
    /// What else is to be known. Never a secret.
    pub detail: Value,
    /// Where it came from.
    pub origin: Option<Origin>,
}

/// The author of a wish with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub by: Principal,
    /// From where.
    pub origin: Option<Origin>,
}

impl From<Principal> for Author {
    fn from(by: Principal) -> Self {
        Self { by, origin: None }
    }
}
