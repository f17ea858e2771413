//! Signed links: each lets one person decide at one checkpoint.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A link to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"user": "ann@example.com", "expiresAfter": "P2D"}))]
pub struct NewLink {
    /// For whom: id or address of an account.
    pub user: String,
    /// How long it is good, ISO 8601: at most seven days, and never longer than the checkpoint
    /// waits.
    #[serde(default)]
    pub expires_after: Option<String>,
}

/// A link. What opens it is in the answer that made it, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Which link.
    pub id: String,
    /// The checkpoint.
    pub checkpoint_id: String,
    /// Its job.
    pub job_id: String,
    /// For whom, by user id.
    pub user: String,
    /// `ACTIVE`, `USED`, `REVOKED`, `EXPIRED` or `CLOSED` (the checkpoint was closed without it,
    /// or shows something else now).
    pub status: String,
    /// What was shown when it was made; it decides about nothing else.
    pub digest: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// Until when it is good.
    pub expires_at: String,
    /// When its person decided with it.
    pub used_at: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<String>,
    /// Who took it back.
    pub revoked_by: Option<String>,
}

/// The answer about a new link.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewLinkAnswer {
    /// Always true.
    pub success: bool,
    /// The link.
    pub link: Link,
    /// Where its person decides. It is shown once: whoever has it can open the page.
    pub url: String,
}

impl std::fmt::Debug for NewLinkAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewLinkAnswer").field("link", &self.link).finish_non_exhaustive()
    }
}

/// The answer about one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkAnswer {
    /// Always true.
    pub success: bool,
    /// The link.
    pub link: Link,
}

/// A list of links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkList {
    /// Always true.
    pub success: bool,
    /// The links, oldest first.
    pub links: Vec<Link>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}
