//! A gate as it stands: its job, the checkpoint that people decide at, and how far the callback is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::gates::documents::GATE;
use crate::engine::{Engine, EngineError, JobQuery, JobView, Page};
use crate::machine::approved;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus, OnExpiry, Purpose, Verdict};
use crate::model::event::Event;
use crate::model::id::JobId;
use crate::model::job::{CallStage, FrameState, Job};
use crate::model::refusal::Refusal;
use crate::model::status::{Status, UnknownWord, words};

/// Events of a journal read at a time.
const EVENTS: usize = 500;

words! {
    /// Where a gate stands.
    GateStatus {
        /// Nobody has decided.
        Pending = "PENDING",
        /// Approved: by a person, by a rule, or because nobody decided and the caller wanted that
        /// to mean yes.
        Approved = "APPROVED",
        /// Rejected by a person.
        Rejected = "REJECTED",
        /// A person wants it reworked.
        SentBack = "SENT_BACK",
        /// Nobody decided in time. Never a person's no.
        Expired = "EXPIRED",
        /// Withdrawn, or it could not be asked.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// How far a callback is.
    CallbackStatus {
        /// Not taken yet.
        Pending = "PENDING",
        /// Taken by the other side.
        Delivered = "DELIVERED",
        /// Given up; the decision stands all the same.
        Failed = "FAILED",
    }
}

/// The callback of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct CallbackView {
    /// Where it goes.
    pub url: String,
    /// How far it is.
    pub status: CallbackStatus,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last one failed, or why it was given up.
    pub last_error: Option<String>,
    /// The job that delivers it, once the gate is decided: retrying that job sends it again.
    pub job: Option<JobId>,
}

/// A gate.
#[derive(Clone, Debug)]
pub struct GateView {
    /// Its job.
    pub job: JobView,
    /// Where it stands.
    pub status: GateStatus,
    /// What people decide at; none before it opened.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// Its callback, if it has one.
    pub callback: Option<CallbackView>,
}

impl GateView {
    /// Is there nothing more to wait for?
    pub fn is_settled(&self) -> bool {
        self.status != GateStatus::Pending
    }

    /// What was approved; nothing when it was not.
    pub fn approved_value(&self) -> Option<Value> {
        approved_value(self.checkpoint.as_ref()?)
    }
}

/// Is this the job of a gate?
pub(crate) fn is_gate(job_type: &str) -> bool {
    job_type == GATE.1
}

/// The last checkpoint that the gate opened.
pub(super) fn checkpoint_of(job: &Job) -> Option<&Arc<Checkpoint>> {
    let gates = job.checkpoints.values().filter(|row| row.purpose == Purpose::Gate);
    gates.max_by_key(|row| (row.run, row.opened_at, row.frame))
}

/// What was approved, after any edit and choice of files; nothing when it was not.
pub(super) fn approved_value(row: &Checkpoint) -> Option<Value> {
    let is_late_yes = row.status == CheckpointStatus::Expired && row.on_expiry == OnExpiry::Approve;
    match &row.decision {
        Some(decision) if decision.verdict == Verdict::Approve => {
            approved(row, decision).get("value").cloned()
        }
        None if is_late_yes => Some((*row.shown).clone()),
        _ => None,
    }
}

/// Where a gate stands, by its checkpoint and its job.
pub(super) fn status_of(job: &Job, checkpoint: Option<&Arc<Checkpoint>>) -> GateStatus {
    let Some(row) = checkpoint.filter(|row| row.run == job.run_number) else {
        return if job.status.is_ended() { GateStatus::Cancelled } else { GateStatus::Pending };
    };
    match row.status {
        CheckpointStatus::Approved => GateStatus::Approved,
        CheckpointStatus::Rejected => GateStatus::Rejected,
        CheckpointStatus::SentBack => GateStatus::SentBack,
        CheckpointStatus::Cancelled => GateStatus::Cancelled,
        CheckpointStatus::Expired if row.on_expiry == OnExpiry::Approve => GateStatus::Approved,
        CheckpointStatus::Expired => GateStatus::Expired,
        CheckpointStatus::Pending if job.status.is_ended() => GateStatus::Cancelled,
        CheckpointStatus::Pending => GateStatus::Pending,
    }
}

/// The statuses of jobs whose gates may stand like this: the document of a gate ends each way in a
/// status of its own.
fn job_statuses(status: GateStatus) -> Vec<Status> {
    match status {
        GateStatus::Pending => vec![Status::Pending, Status::InProgress],
        GateStatus::Approved => vec![Status::Completed],
        GateStatus::Rejected => vec![Status::Rejected],
        GateStatus::SentBack => vec![Status::ResubmissionRequired],
        GateStatus::Expired => vec![Status::Failed],
        GateStatus::Cancelled => vec![Status::Cancelled],
    }
}

/// Which gates, and which page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateQuery {
    /// Standing like this.
    pub status: Option<GateStatus>,
    /// Of this owner.
    pub owner: Option<String>,
    /// Rows on the page.
    pub limit: u32,
    /// Rows to skip; ignored with a cursor.
    pub offset: u64,
    /// Where the page begins.
    pub cursor: Option<String>,
}

impl Engine {
    /// A gate as it stands.
    ///
    /// # Errors
    /// `NoSuchJob` when there is none of this id, or the job is no gate.
    pub async fn gate(&self, id: JobId) -> Result<GateView, EngineError> {
        let row = self.shared.parts.store.job(id).await?.ok_or(Refusal::NoSuchJob)?;
        if !is_gate(&row.job_type) {
            return Err(Refusal::NoSuchJob.into());
        }
        let view = self.job(id).await?;
        self.gate_of(view).await
    }

    /// The gate of a job that is one.
    pub(super) async fn gate_of(&self, view: JobView) -> Result<GateView, EngineError> {
        let checkpoint = checkpoint_of(&view.job).cloned();
        let status = status_of(&view.job, checkpoint.as_ref());
        let url = view.job.spec.input.pointer("/callback/url").and_then(Value::as_str);
        let callback = match url {
            Some(url) => Some(self.callback_of(&view.job, status, url.to_owned()).await?),
            None => None,
        };
        Ok(GateView { job: view, status, checkpoint, callback })
    }

    /// A page of gates, newest first.
    ///
    /// # Errors
    /// When the cursor is not one of this list.
    pub async fn gates(&self, query: &GateQuery) -> Result<Page<GateView>, EngineError> {
        let wanted = query.status;
        let query = JobQuery {
            statuses: wanted.map(job_statuses).unwrap_or_default(),
            job_type: Some(GATE.1.to_owned()),
            owner: query.owner.clone(),
            limit: query.limit,
            offset: query.offset,
            cursor: query.cursor.clone(),
            ..JobQuery::default()
        };
        let page = self.jobs(&query).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            match self.gate(row.id).await {
                Ok(gate) if wanted.is_none_or(|status| status == gate.status) => rows.push(gate),
                // Decided a moment ago: its job is about to end.
                Ok(_) => {}
                // Removed meanwhile.
                Err(EngineError::Refused(Refusal::NoSuchJob)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Page { rows, total: page.total, next_cursor: page.next_cursor })
    }

    async fn callback_of(
        &self,
        job: &Job,
        status: GateStatus,
        url: String,
    ) -> Result<CallbackView, EngineError> {
        let waiting = CallbackView {
            url,
            status: CallbackStatus::Pending,
            attempts: 0,
            last_error: None,
            job: None,
        };
        if status == GateStatus::Pending {
            return Ok(waiting);
        }
        let Some(child) = self.telling_job(job.id).await? else {
            let is_over = job.status.is_ended();
            let status = if is_over { CallbackStatus::Failed } else { CallbackStatus::Pending };
            let last_error = is_over.then(|| "nobody is told of a withdrawal".to_owned());
            return Ok(CallbackView { status, last_error, ..waiting });
        };
        let told = match self.job(child).await {
            Ok(told) => told,
            // It is being made, or retention removed it.
            Err(EngineError::Refused(_)) => {
                return Ok(CallbackView { job: Some(child), ..waiting });
            }
            Err(error) => return Err(error),
        };
        let status = match told.row.status {
            Status::Completed => CallbackStatus::Delivered,
            status if status.is_ended() => CallbackStatus::Failed,
            _ => CallbackStatus::Pending,
        };
        let last_error = match &told.job.error {
            Some(problem) => problem.detail.clone(),
            None => failure_of(&told.job),
        };
        let attempts = told.job.attempts;
        Ok(CallbackView { status, attempts, last_error, job: Some(child), ..waiting })
    }

    /// The job that tells of this gate's decision, of the last run.
    async fn telling_job(&self, gate: JobId) -> Result<Option<JobId>, EngineError> {
        let (mut found, mut after) = (None, 0);
        loop {
            let page = self.shared.parts.store.journal(gate, after, EVENTS).await?;
            let Some(last) = page.last().map(|fact| fact.seq) else { return Ok(found) };
            after = last;
            for fact in page {
                match &*fact.event {
                    Event::RunStarted { .. } => found = None,
                    Event::ChildStarted { child, .. } => found = Some(*child),
                    _ => {}
                }
            }
        }
    }
}

/// Why the last attempt of a call that is still going on failed.
fn failure_of(job: &Job) -> Option<String> {
    let mut frames = job.run.iter().flat_map(|run| run.frames.values());
    frames.find_map(|frame| match &frame.state {
        FrameState::Call { stage: CallStage::Retry { problem, .. }, .. } => problem.detail.clone(),
        _ => None,
    })
}
