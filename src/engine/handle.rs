//! The handle: the only way into the engine. Cheap to clone; it owns no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dsl::{Defect, Format};
use crate::engine::{
    ActorNode, CheckpointQuery, CheckpointView, Counts, Document, DocumentOutcome, EngineError,
    Health, IdempotencyKey, JobQuery, JobView, LogRow, Page, RecoveryReport, TimelineRow,
    WorkerStatus, WorkflowView,
};
use crate::model::cloud_event::CloudEvent;
use crate::model::command::{Command, DecideCheckpoint};
use crate::model::event::Data;
use crate::model::id::{CheckpointId, JobId};
use crate::model::principal::Principal;
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;

/// A job to be created.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The name of the workflow.
    pub job_type: String,
    /// One line for people.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// When the result is good enough, in words.
    pub acceptance_criteria: String,
    /// When the result is good enough, as rules.
    pub acceptance_rules: Data,
    /// The input of the workflow.
    pub input: Data,
    /// 0 to 9.
    pub priority: u8,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The user who will own it.
    pub owner: String,
    /// When it is wanted.
    pub due_at: Option<Timestamp>,
    /// Does an assigned job start by itself?
    pub auto_execute: bool,
}

/// A created job.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The job.
    pub job: JobView,
    /// Did an earlier request with the same key create it?
    pub replayed: bool,
}

/// The engine.
#[derive(Clone)]
pub struct Engine {}

impl Engine {
    /// Creates a job; it is on disk when this returns.
    pub async fn submit(
        &self,
        _job: NewJob,
        _by: Principal,
        _key: Option<IdempotencyKey>,
    ) -> Result<Submitted, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Asks something of a job; what follows is on disk when this returns.
    pub async fn command(
        &self,
        _job: JobId,
        _command: Command,
        _by: Principal,
    ) -> Result<JobView, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Decides at a checkpoint.
    pub async fn decide(
        &self,
        _decision: DecideCheckpoint,
        _by: Principal,
    ) -> Result<CheckpointView, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Delivers an event to every job that listens to it; says how many took it.
    pub async fn deliver(&self, _event: CloudEvent, _by: Principal) -> Result<u64, EngineError> {
        Err(EngineError::Stopping)
    }

    /// A job in full.
    pub async fn job(&self, _job: JobId) -> Result<JobView, EngineError> {
        Err(EngineError::Stopping)
    }

    /// A page of jobs.
    pub async fn jobs(&self, _query: &JobQuery) -> Result<Page<JobRow>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// The log of a job after this event: at most `max` rows, and how many there are in all.
    pub async fn logs(
        &self,
        _job: JobId,
        _after_seq: u64,
        _max: usize,
    ) -> Result<(Vec<LogRow>, u64), EngineError> {
        Err(EngineError::Stopping)
    }

    /// The tasks of all runs of a job, in order of start.
    pub async fn timeline(&self, _job: JobId) -> Result<Vec<TimelineRow>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// A checkpoint in full.
    pub async fn checkpoint(&self, _id: CheckpointId) -> Result<CheckpointView, EngineError> {
        Err(EngineError::Stopping)
    }

    /// A page of checkpoints.
    pub async fn checkpoints(
        &self,
        _query: &CheckpointQuery,
    ) -> Result<Page<CheckpointRow>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Every registered workflow and every broken file, by name and version.
    pub fn workflows(&self) -> Vec<WorkflowView> {
        Vec::new()
    }

    /// Checks a document without registering it.
    pub fn check_workflow(
        &self,
        _text: &str,
        _format: Format,
    ) -> Result<WorkflowView, Vec<Defect>> {
        Err(Vec::new())
    }

    /// Registers a document. The inner error lists its defects.
    pub async fn register_workflow(
        &self,
        _text: &str,
        _format: Format,
        _by: Principal,
    ) -> Result<Result<WorkflowView, Vec<Defect>>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Lets the worker start runs.
    pub async fn start_worker(&self) -> Result<WorkerStatus, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Stops it: no new run begins; those that are going on end (drain).
    pub async fn stop_worker(&self) -> Result<WorkerStatus, EngineError> {
        Err(EngineError::Stopping)
    }

    /// How the worker is.
    pub async fn worker(&self) -> Result<WorkerStatus, EngineError> {
        Err(EngineError::Stopping)
    }

    /// The live actor tree.
    pub async fn actors(&self) -> Result<ActorNode, EngineError> {
        Err(EngineError::Stopping)
    }

    /// What the last start found and did.
    pub fn recovery(&self) -> Arc<RecoveryReport> {
        Arc::new(RecoveryReport::default())
    }

    /// What stands where.
    pub async fn counts(&self) -> Result<Counts, EngineError> {
        Err(EngineError::Stopping)
    }

    /// How the store is.
    pub async fn health(&self) -> Result<Health, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Wakes whenever something was committed; the value is the end of the feed.
    pub fn feed(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    /// The feed after this place, at most `max`.
    pub async fn changes(
        &self,
        _after: u64,
        _max: usize,
    ) -> Result<Vec<crate::engine::Change>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// A document (a user, a session).
    pub async fn document(&self, _kind: &str, _id: &str) -> Result<Option<Document>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Documents of a kind, in order of id, after this one.
    pub async fn documents(
        &self,
        _kind: &str,
        _after: Option<&str>,
        _max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Writes a document (see `Store::put_document`); the engine stamps the time.
    pub async fn put_document(
        &self,
        _kind: &str,
        _id: &str,
        _body: Vec<u8>,
        _expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, EngineError> {
        Err(EngineError::Stopping)
    }

    /// Removes a document.
    pub async fn remove_document(&self, _kind: &str, _id: &str) -> Result<bool, EngineError> {
        Err(EngineError::Stopping)
    }

    /// The time, as the engine sees it.
    pub fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    /// Drains and stops everything, then closes the store.
    pub async fn stop(&self) {}
}
