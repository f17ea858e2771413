//! Backups, and the release of a store that is held.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A backup that was verified after it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "holdpoint-20260115T103000.000Z.redb",
    "file": "/srv/holdpoint/backups/holdpoint-20260115T103000.000Z.redb",
    "bytes": 5242880,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "format": 1, "program": "holdpoint 0.1.0",
    "storeId": "0d1f1c0e-6a4b-4a51-9d0f-1c5b8f1f6f2a", "generation": 0, "jobs": 1200,
    "events": 30400, "checkpoints": 800, "feed": 21000,
    "takenAt": "2026-01-15T10:30:00.000Z", "seconds": 0.8
}))]
pub struct Backup {
    /// The name to download it by.
    pub name: String,
    /// The file on the machine of the server.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The version of the format of the store.
    pub format: u64,
    /// The program that took it.
    pub program: String,
    /// The random id of the store.
    pub store_id: String,
    /// How often the store was restored before.
    pub generation: u64,
    /// Jobs in it.
    pub jobs: u64,
    /// Events in it.
    pub events: u64,
    /// Checkpoints in it.
    pub checkpoints: u64,
    /// The end of its feed: everything up to this place is in it, nothing after it.
    pub feed: u64,
    /// When it was taken, RFC 3339 in UTC.
    pub taken_at: String,
    /// How long it took, with its verification; null in lists.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackupAnswer {
    /// Always true.
    pub success: bool,
    /// The backup.
    pub backup: Backup,
}

/// Every backup in the folder of the server, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackupList {
    /// Always true.
    pub success: bool,
    /// The backups.
    pub backups: Vec<Backup>,
}

/// The answer to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Released: work begins"}))]
pub struct ReleaseAnswer {
    /// Always true.
    pub success: bool,
    /// One sentence for people.
    pub message: String,
}
