//! What was found, as data. A job is drilled, differs before anybody is killed, or is skipped with
//! a reason; a kill point is recovered, lost or doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::model::id::JobId;

/// The jobs of one workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowReport {
    /// Jobs that were drilled.
    pub jobs: u64,
    /// Persisted boundaries of their rehearsals, children included.
    pub boundaries: u64,
    /// Times that the engine was killed: before and after boundaries.
    pub kill_points: u64,
    /// The job ended as recorded, and nothing happened twice.
    pub recovered: u64,
    /// It did not end, or not as recorded.
    pub lost: u64,
    /// A call, a decision, an event or a job happened twice.
    pub doubled: u64,
    /// Calls that a person had to be asked about, as their workflow wants it.
    pub asked: u64,
    /// Jobs that ended otherwise although nobody was killed.
    pub differs: u64,
    /// Jobs that cannot be rehearsed.
    pub skipped: u64,
}

/// A job that was not drilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    /// The job.
    pub job: JobId,
    /// Its workflow.
    pub workflow: String,
    /// Why.
    pub reason: String,
}

/// What went wrong after a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The job did not end, or not as recorded.
    Lost,
    /// Something happened twice.
    Doubled,
}

/// A kill that was not survived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The job.
    pub job: JobId,
    /// Its workflow.
    pub workflow: String,
    /// Where the engine was killed.
    pub killed: String,
    /// What went wrong.
    pub kind: Kind,
    /// How that shows.
    pub reason: String,
}

/// What a drill found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// By workflow.
    pub workflows: BTreeMap<String, WorkflowReport>,
    /// Kills that were not survived.
    pub failures: Vec<Failure>,
    /// Jobs that ended otherwise although nobody was killed.
    pub differs: Vec<Remark>,
    /// Jobs that cannot be rehearsed.
    pub skipped: Vec<Remark>,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

impl Report {
    /// All workflows together.
    pub fn total(&self) -> WorkflowReport {
        self.workflows.values().fold(WorkflowReport::default(), |sum, one| WorkflowReport {
            jobs: sum.jobs + one.jobs,
            boundaries: sum.boundaries + one.boundaries,
            kill_points: sum.kill_points + one.kill_points,
            recovered: sum.recovered + one.recovered,
            lost: sum.lost + one.lost,
            doubled: sum.doubled + one.doubled,
            asked: sum.asked + one.asked,
            differs: sum.differs + one.differs,
            skipped: sum.skipped + one.skipped,
        })
    }

    /// The line of this workflow.
    pub(super) fn of(&mut self, workflow: &str) -> &mut WorkflowReport {
        self.workflows.entry(workflow.to_owned()).or_default()
    }
}
