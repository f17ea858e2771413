//! What a look at the whole store found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::status::Held;

/// Something about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which job.
    pub job_id: String,
    /// What is the matter.
    pub reason: String,
}

/// Findings of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// How many.
    pub total: u64,
    /// The first hundred.
    pub first: Vec<Finding>,
}

/// How long the disk will last, if the store goes on growing as it did in the last week.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Bytes of the store.
    pub bytes: u64,
    /// Bytes free on its disk; null when that is unknown.
    pub free_bytes: Option<u64>,
    /// Bytes that it grows by in a day; null when it is too young to say.
    pub bytes_per_day: Option<u64>,
    /// Days until the disk is full; null when it does not grow or that is unknown.
    pub days_left: Option<u64>,
}

/// The newest backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewestBackup {
    /// The file.
    pub file: String,
    /// When it was taken, RFC 3339 in UTC.
    pub taken_at: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Doctor {
    /// Jobs that were looked at.
    pub jobs: u64,
    /// Live jobs that nothing will carry on. Any is a defect.
    pub stranded: Findings,
    /// Jobs that could not be carried on and are parked as FAILED.
    pub poisoned: Findings,
    /// Jobs that the safety sweep found without an actor since the start. Any is a defect.
    pub rescues: u64,
    /// The disk.
    pub forecast: Forecast,
    /// The newest backup in the folder of the server; null when there is none.
    pub backup: Option<NewestBackup>,
    /// How often the store was restored or imported.
    pub generation: u64,
    /// Held, since when and why; null when it works.
    pub held: Option<Held>,
    /// Why the store takes no writes; null when it does.
    pub read_only: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoctorAnswer {
    /// Always true: that something was found is no failure of the request.
    pub success: bool,
    /// What was found.
    pub doctor: Doctor,
}
