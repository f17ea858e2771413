//! Rows of the read model: what lists, filters and timers need without opening a journal.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::checkpoint::{CheckpointStatus, Purpose};
use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::problem::Problem;
use crate::model::status::{Phase, Status, WaitingFor};
use crate::model::time::Timestamp;
use crate::model::voter::{Delegate, Entitled, Voter};

/// Where a live job is kept. Exactly one holds for every job at every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// In the queue for a slot, at this key (smaller first).
    Queue(i64),
    /// Something outside is to be under way: an actor must hold it, also after a restart.
    Active,
    /// It only waits: for a person or an event, and for this time if one is set.
    Parked(Option<Timestamp>),
    /// Nothing follows by itself.
    Ended,
}

/// A job in lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// Which job.
    pub id: JobId,
    /// Events in its journal.
    pub version: u64,
    /// Its fence: raised whenever its owner changes.
    pub fence: u64,
    /// The name of its workflow.
    pub job_type: String,
    /// The document that it runs.
    pub definition: ContentHash,
    /// One line for people.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// The same in the standard's words.
    pub phase: Phase,
    /// What it waits for, unless it ended or works.
    pub waiting_for: Option<WaitingFor>,
    /// Where it is kept.
    pub place: Place,
    /// 0 to 9.
    pub priority: u8,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The user who owns it.
    pub owner: String,
    /// The agent that is to carry it out.
    pub agent: Option<String>,
    /// The job that runs this one.
    pub parent: Option<JobId>,
    /// The number of its last run.
    pub run_number: u32,
    /// Calls started over all runs.
    pub attempts: u32,
    /// Checkpoints that wait for a person.
    pub pending_checkpoints: u32,
    /// The error that ended it.
    pub error: Option<Problem>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its first run began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// When it is wanted.
    pub due_at: Option<Timestamp>,
}

/// A checkpoint in lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointRow {
    /// Which checkpoint.
    pub id: CheckpointId,
    /// Its job.
    pub job: JobId,
    /// The name of the job's workflow.
    pub job_type: String,
    /// The name of the job.
    pub job_name: String,
    /// The owner of the job.
    pub owner: String,
    /// The task that opened it.
    pub reference: String,
    /// Why it exists.
    pub purpose: Purpose,
    /// What is asked.
    pub title: String,
    /// Where it stands.
    pub status: CheckpointStatus,
    /// The digest of what is shown.
    pub digest: ContentHash,
    /// Who may decide.
    pub assignees: Vec<String>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it left PENDING.
    pub closed_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// With which comment.
    pub comment: Option<String>,
    /// Approvals that it takes.
    pub quorum: u32,
    /// Who approved so far, while others have to as well: ids.
    pub voters: Vec<String>,
    /// Who may not decide: ids.
    pub excluded: Vec<String>,
    /// Rights given to others.
    pub delegates: Vec<Delegate>,
    /// Who claimed it, and until when.
    pub claim: Option<(String, Timestamp)>,
    /// When the next one is asked too.
    pub escalates_at: Option<Timestamp>,
}

impl CheckpointRow {
    /// May this person say something new at this time: entitled, not kept out by a claim, and not
    /// among those who have voted?
    pub fn may_decide(&self, voter: &Voter, now: Timestamp) -> bool {
        let CheckpointRow { assignees, delegates, excluded, .. } = self;
        let is_kept_out = self
            .claim
            .as_ref()
            .is_some_and(|(by, until)| now < *until && by != voter.principal.id());
        self.status == CheckpointStatus::Pending
            && !is_kept_out
            && !self.voters.iter().any(|known| known == voter.principal.id())
            && voter.standing(Entitled { assignees, delegates, excluded }, now).is_ok()
    }

    /// Do both ask the same of the same kind of job?
    pub fn is_like(&self, other: &CheckpointRow) -> bool {
        self.job_type == other.job_type
            && self.reference == other.reference
            && self.title == other.title
    }
}
