//! Wishes. Anyone may wish; `decide` answers with facts or a refusal.

use std::sync::Arc;

use serde_json::Value;

use crate::model::checkpoint::Verdict;
use crate::model::cloud_event::CloudEvent;
use crate::model::event::{Data, Outcome};
use crate::model::id::{CheckpointId, ContentHash, FrameId, JobId};
use crate::model::job::JobSpec;
use crate::model::problem::Problem;
use crate::model::time::{Span, Timestamp};
use crate::model::voter::Voter;

/// What is asked of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Let it exist.
    Create(Arc<JobSpec>),
    /// Let this agent carry it out. `report` says why it is this one, when it was matched.
    Assign { agent: String, inputs: Data, reason: Option<String>, report: Option<Data> },
    /// Look for an agent.
    Match,
    /// No agent was found in this round; look again after so long, or not at all.
    FailMatching { round: u32, report: Data, again_after: Option<Span> },
    /// Take the assignment back.
    Unassign { reason: Option<String> },
    /// Start an assigned job at once.
    Execute,
    /// Start its run: it has a slot.
    Begin,
    /// A call ended.
    Settle { frame: FrameId, attempt: u32, outcome: Outcome },
    /// A call failed in a way that may pass: it is to be made again after the delay.
    Retry { frame: FrameId, attempt: u32, problem: Problem, delay: Span },
    /// The other side took the call and answers later. `status_url` is where it can be asked, first
    /// after `poll_after`; `expires_after` counts from the first acceptance of the attempt.
    Accept {
        frame: FrameId,
        attempt: u32,
        status_url: Option<String>,
        poll_after: Option<Span>,
        expires_after: Span,
    },
    /// A call died without an outcome. `repeatable`: may it simply be made again? None: the
    /// document decides.
    Interrupt { frame: FrameId, attempt: u32, reason: String, repeatable: Option<bool> },
    /// Make the calls that wait for their next attempt, or for an answer, again now.
    RetryTask { reason: String },
    /// A child job exists.
    ConfirmChild { child: JobId },
    /// A child job ended, or exists when nobody waits for its end.
    SettleChild { child: JobId, outcome: Outcome },
    /// A child that nobody waits for any more was ended.
    DropChild { child: JobId },
    /// A person decides at a checkpoint.
    Decide(DecideCheckpoint),
    /// A person keeps others from deciding, for a while.
    Claim { checkpoint: CheckpointId, voter: Voter },
    /// A person lets others decide again.
    Release { checkpoint: CheckpointId, voter: Voter },
    /// A person gives the right to decide to another one, who is called so, until then.
    Delegate {
        checkpoint: CheckpointId,
        to: String,
        until: Option<Timestamp>,
        reason: Option<String>,
        voter: Voter,
    },
    /// A person remarks on something.
    Comment { checkpoint: CheckpointId, text: String, voter: Voter },
    /// An admin gives an open checkpoint a new deadline, or opens an expired one again.
    Rearm { checkpoint: CheckpointId, expiry: Span, reason: String, voter: Voter },
    /// An event came in.
    Deliver(CloudEvent),
    /// Look at the time and do everything that is due.
    Tick,
    /// Hold it.
    Suspend { reason: String },
    /// Let it go on.
    Resume,
    /// End it.
    Terminate { reason: String },
    /// Run it again.
    Resubmit { reason: String },
    /// End it well, with this result.
    ForceComplete { result: Data, reason: String },
    /// Give it to another agent.
    Reassign { agent: String, inputs: Data, reason: String },
    /// Park it: it cannot be carried on by this program.
    Poison { reason: String },
}

/// A decision at a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideCheckpoint {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// What is decided.
    pub verdict: Verdict,
    /// The digest of what the person saw; a decision without one is about what is shown now.
    pub digest: Option<ContentHash>,
    /// Why.
    pub comment: Option<String>,
    /// What the person entered.
    pub input: Option<Arc<Value>>,
    /// The whole of what is shown, as the person wants it; with an approval only.
    pub edit: Option<Data>,
    /// The paths that are approved of the files that are shown; all of them when absent.
    pub files: Option<Vec<String>>,
    /// Who decides, as the door knows them.
    pub voter: Voter,
}

impl DecideCheckpoint {
    /// A plain decision.
    pub fn new(checkpoint: CheckpointId, verdict: Verdict, voter: Voter) -> Self {
        Self {
            checkpoint,
            verdict,
            digest: None,
            comment: None,
            input: None,
            edit: None,
            files: None,
            voter,
        }
    }
}

impl Command {
    /// The wish as a verb, for messages.
    pub fn verb(&self) -> &'static str {
        match self {
            Command::Create(_) => "be created",
            Command::Assign { .. } => "be assigned",
            Command::Match => "be matched with an agent",
            Command::FailMatching { .. } => "be left without an agent",
            Command::Unassign { .. } => "have its assignment cancelled",
            Command::Execute => "be executed",
            Command::Begin => "begin a run",
            Command::Settle { .. } => "take the outcome of a call",
            Command::Retry { .. } => "have a call made again later",
            Command::Accept { .. } => "have a call accepted",
            Command::Interrupt { .. } => "have a call interrupted",
            Command::RetryTask { .. } => "have a call made again now",
            Command::ConfirmChild { .. } => "have a child job confirmed",
            Command::SettleChild { .. } => "take the outcome of a child job",
            Command::DropChild { .. } => "drop a child job",
            Command::Decide(_) => "have a checkpoint decided",
            Command::Claim { .. } => "have a checkpoint claimed",
            Command::Release { .. } => "have a checkpoint released",
            Command::Delegate { .. } => "have a checkpoint delegated",
            Command::Comment { .. } => "have a checkpoint commented on",
            Command::Rearm { .. } => "have a checkpoint armed again",
            Command::Deliver(_) => "receive an event",
            Command::Tick => "look at the time",
            Command::Suspend { .. } => "be suspended",
            Command::Resume => "be resumed",
            Command::Terminate { .. } => "be terminated",
            Command::Resubmit { .. } => "be resubmitted",
            Command::ForceComplete { .. } => "be completed by force",
            Command::Reassign { .. } => "be reassigned",
            Command::Poison { .. } => "be parked as poisoned",
        }
    }
}
