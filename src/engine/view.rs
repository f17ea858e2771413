//! What the engine shows of itself: jobs, checkpoints, timelines, logs, actors. Data without
//! behaviour.

use std::sync::Arc;

use crate::dsl::Defect;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::Data;
use crate::model::id::{ContentHash, FrameId};
use crate::model::job::Job;
use crate::model::principal::Principal;
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;

/// A job in full: its row and everything folded from its journal.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What lists show.
    pub row: Arc<JobRow>,
    /// The folded job: spec, result, error, checkpoints.
    pub job: Arc<Job>,
}

/// A checkpoint in full.
#[derive(Clone, Debug)]
pub struct CheckpointView {
    /// What lists show.
    pub row: CheckpointRow,
    /// With what is shown and the decision.
    pub checkpoint: Arc<Checkpoint>,
}

/// One task (or one attempt of it) in the order of start.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// The run.
    pub run: u32,
    /// The frame.
    pub frame: FrameId,
    /// JSON Pointer of the task.
    pub reference: String,
    /// Its name.
    pub name: String,
    /// `running`, `waiting`, `completed`, `faulted`, `cancelled`, `skipped`.
    pub phase: &'static str,
    /// Calls started for it.
    pub attempt: u32,
    /// Indexes of the loops around it.
    pub iteration: Vec<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How long of that it waited, milliseconds.
    pub waited_ms: u64,
    /// What it returned.
    pub output: Option<Data>,
    /// The error that ended it.
    pub error: Option<crate::model::problem::Problem>,
}

/// A row of the log: a view of one event of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// A job status, or `MATCHING_FAILED`: where the job stood after it.
    pub status: String,
    /// What happened, as the journal names it.
    pub event: &'static str,
    /// One sentence for people.
    pub message: String,
    /// The task that it is about.
    pub reference: Option<String>,
    /// The agent that it is about, if it is about one.
    pub agent: Option<String>,
    /// What was sent, when something was.
    pub request_payload: Option<Data>,
    /// What came back, when something did.
    pub response_payload: Option<Data>,
}

/// How the worker is.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerStatus {
    /// Does it start runs?
    pub is_running: bool,
    /// Held, since when and why: then it starts none, whatever else is said.
    pub hold: Option<crate::engine::Hold>,
    /// Runs in the phase `running`.
    pub active_jobs: u64,
    /// How many there may be.
    pub max_concurrent_jobs: u64,
    /// Period of the safety sweep, milliseconds.
    pub poll_interval_ms: u64,
}

/// A node of the actor tree.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorNode {
    /// Its id in this process.
    pub id: String,
    /// `root`, `scheduler`, `wakes`, `agents`, `agent`, `jobs`, `job`, `attempt`.
    pub kind: &'static str,
    /// What it is for: the id of a job, the name of an agent.
    pub name: String,
    /// `running`, `waiting for a slot`, `waiting for an agent`, `waiting for the store`; of an
    /// agent its slots, rate and circuit.
    pub state: String,
    /// Messages that wait for it, as far as they are counted.
    pub mailbox: u64,
    /// Messages handled.
    pub handled: u64,
    /// How often it was restarted.
    pub restarts: u32,
    /// Since when it lives.
    pub since: Timestamp,
    /// Its last error.
    pub last_error: Option<String>,
    /// The actors that it supervises.
    pub children: Vec<ActorNode>,
}

/// What the last start found and did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// When the start was done.
    pub at: Timestamp,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Jobs by status.
    pub jobs: Vec<(crate::model::status::Status, u64)>,
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

/// A registered workflow, or a file that could not be registered.
#[derive(Clone, Debug)]
pub struct WorkflowView {
    /// `document.namespace`.
    pub namespace: String,
    /// `document.name`.
    pub name: String,
    /// `document.version`.
    pub version: String,
    /// The content hash; none for a broken file.
    pub hash: Option<ContentHash>,
    /// `document.title`.
    pub title: Option<String>,
    /// `document.summary`.
    pub summary: Option<String>,
    /// The schema of its input, if it has one.
    pub input_schema: Option<Arc<serde_json::Value>>,
    /// The whole document; none for a broken file.
    pub document: Option<Arc<serde_json::Value>>,
    /// The file that it came from, or `api`.
    pub source: String,
    /// Is it the one that new jobs of this name run?
    pub current: bool,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}
