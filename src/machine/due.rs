//! What the shell must have in hand for a job. Asked after every decision and after every start:
//! the answer is the whole of recovery.

use crate::machine::advance::next_step;
use crate::machine::checkpoints::next_at;
use crate::model::event::Data;
use crate::model::id::{FrameId, JobId};
use crate::model::job::{CallStage, FrameState, Job, MatchingStage};
use crate::model::row::Place;
use crate::model::time::Timestamp;

/// A call that is to be under way.
#[derive(Clone, Debug, PartialEq)]
pub struct DueCall {
    /// The frame that waits for it.
    pub frame: FrameId,
    /// The logical attempt.
    pub attempt: u32,
    /// The idempotency key, the same for every attempt.
    pub key: String,
    /// The function.
    pub function: String,
    /// Its rendered arguments.
    pub arguments: Data,
    /// When its task (or what is around it) times out.
    pub timeout_at: Option<Timestamp>,
    /// Where to ask how it stands, when the other side took it; none when it is to be made.
    pub poll: Option<String>,
}

/// A child job that is to exist, and whose end is to be looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct DueChild {
    /// The frame that runs it.
    pub frame: FrameId,
    /// The child.
    pub child: JobId,
    /// Namespace of its workflow.
    pub namespace: String,
    /// Name of its workflow.
    pub name: String,
    /// Version of its workflow.
    pub version: String,
    /// Its input.
    pub input: Data,
    /// Is its end waited for?
    pub awaited: bool,
    /// Is it known to exist?
    pub created: bool,
}

/// What the shell must have in hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Calls to have under way.
    pub calls: Vec<DueCall>,
    /// The round in which an agent is to be looked for now. It takes no slot.
    pub matching: Option<u32>,
    /// Children to have.
    pub children: Vec<DueChild>,
    /// Children to be ended.
    pub orphans: Vec<JobId>,
    /// Is a `Tick` due at once?
    pub tick: bool,
    /// When the next one is.
    pub wake: Option<Timestamp>,
    /// Event types to be delivered (`*`: any).
    pub subscriptions: Vec<String>,
    /// Held by an operator: nothing new may start.
    pub is_held: bool,
}

/// What a job needs from outside, as it stands.
pub fn due(job: &Job) -> Due {
    let mut due =
        Due { is_held: job.suspended.is_some(), orphans: job.orphans.clone(), ..Due::default() };
    match &job.matching.stage {
        MatchingStage::Idle => {}
        MatchingStage::Looking { .. } => due.matching = Some(job.matching.round),
        MatchingStage::Failed { again_at, .. } => due.wake = *again_at,
    }
    if let Some(run) = &job.run {
        for (id, frame) in &run.frames {
            due.wake = earliest(due.wake, frame.timeout_at);
            collect(&mut due, *id, frame.timeout_at, &frame.state);
        }
    }
    if !due.is_held {
        due.tick = next_step(job, Timestamp(i64::MIN)).is_some();
        let open = job.checkpoints.values().filter(|row| row.is_pending());
        due.wake = open.fold(due.wake, |wake, row| earliest(wake, next_at(row)));
    } else {
        due.wake = None;
    }
    due.subscriptions.sort();
    due.subscriptions.dedup();
    due
}

fn collect(due: &mut Due, frame: FrameId, timeout_at: Option<Timestamp>, state: &FrameState) {
    match state {
        FrameState::Call { attempt, key, function, arguments, in_doubt: None, stage, .. } => {
            let poll = match stage {
                CallStage::UnderWay => None,
                CallStage::Polled { status_url, .. } => Some(status_url.clone()),
                CallStage::Retry { at, .. } => {
                    return due.wake = earliest(due.wake, Some(*at));
                }
                CallStage::Accepted { poll_at, expires_at, .. } => {
                    let wake = earliest(*poll_at, Some(*expires_at));
                    return due.wake = earliest(due.wake, wake);
                }
            };
            due.calls.push(DueCall {
                frame,
                attempt: *attempt,
                key: key.clone(),
                function: function.clone(),
                arguments: arguments.clone(),
                timeout_at,
                poll,
            });
        }
        FrameState::Child { child, namespace, name, version, input, awaited, created } => {
            due.children.push(DueChild {
                frame,
                child: *child,
                namespace: namespace.clone(),
                name: name.clone(),
                version: version.clone(),
                input: input.clone(),
                awaited: *awaited,
                created: *created,
            });
        }
        FrameState::Until { at } => due.wake = earliest(due.wake, Some(*at)),
        FrameState::Try { retry_at, attempt_timeout_at, .. } => {
            due.wake = earliest(due.wake, *retry_at);
            due.wake = earliest(due.wake, *attempt_timeout_at);
        }
        FrameState::Listen(listening) if !listening.done => {
            due.subscriptions.extend(listening.types.iter().cloned());
        }
        _ => {}
    }
}

fn earliest(left: Option<Timestamp>, right: Option<Timestamp>) -> Option<Timestamp> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

impl Due {
    /// Must an actor hold the job, also after a restart?
    pub fn is_active(&self) -> bool {
        let unmade = self.children.iter().any(|child| !child.created);
        let is_working = self.tick || self.matching.is_some() || unmade;
        !self.is_held && (is_working || !self.calls.is_empty() || !self.orphans.is_empty())
    }

    /// Where the job is kept: exactly one place.
    pub fn place(&self, job: &Job) -> Place {
        if job.is_ready() {
            Place::Queue(job.queue_key())
        } else if self.is_active() {
            Place::Active
        } else if job.status.is_ended() && self.wake.is_none() {
            Place::Ended
        } else {
            Place::Parked(self.wake)
        }
    }
}
