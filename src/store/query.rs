//! What lists ask for. Plain data; `page` says what it means.

use crate::model::checkpoint::CheckpointStatus;
use crate::model::id::JobId;
use crate::model::row::CheckpointRow;
use crate::model::status::{Phase, Status};
use crate::model::time::Timestamp;
use crate::model::voter::Voter;

/// A page of something.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins; opaque.
    pub next_cursor: Option<String>,
}

/// Which jobs, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobQuery {
    /// Any of these; empty for all.
    pub statuses: Vec<Status>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// Of this workflow.
    pub job_type: Option<String>,
    /// Of this owner.
    pub owner: Option<String>,
    /// Assigned to this agent.
    pub agent: Option<String>,
    /// With all of these labels.
    pub labels: Vec<(String, String)>,
    /// With this text in name or description, whatever the case.
    pub text: Option<String>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_to: Option<Timestamp>,
    /// Waiting for a person.
    pub waiting_for_person: bool,
    /// In which order.
    pub sort: JobSort,
    /// Rows on the page.
    pub limit: u32,
    /// Rows to skip; ignored with a cursor.
    pub offset: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// The order of a list of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobSort {
    /// Newest first.
    #[default]
    CreatedDescending,
    /// Oldest first.
    CreatedAscending,
    /// Last changed first.
    UpdatedDescending,
    /// Most urgent first.
    PriorityDescending,
}

/// Which checkpoints, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointQuery {
    /// Any of these; empty for all.
    pub statuses: Vec<CheckpointStatus>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Of jobs of this owner.
    pub owner: Option<String>,
    /// That this role, group or user may decide, as the document names them.
    pub assignee: Option<String>,
    /// Claimed by this person, by id, at the time of `now`.
    pub claimed_by: Option<String>,
    /// That this person may decide at the time of `now`.
    pub may_decide: Option<Voter>,
    /// That ask the same of the same kind of job as this one.
    pub like: Option<Box<CheckpointRow>>,
    /// The time of the question: claims and delegations end.
    pub now: Timestamp,
    /// In which order.
    pub sort: CheckpointSort,
    /// Rows on the page.
    pub limit: u32,
    /// Rows to skip; ignored with a cursor.
    pub offset: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// The order of a list of checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointSort {
    /// Oldest first.
    #[default]
    Age,
    /// The next to expire first.
    Expiry,
}
