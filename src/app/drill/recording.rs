//! A job as its journal tells it: what was asked for, what the outside answered, what people did,
//! and how it ended. Data only.

use std::collections::HashMap;
use std::sync::Arc;

use crate::app::drill::alike::{Lifetime, same_error};
use crate::app::drill::map::Place;
use crate::dsl::definition::{Definition, TaskKind};
use crate::model::checkpoint::Decision;
use crate::model::cloud_event::CloudEvent;
use crate::model::command::Command;
use crate::model::event::{Data, Outcome};
use crate::model::id::{ContentHash, JobId};
use crate::model::job::JobSpec;
use crate::model::principal::Principal;
use crate::model::problem::Problem;
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// A call that was made.
#[derive(Clone, Debug)]
pub(super) struct RecordedCall {
    pub arguments: Data,
    pub outcome: Outcome,
    pub settled_at: Timestamp,
}

/// What somebody outside did.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub what: What,
    pub at: Timestamp,
    pub by: Principal,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// Decided at a checkpoint.
    Decide { place: Place, decision: Box<Decision> },
    /// Sent an event.
    Deliver { place: Place, event: CloudEvent },
    /// Wished something of a job that stood still, which the journal calls by this name, for the
    /// n-th time.
    Wish { way: String, command: Box<Command>, event: &'static str, nth: u32 },
}

/// How a job ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub status: Status,
    pub result: Option<Data>,
    pub error: Option<Problem>,
}

/// A job, ready to be rehearsed.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub id: JobId,
    pub spec: Arc<JobSpec>,
    pub by: Principal,
    /// The documents that it and its children run.
    pub definitions: HashMap<ContentHash, Arc<Definition>>,
    pub calls: HashMap<Place, RecordedCall>,
    /// In the order in which they were done.
    pub acts: Vec<Act>,
    pub end: End,
    /// Was a judge asked? Then one has to be there again.
    pub was_judged: bool,
    pub lifetime: Lifetime,
    /// How many facts its journals hold.
    pub facts: u64,
}

impl Recording {
    /// May a call of this task be made again when nobody knows whether it happened?
    pub fn may_repeat(&self, definition: Option<ContentHash>, reference: &str) -> bool {
        let definition = definition.and_then(|hash| self.definitions.get(&hash));
        let Some(task) = definition.and_then(|found| found.tasks.get(reference)) else {
            return true;
        };
        match (&task.kind, task.idempotent) {
            (_, Some(said)) => said,
            (TaskKind::CallHttp(call), None) => call.is_idempotent,
            _ => true,
        }
    }

    /// What is not as it was recorded; nothing when it ended the same way.
    pub fn difference(&self, end: &End) -> Option<String> {
        let recorded = &self.end;
        if end.status != recorded.status {
            let error = end.error.as_ref().and_then(|error| error.detail.as_deref());
            let error = error.map(|detail| format!(" ({detail})")).unwrap_or_default();
            return Some(format!("it ended {}{error}, recorded {}", end.status, recorded.status));
        }
        if !same_error(end.error.as_ref(), recorded.error.as_ref()) {
            let kind = |error: &Option<Problem>| {
                error.as_ref().map_or_else(|| "none".to_owned(), |error| error.kind.clone())
            };
            let (found, was) = (kind(&end.error), kind(&recorded.error));
            return Some(format!("its error is {found}, recorded {was}"));
        }
        let (found, was) = match (&end.result, &recorded.result) {
            (Some(found), Some(was)) => (found, was),
            (None, None) => return None,
            (found, _) => {
                let has = if found.is_some() { "a" } else { "no" };
                return Some(format!("it has {has} result, unlike the recording"));
            }
        };
        let place = self.lifetime.difference(found, was)?;
        let place = if place.is_empty() { "as a whole".to_owned() } else { format!("at {place}") };
        Some(format!("its result differs {place}"))
    }
}
