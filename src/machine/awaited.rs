//! Which call of a frame still waits for an outcome, wherever the outcome may come from.

use std::sync::Arc;

use crate::model::event::Data;
use crate::model::id::FrameId;
use crate::model::job::{FrameState, Job};

/// A call that waits for its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct AwaitedCall {
    /// The attempt that an outcome belongs to.
    pub attempt: u32,
    /// The idempotency key of all its attempts.
    pub key: Arc<str>,
    /// What it calls.
    pub function: Arc<str>,
    /// Its rendered arguments.
    pub arguments: Data,
}

/// The call of this frame; none when the frame is gone, does something else, or is in doubt.
pub fn awaited_call(job: &Job, frame: FrameId) -> Option<AwaitedCall> {
    match &job.run.as_ref()?.frames.get(&frame)?.state {
        FrameState::Call { attempt, key, function, arguments, in_doubt: None, .. } => {
            Some(AwaitedCall {
                attempt: *attempt,
                key: key.as_str().into(),
                function: function.as_str().into(),
                arguments: arguments.clone(),
            })
        }
        _ => None,
    }
}
