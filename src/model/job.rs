//! A job as its journal folds it: the outer life cycle and, while one is going on, a run as a
//! tree of frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::checkpoint::Checkpoint;
use crate::model::evaluation::RuleResult;
use crate::model::event::Data;
use crate::model::id::{CheckpointId, ContentHash, FrameId, JobId};
use crate::model::problem::Problem;
use crate::model::status::{Status, words};
use crate::model::time::Timestamp;

use crate::model::status::UnknownWord;
use std::fmt;
use std::str::FromStr;

/// What was asked for when the job was created. Never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSpec {
    /// The name of the workflow.
    pub job_type: String,
    /// The document that it runs, pinned by content.
    pub definition: ContentHash,
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
    /// 0 to 9, higher first.
    pub priority: u8,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The user who owns it.
    pub owner: String,
    /// When it is wanted.
    pub due_at: Option<Timestamp>,
    /// Does an assigned job start by itself?
    pub auto_execute: bool,
    /// Does its workflow need an agent before it starts?
    pub needs_agent: bool,
    /// The job that runs this one, if any.
    pub parent: Option<Parent>,
    /// Who asked for it, by user id, when it was a person: it may be another one than the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
}

/// The job that runs this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parent {
    /// The parent job.
    pub job: JobId,
    /// How many ancestors it has.
    pub depth: u32,
    /// Does the parent wait for the end?
    pub awaited: bool,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// What was asked for.
    pub spec: Arc<JobSpec>,
    /// Events folded so far.
    pub version: u64,
    /// Raised whenever the owner of the job changes by an override.
    pub fence: u64,
    /// Where it stands.
    pub status: Status,
    /// Held by an operator since then, with the reason.
    pub suspended: Option<(Timestamp, String)>,
    /// The agent that is to carry it out.
    pub agent: Option<String>,
    /// What the agent gets, when it was assigned by hand.
    #[serde(default, with = "crate::model::optional_data")]
    pub agent_inputs: Option<Data>,
    /// The search for an agent.
    #[serde(default)]
    pub matching: Matching,
    /// Was an assigned job asked to start now?
    pub execution_requested: bool,
    /// The number of the last run; 0 before the first.
    pub run_number: u32,
    /// The run that is going on.
    pub run: Option<Run>,
    /// The ordinal of its next frame. It goes on from run to run, so that a late answer to a call
    /// of an earlier run never meets a frame of this one.
    pub next_frame: u32,
    /// Calls started over all runs.
    pub attempts: u32,
    /// The result, once COMPLETED.
    #[serde(default, with = "crate::model::optional_data")]
    pub result: Option<Data>,
    /// The error that ended it.
    pub error: Option<Problem>,
    /// Why it was resubmitted, for the next run.
    pub feedback: Vec<String>,
    /// Every checkpoint it opened.
    pub checkpoints: BTreeMap<CheckpointId, Arc<Checkpoint>>,
    /// The run that the expiry of a checkpoint ended, as it stood before; until the job goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<Box<Lapsed>>,
    /// Child jobs to be ended because their task is gone.
    pub orphans: Vec<JobId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its first run began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Since when it stands where it stands (for the queue and for `waitingFor`).
    pub since: Timestamp,
}

/// A run that ended because nobody decided in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lapsed {
    /// The checkpoint at which nobody decided.
    pub checkpoint: CheckpointId,
    /// The run as it waited for it.
    pub run: Run,
}

/// The search for an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Matching {
    /// The last round; 0 before the first. It goes on over the life of the job, so that the word of
    /// an earlier round is known as such.
    pub round: u32,
    /// How that round stands.
    pub stage: MatchingStage,
}

/// How a search for an agent stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum MatchingStage {
    /// Nobody is looking.
    #[default]
    Idle,
    /// A round is going on.
    Looking { since: Timestamp },
    /// The round found nobody, for these reasons.
    Failed { since: Timestamp, report: Data, again_at: Option<Timestamp> },
}

/// A run: one interpretation of a workflow document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Which run of the job, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// `$context`.
    pub context: Data,
    /// The frames that are open, by ordinal. Frame 0 is the workflow itself.
    pub frames: BTreeMap<FrameId, Frame>,
    /// Steps since something from outside last happened.
    pub steps: u32,
}

/// One task that is going on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The frame that contains it; the workflow contains itself.
    pub parent: FrameId,
    /// JSON Pointer of its task, such as `/do/2/review`; empty for the workflow.
    pub reference: Arc<str>,
    /// Indexes of the loops around it, outermost first.
    pub iteration: Vec<u32>,
    /// The input before `input.from`.
    pub raw_input: Data,
    /// The input after it.
    pub input: Data,
    /// When it began.
    pub started_at: Timestamp,
    /// When it times out.
    pub timeout_at: Option<Timestamp>,
    /// Variables that tasks inside it may use.
    pub variables: Vec<(String, Data)>,
    /// The list that it goes through, if it is in one.
    pub scope: Option<Scope>,
    /// What it is doing.
    pub state: FrameState,
    /// What is known of the result that it evaluates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluating: Option<Evaluating>,
    /// What its own work returned, before `output.as`.
    #[serde(default, with = "crate::model::optional_data")]
    pub output: Option<Data>,
}

/// What is known of a result before there is a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluating {
    /// The result.
    pub result: Data,
    /// When it is good enough, in words.
    pub criteria: String,
    /// What the rules said.
    pub rules: Vec<RuleResult>,
}

/// A task list that is being gone through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// JSON Pointer of the list, such as `/do` or `/do/0/order/try`.
    pub list: Arc<str>,
    /// The input of the next task: the output of the last one.
    pub data: Data,
    /// Where in the list it is.
    pub position: Position,
}

/// A place in a task list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Position {
    /// Before its first task.
    Start,
    /// In this task.
    In(FrameId),
    /// After the task with this reference, with this direction.
    After(Arc<str>, Then),
}

/// Where to go after a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// To the next task of the list.
    Continue,
    /// Out of the list.
    Exit,
    /// To the end of the workflow.
    End,
    /// To the task of this name in the same list.
    To(String),
}

words! {
    /// Why a frame waits for a time.
    WaitReason {
        /// The document says `wait`.
        Wait = "wait",
        /// The next round of a `try`.
        Retry = "retry",
    }
}

/// What a frame is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum FrameState {
    /// Begun; nothing of its own work is done.
    Begun,
    /// It goes through its list (`do`, the workflow).
    Sequence,
    /// It loops.
    Loop { items: Vec<Data>, index: u32 },
    /// It tries: which round, since when, and what was caught if it is in the catch block.
    Try {
        round: u32,
        first_started_at: Timestamp,
        caught: Option<Problem>,
        attempt_timeout_at: Option<Timestamp>,
        retry_at: Option<Timestamp>,
    },
    /// Its branches are going on; outputs of those that ended, by reference.
    Fork { branches: u32, compete: bool, outputs: BTreeMap<Arc<str>, Data> },
    /// A call is under way.
    Call {
        attempt: u32,
        key: String,
        function: String,
        arguments: Data,
        interruptions: u32,
        in_doubt: Option<CheckpointId>,
        #[serde(default)]
        stage: CallStage,
    },
    /// It waits for a time.
    Until { at: Timestamp },
    /// It waits for a decision.
    Decision { checkpoint: CheckpointId },
    /// It waits for events.
    Listen(Listening),
    /// It waits for a child job.
    Child {
        child: JobId,
        namespace: String,
        name: String,
        version: String,
        input: Data,
        awaited: bool,
        created: bool,
    },
    /// Its own work is done and returned `output`.
    Settled,
    /// Its own work failed; the error is still to be raised.
    Broken { problem: Problem },
}

/// How a call stands that is not settled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum CallStage {
    /// It is under way.
    #[default]
    UnderWay,
    /// It failed like this and is made again at this time.
    Retry { problem: Problem, since: Timestamp, at: Timestamp },
    /// The other side took it and answers until then; it is asked at `poll_at`.
    Accepted {
        status_url: Option<String>,
        since: Timestamp,
        poll_at: Option<Timestamp>,
        expires_at: Timestamp,
    },
    /// The other side took it and is being asked.
    Polled { status_url: String, since: Timestamp, expires_at: Timestamp },
}

/// A task that listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Listening {
    /// The event types it waits for; `*` for any.
    pub types: Vec<String>,
    /// What it took: the filter and the event as it is read.
    pub consumed: Vec<(u32, Data)>,
    /// The same after `foreach`, one for each that was handled.
    pub handled: Vec<Data>,
    /// Identities (source, id) of all that it took, so that nothing is taken twice.
    pub seen: Vec<(String, String)>,
    /// Filters of the `until` clause that were met.
    pub until_met: Vec<u32>,
    /// Correlation keys that are settled.
    pub correlations: BTreeMap<String, Data>,
    /// Is it done taking events?
    pub done: bool,
}

impl Job {
    /// Is it waiting for nothing but a slot to begin?
    pub fn is_ready(&self) -> bool {
        match self.status {
            Status::Pending => !self.spec.needs_agent,
            Status::Assigned => self.spec.auto_execute || self.execution_requested,
            _ => false,
        }
    }

    /// The place in the queue, smaller first: waiting time outweighs priority in the end.
    pub fn queue_key(&self) -> i64 {
        let ahead = i64::from(self.spec.priority)
            .saturating_mul(crate::model::limits::PRIORITY_AGEING.0 as i64);
        self.since.0.saturating_sub(ahead)
    }
}
