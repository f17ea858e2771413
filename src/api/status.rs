//! How the server is: version, store, and what its last start found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Which engine.
    pub engine: String,
    /// Where it is.
    pub location: String,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Bytes free on its disk; null when that is unknown.
    pub free_bytes: Option<u64>,
    /// Commits since it was opened.
    pub commits: u64,
    /// Transactions since it was opened (a group of commits each).
    pub groups: u64,
    /// Mean time of a transaction, microseconds.
    pub group_micros_mean: u64,
    /// Bytes of its file that are held in memory, at most `[store] cache_mib`; null when that is
    /// unknown.
    pub cache_bytes: Option<u64>,
    /// Why it takes no writes; null when it does.
    pub read_only: Option<String>,
}

/// What the last start found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// When the start was done, RFC 3339 in UTC.
    pub at: String,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Jobs by status.
    pub jobs: BTreeMap<String, u64>,
    /// Jobs in the queue.
    pub queued: u64,
    /// Jobs that only wait.
    pub parked: u64,
    /// Jobs that an actor took up again.
    pub revived: u64,
    /// Jobs whose time had come while the process was down.
    pub due: u64,
    /// Calls that were under way and were made again or put in doubt.
    pub interrupted_calls: u64,
    /// Jobs that could not be loaded and were parked.
    pub poisoned: u64,
}

/// Held: the store is a copy that was not released yet, and nothing starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// Why.
    pub reason: String,
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// The version of the program.
    pub version: String,
    /// When it started, RFC 3339 in UTC.
    pub started_at: String,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// The store.
    pub store: Store,
    /// How often the store was restored or imported.
    #[serde(default)]
    pub generation: u64,
    /// Held, since when and why; null when it works.
    #[serde(default)]
    pub held: Option<Held>,
    /// What the last start found.
    pub recovery: Recovery,
    /// Jobs now in each status.
    pub jobs: BTreeMap<String, u64>,
    /// Checkpoints now in each status.
    pub checkpoints: BTreeMap<String, u64>,
    /// Jobs in the queue.
    pub queued: u64,
    /// Jobs that an actor holds.
    pub active: u64,
    /// Jobs that only wait.
    pub parked: u64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusAnswer {
    /// Always true.
    pub success: bool,
    /// How the server is.
    pub status: ServerStatus,
}

/// Liveness or readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": true, "status": "ready"}))]
pub struct HealthAnswer {
    /// True when it is as it should be.
    pub success: bool,
    /// `alive`, `ready` or `held`.
    pub status: String,
}
