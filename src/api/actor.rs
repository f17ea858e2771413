//! The live actor tree.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An actor and those that it supervises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0.1", "kind": "root", "name": "root", "state": "running", "mailbox": 0, "handled": 7,
    "restarts": 0, "since": "2026-01-15T10:30:00.000Z", "lastError": null, "children": []
}))]
pub struct Actor {
    /// Its id in this process.
    pub id: String,
    /// Its role: `root`, `scheduler`, `wakes`, `jobs`, `job`, `attempt`, `feed`.
    pub kind: String,
    /// What it is for; the job id for a job.
    pub name: String,
    /// `starting`, `running`, `stopping` or `stopped`.
    pub state: String,
    /// Messages that wait for it.
    pub mailbox: u64,
    /// Messages handled.
    pub handled: u64,
    /// How often it was restarted.
    pub restarts: u32,
    /// Since when it lives, RFC 3339 in UTC.
    pub since: String,
    /// Its last error.
    pub last_error: Option<String>,
    /// The actors that it supervises.
    #[schema(no_recursion)]
    pub children: Vec<Actor>,
}

/// The tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorsAnswer {
    /// Always true.
    pub success: bool,
    /// The root of the tree.
    pub actors: Actor,
}
