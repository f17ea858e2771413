//! API tokens. The secret of one comes out once, in the answer that made it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::page::Pagination;

/// A token of the caller's own, to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "nightly report", "scopes": ["jobs:read"], "expiresInDays": 30}))]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may be used for, as `jobs:read`; `*` for whatever the person may do.
    pub scopes: Vec<String>,
    /// Days until it expires, 1 to 365; 90 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A token of a program, to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"kind": "agent", "agent": "ci", "name": "CI of the shop",
    "roles": ["user"], "scopes": ["jobs:write", "events:send"], "expiresInDays": 90}))]
pub struct NewProgramToken {
    /// `agent`: only programs get tokens from others. People make their own.
    pub kind: String,
    /// The name of the program: what its jobs carry as their owner, after `agent:`. Letters,
    /// digits, `.`, `_` and `-`, at most 64.
    pub agent: String,
    /// What it is for.
    pub name: String,
    /// What the program may be; `user` when absent. Whatever they are, it never decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Days until it expires, 1 to 365; 90 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "k7qv2mzt4c9wbx3d", "name": "nightly report", "kind": "person",
    "userId": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11", "roles": [], "scopes": ["jobs:read"],
    "isActive": true, "createdAt": "2026-01-15T10:30:00.000Z",
    "createdBy": "0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11",
    "expiresAt": "2026-04-15T10:30:00.000Z", "lastUsedAt": null, "revokedAt": null
}))]
pub struct Token {
    /// The public part of the token: the letters after `hp_`.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// `person` or `agent`.
    pub kind: String,
    /// Whose it is: the id of the account, or `agent:<name>`.
    pub user_id: String,
    /// The roles of a program; empty for a person, whose account says them.
    pub roles: Vec<String>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Is it neither revoked nor expired?
    pub is_active: bool,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// The id of the account that made it.
    pub created_by: String,
    /// Until when it is good.
    pub expires_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
}

/// One token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// Always true.
    pub success: bool,
    /// The token.
    pub token: Token,
    /// The whole token, to be sent as `Authorization: Bearer …`. It is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A page of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// Always true.
    pub success: bool,
    /// The tokens, the newest first.
    pub tokens: Vec<Token>,
    /// Where the page stands.
    pub pagination: Pagination,
}
