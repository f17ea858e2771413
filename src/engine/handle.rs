//! The handle: the only way into the engine. Cheap to clone; it owns no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use ractor::ActorRef;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::engine::root::Open;
use crate::engine::scheduler::SchedulerMsg;
use crate::engine::shared::Shared;
use crate::engine::submit::defused;
use crate::engine::{EngineError, Hold, JobView, WorkerStatus};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::JobId;
use crate::model::time::Timestamp;

/// A job to be created. Batches keep it on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// The engine. `start` makes one; the other floors' wishes are methods in `submit`, `reads` and
/// `workflows`.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) root: ActorRef<Open>,
}

impl Engine {
    /// Asks something of a job; what follows is on disk when this returns.
    ///
    /// # Errors
    /// The job's refusal, or why it could not be asked.
    pub async fn command(
        &self,
        job: JobId,
        command: Command,
        by: impl Into<Author>,
    ) -> Result<JobView, EngineError> {
        self.wish(job, without_placeholders(command), by.into(), None)
            .await
            .map(|obeyed| obeyed.view)
    }

    /// Lets the worker start runs.
    ///
    /// # Errors
    /// `Held` while the store is; `Stopping`.
    pub async fn start_worker(&self) -> Result<WorkerStatus, EngineError> {
        if let Some(Hold { since, reason }) = self.hold() {
            return Err(EngineError::Held { since, reason });
        }
        self.ask_worker(|reply| SchedulerMsg::Run { run: true, reply }).await
    }

    /// Stops it: no new run begins; those that are going on end (drain).
    ///
    /// # Errors
    /// `Stopping`.
    pub async fn stop_worker(&self) -> Result<WorkerStatus, EngineError> {
        self.ask_worker(|reply| SchedulerMsg::Run { run: false, reply }).await
    }

    /// How the worker is.
    ///
    /// # Errors
    /// `Stopping`.
    pub async fn worker(&self) -> Result<WorkerStatus, EngineError> {
        self.ask_worker(SchedulerMsg::Status).await
    }

    async fn ask_worker(
        &self,
        message: impl FnOnce(oneshot::Sender<WorkerStatus>) -> SchedulerMsg,
    ) -> Result<WorkerStatus, EngineError> {
        let (reply, answer) = oneshot::channel();
        if !self.shared.scheduler.cast(message(reply)) {
            return Err(EngineError::Stopping);
        }
        answer.await.map_err(|_| EngineError::Stopping)
    }

    /// Turns true when the engine cannot keep its own actors alive: the process should end.
    pub fn failed(&self) -> watch::Receiver<bool> {
        self.shared.failed.subscribe()
    }

    /// Does it take no more wishes?
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// Jobs that the safety sweep found without an actor since the start. Any is a defect.
    pub fn rescues(&self) -> u64 {
        self.shared.rescues.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// An id that was never given out.
    pub fn new_id(&self) -> uuid::Uuid {
        self.shared.parts.clock.new_id()
    }

    /// The time, as the engine sees it.
    pub fn now(&self) -> Timestamp {
        self.shared.parts.clock.now()
    }
}

/// The wish without anything in its data that looks like the placeholder of a secret: what an agent
/// gets, and what a result holds, comes from outside.
fn without_placeholders(command: Command) -> Command {
    match command {
        Command::Assign { agent, inputs, reason, report } => {
            Command::Assign { agent, inputs: defused(&inputs), reason, report }
        }
        Command::Reassign { agent, inputs, reason } => {
            Command::Reassign { agent, inputs: defused(&inputs), reason }
        }
        Command::ForceComplete { result, reason } => {
            Command::ForceComplete { result: defused(&result), reason }
        }
        Command::Resubmit { reason } => {
            let reason = crate::calls::defuse(reason.into());
            Command::Resubmit { reason: reason.as_str().unwrap_or_default().to_owned() }
        }
        other => other,
    }
}
