//! Where a list stands: what was asked for, how much there is, and where it goes on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The place of a page in its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"limit": 50, "offset": 0, "total": 1, "nextCursor": null}))]
pub struct Pagination {
    /// Rows that a page holds at most.
    pub limit: u32,
    /// Rows skipped before this page.
    pub offset: u64,
    /// Rows in the whole list.
    pub total: u64,
    /// Send it as `cursor` to get the next page; null on the last one. Opaque.
    pub next_cursor: Option<String>,
}
