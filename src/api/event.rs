//! CloudEvents that come in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": true, "delivered": 1}))]
pub struct EventAnswer {
    /// Always true.
    pub success: bool,
    /// How many jobs took it.
    pub delivered: u64,
}
