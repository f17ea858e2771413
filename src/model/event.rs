//! Facts of a job, in absolute values. Written once, never changed, readable for ever: a variant
//! may gain an optional member; it never loses or changes one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::checkpoint::{Checkpoint, Claim, Decision, Delegation, Edit, OnExpiry, Remark};
use crate::model::cloud_event::CloudEvent;
use crate::model::evaluation::{Evaluation, RuleResult};
use crate::model::id::{CheckpointId, FrameId, JobId};
use crate::model::job::{JobSpec, Then, WaitReason};
use crate::model::problem::Problem;
use crate::model::time::Timestamp;

/// A payload, shared so that copies of a job are small whatever the data.
pub type Data = Arc<Value>;

/// How a call or a child job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It returned this.
    Succeeded(Data),
    /// It failed like this.
    Failed(Problem),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// The job exists.
    Created { spec: Arc<JobSpec> },
    /// An agent is to carry it out. `report` says why it is this one, when it was matched.
    Assigned {
        agent: String,
        inputs: Data,
        reason: Option<String>,
        #[serde(default, with = "crate::model::optional_data")]
        report: Option<Data>,
    },
    /// The search for an agent began, for the so-manieth time in the life of the job.
    MatchingStarted { round: u32 },
    /// It found none; the next round begins at this time, if there is to be one.
    MatchingFailed { report: Data, again_at: Option<Timestamp> },
    /// The assignment was taken back.
    AssignmentCancelled { reason: Option<String> },
    /// Somebody asked for an assigned job to start now.
    ExecutionRequested,
    /// A run began with this input (after the document's `input.from`).
    RunStarted { run: u32, input: Data, timeout_at: Option<Timestamp> },
    /// The run ended well.
    RunCompleted { output: Data },
    /// The run ended by an error that nothing caught.
    RunFaulted { problem: Problem },
    /// The run was ended from outside.
    RunCancelled { reason: String },
    /// An operator holds the job.
    Suspended { reason: String },
    /// An operator lets it go on.
    Resumed,
    /// The job ended well; `forced` carries the reason of an override.
    Completed { result: Data, forced: Option<String> },
    /// The job ended by an error.
    Failed { problem: Problem },
    /// The job ended by a person's no, or by nobody deciding.
    Rejected { problem: Problem },
    /// The result was not good enough.
    ResubmissionRequired { problem: Problem },
    /// The job was ended by request.
    Cancelled { reason: String },
    /// The job is to run again.
    Resubmitted { reason: String },
    /// A task began. `input` is absent when the transformed input is the raw one.
    TaskStarted {
        frame: FrameId,
        parent: FrameId,
        reference: Arc<str>,
        iteration: Vec<u32>,
        raw_input: Data,
        #[serde(default, with = "crate::model::optional_data")]
        input: Option<Data>,
        timeout_at: Option<Timestamp>,
    },
    /// A task's `if` was false.
    TaskSkipped { parent: FrameId, reference: Arc<str>, iteration: Vec<u32> },
    /// A composite task went into one of its lists.
    ScopeEntered {
        frame: FrameId,
        list: Arc<str>,
        data: Data,
        iteration: Option<u32>,
        variables: Vec<(String, Data)>,
        timeout_at: Option<Timestamp>,
    },
    /// A loop evaluated its collection.
    LoopStarted { frame: FrameId, items: Vec<Data> },
    /// A fork is about to start its branches.
    Forked { frame: FrameId, branches: u32, compete: bool },
    /// A task ended well. `output` is absent when it is what the task's own work returned.
    TaskCompleted {
        frame: FrameId,
        #[serde(default, with = "crate::model::optional_data")]
        output: Option<Data>,
        #[serde(default, with = "crate::model::optional_data")]
        context: Option<Data>,
        then: Then,
    },
    /// A task ended by an error.
    TaskFaulted { frame: FrameId, problem: Problem },
    /// A task was ended because what contains it ended.
    TaskCancelled { frame: FrameId, reason: String },
    /// A `try` caught an error.
    ErrorCaught { frame: FrameId, problem: Problem },
    /// A `try` starts its block again, not before this time.
    TaskRetried { frame: FrameId, round: u32, not_before: Timestamp },
    /// A call is to leave, with this key. It is on disk before the call leaves.
    CallStarted { frame: FrameId, attempt: u32, key: String, function: String, arguments: Data },
    /// A call failed in a way that may pass. Its next attempt, with the same key, begins at this
    /// time. `reason` is that of a person who wants it at once.
    CallRetried {
        frame: FrameId,
        attempt: u32,
        problem: Problem,
        not_before: Timestamp,
        #[serde(default)]
        reason: Option<String>,
    },
    /// The other side took the call and answers later: by itself, or when it is asked.
    CallAccepted {
        frame: FrameId,
        attempt: u32,
        status_url: Option<String>,
        poll_at: Option<Timestamp>,
        expires_at: Timestamp,
    },
    /// The other side is to be asked now how the call stands.
    CallPolled { frame: FrameId, attempt: u32 },
    /// The rules were asked about a result. `result` is absent when it is the task's input.
    RulesChecked {
        frame: FrameId,
        #[serde(default, with = "crate::model::optional_data")]
        result: Option<Data>,
        criteria: String,
        rules: Vec<RuleResult>,
    },
    /// There is a verdict about a result.
    Evaluated { frame: FrameId, evaluation: Arc<Evaluation> },
    /// A call ended.
    CallSettled { frame: FrameId, attempt: u32, outcome: Outcome },
    /// The process or the attempt died while a call was under way.
    Interrupted { frame: FrameId, attempt: u32, reason: String },
    /// A task waits for a time.
    WaitStarted { frame: FrameId, until: Timestamp, reason: WaitReason },
    /// A task waits for events of these types (`*`: any).
    ListenStarted { frame: FrameId, types: Vec<String> },
    /// A listening task took an event. `filter` is the index of the filter that it met; none for
    /// an event of the `until` clause, whose filter is `until_filter`. `done`: it needs no more.
    EventConsumed {
        frame: FrameId,
        filter: Option<u32>,
        until_filter: Option<u32>,
        source: String,
        id: String,
        item: Data,
        correlations: Vec<(String, Data)>,
        done: bool,
    },
    /// `foreach` is through with one consumed event.
    ItemHandled {
        frame: FrameId,
        output: Data,
        #[serde(default, with = "crate::model::optional_data")]
        context: Option<Data>,
    },
    /// A task emitted an event.
    EventEmitted { frame: FrameId, event: CloudEvent },
    /// A task runs another workflow as a job of its own.
    ChildStarted {
        frame: FrameId,
        child: JobId,
        namespace: String,
        name: String,
        version: String,
        input: Data,
        awaited: bool,
    },
    /// That job exists.
    ChildCreated { frame: FrameId, child: JobId },
    /// That job ended (or was created, when nobody waits for its end).
    ChildSettled { frame: FrameId, child: JobId, outcome: Outcome },
    /// A child whose task is gone was ended.
    ChildTerminated { child: JobId },
    /// A checkpoint opened.
    CheckpointOpened { frame: FrameId, checkpoint: Arc<Checkpoint> },
    /// A person keeps others from deciding.
    Claimed { checkpoint: CheckpointId, claim: Claim },
    /// The claim is over.
    Released { checkpoint: CheckpointId },
    /// A person gave the right to decide to another one.
    Delegated { checkpoint: CheckpointId, delegation: Delegation },
    /// A person remarked on something.
    Commented { checkpoint: CheckpointId, comment: Remark },
    /// A person changed what is shown. Votes for what was shown before are void.
    Edited { checkpoint: CheckpointId, edit: Edit, shown: Data },
    /// A person approved, and others have to as well.
    Voted { checkpoint: CheckpointId, decision: Decision },
    /// It is decided.
    Decided { checkpoint: CheckpointId, decision: Decision },
    /// People were reminded.
    Reminded { checkpoint: CheckpointId },
    /// Nobody decided in time.
    Expired { checkpoint: CheckpointId, action: OnExpiry },
    /// It is asked of others too. With a `step` the chain of escalations went so far and goes on
    /// at `next_at`; without one the time was over, and there is a new deadline.
    Escalated {
        checkpoint: CheckpointId,
        assignees: Vec<String>,
        expires_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_at: Option<Timestamp>,
    },
    /// An admin gave it a new deadline. `reopened`: it had expired, and waits again.
    Rearmed {
        checkpoint: CheckpointId,
        expires_at: Timestamp,
        remind_at: Option<Timestamp>,
        escalate_at: Option<Timestamp>,
        reopened: bool,
        reason: String,
    },
    /// The checkpoint lost its task.
    CheckpointCancelled { checkpoint: CheckpointId },
}

impl Event {
    /// The name of the variant, as the journal spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Created { .. } => "created",
            Event::Assigned { .. } => "assigned",
            Event::MatchingStarted { .. } => "matchingStarted",
            Event::MatchingFailed { .. } => "matchingFailed",
            Event::AssignmentCancelled { .. } => "assignmentCancelled",
            Event::ExecutionRequested => "executionRequested",
            Event::RunStarted { .. } => "runStarted",
            Event::RunCompleted { .. } => "runCompleted",
            Event::RunFaulted { .. } => "runFaulted",
            Event::RunCancelled { .. } => "runCancelled",
            Event::Suspended { .. } => "suspended",
            Event::Resumed => "resumed",
            Event::Completed { .. } => "completed",
            Event::Failed { .. } => "failed",
            Event::Rejected { .. } => "rejected",
            Event::ResubmissionRequired { .. } => "resubmissionRequired",
            Event::Cancelled { .. } => "cancelled",
            Event::Resubmitted { .. } => "resubmitted",
            Event::TaskStarted { .. } => "taskStarted",
            Event::TaskSkipped { .. } => "taskSkipped",
            Event::ScopeEntered { .. } => "scopeEntered",
            Event::LoopStarted { .. } => "loopStarted",
            Event::Forked { .. } => "forked",
            Event::TaskCompleted { .. } => "taskCompleted",
            Event::TaskFaulted { .. } => "taskFaulted",
            Event::TaskCancelled { .. } => "taskCancelled",
            Event::ErrorCaught { .. } => "errorCaught",
            Event::TaskRetried { .. } => "taskRetried",
            Event::CallStarted { .. } => "callStarted",
            Event::CallRetried { .. } => "callRetried",
            Event::CallAccepted { .. } => "callAccepted",
            Event::CallPolled { .. } => "callPolled",
            Event::RulesChecked { .. } => "rulesChecked",
            Event::Evaluated { .. } => "evaluated",
            Event::CallSettled { .. } => "callSettled",
            Event::Interrupted { .. } => "interrupted",
            Event::WaitStarted { .. } => "waitStarted",
            Event::ListenStarted { .. } => "listenStarted",
            Event::EventConsumed { .. } => "eventConsumed",
            Event::ItemHandled { .. } => "itemHandled",
            Event::EventEmitted { .. } => "eventEmitted",
            Event::ChildStarted { .. } => "childStarted",
            Event::ChildCreated { .. } => "childCreated",
            Event::ChildSettled { .. } => "childSettled",
            Event::ChildTerminated { .. } => "childTerminated",
            Event::CheckpointOpened { .. } => "checkpointOpened",
            Event::Claimed { .. } => "claimed",
            Event::Released { .. } => "released",
            Event::Delegated { .. } => "delegated",
            Event::Commented { .. } => "commented",
            Event::Edited { .. } => "edited",
            Event::Voted { .. } => "voted",
            Event::Decided { .. } => "decided",
            Event::Reminded { .. } => "reminded",
            Event::Rearmed { .. } => "rearmed",
            Event::Expired { .. } => "expired",
            Event::Escalated { .. } => "escalated",
            Event::CheckpointCancelled { .. } => "checkpointCancelled",
        }
    }
}

/// A fact as a journal holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place in the journal of its job, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: crate::model::principal::Principal,
    /// The append that it came with.
    pub commit_id: crate::model::id::CommitId,
    /// What.
    pub event: Arc<Event>,
    /// SHA-256 of the append that it came with, which contains the hash of the one before it.
    pub hash: crate::model::id::ContentHash,
}
