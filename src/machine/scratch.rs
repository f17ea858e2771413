//! The working copy of a decision. To emit a fact is to push it *and* to fold it with the same
//! `evolve` that replay uses, so that deciding and replaying cannot drift apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{Definition, Task};
use crate::machine::{evolve, weight};
use crate::model::event::Event;
use crate::model::id::FrameId;
use crate::model::job::{Frame, Job, Run};
use crate::model::limits::STATE_BYTES_MAX;
use crate::model::principal::Principal;
use crate::model::problem::{Kind, Problem};
use crate::model::time::Timestamp;

/// What expressions see of the program around them. Set once at start.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `$runtime`.
    pub runtime: Arc<Value>,
    /// `$secrets`: names with placeholders, never values.
    pub secrets: Arc<Value>,
    /// What calls of this copy of the store carry in their keys; none in an original, whose keys
    /// need no mark. A key that is in a journal never changes.
    pub key_mark: Option<Arc<str>>,
    /// Is there a judge that can be asked whether a result is good enough?
    pub has_judge: bool,
}

/// What a decision is made with, beside the job and the wish.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The document that the job pins.
    pub definition: &'a Definition,
    /// The program around it.
    pub environment: &'a Environment,
    /// The time of the decision.
    pub now: Timestamp,
    /// Who wishes.
    pub by: &'a Principal,
}

/// What was decided: the facts, and the job that they lead to.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The facts, in order. Empty when the wish was granted before.
    pub events: Vec<Arc<Event>>,
    /// The job after them.
    pub job: Job,
    /// Is there more to do at once? Then a `Tick` is to follow.
    pub more: bool,
}

/// What facts bring between two weighings of the state: a sixteenth of what is kept, so that a
/// decision oversteps the limit by little and weighs a growing state only a few times.
const BYTES_PER_WEIGHING: usize = STATE_BYTES_MAX / 16;

/// A task's work failed.
pub(super) type Raised<T> = Result<T, Problem>;

pub(super) struct Scratch<'a> {
    pub setting: Setting<'a>,
    pub job: Job,
    pub events: Vec<Arc<Event>>,
    pub more: bool,
    /// Was the state weighed in this decision, and what was brought since?
    is_weighed: bool,
    brought: usize,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(setting: Setting<'a>, job: Job) -> Self {
        Self { setting, job, events: Vec::new(), more: false, is_weighed: false, brought: 0 }
    }

    /// Records a fact and folds it.
    pub(super) fn emit(&mut self, event: Event) {
        evolve::apply(&mut self.job, &event, self.setting.now)
            .expect("bug: decide emitted a fact that evolve does not accept");
        self.brought += weight::of_event(&event);
        self.events.push(Arc::new(event));
    }

    /// Refuses to go on with more state than a job may keep. Weighing is a walk over all of it, so
    /// it happens once in a decision, and then only after the facts have brought enough.
    pub(super) fn check_state(&mut self) -> Raised<()> {
        if self.is_weighed && self.brought < BYTES_PER_WEIGHING {
            return Ok(());
        }
        (self.is_weighed, self.brought) = (true, 0);
        weight::check_job(&self.job)
    }

    pub(super) fn done(self) -> Decided {
        Decided { events: self.events, job: self.job, more: self.more }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.setting.now
    }

    pub(super) fn run(&self) -> Option<&Run> {
        self.job.run.as_ref()
    }

    pub(super) fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.run().and_then(|run| run.frames.get(&id))
    }

    /// The frame with its task. The workflow itself has none.
    pub(super) fn task(&self, id: FrameId) -> Raised<(&Frame, &'a Task)> {
        let frame = self
            .frame(id)
            .ok_or_else(|| Problem::new(Kind::Runtime, format!("frame {id} is gone")))?;
        let task = self.setting.definition.tasks.get(&frame.reference).ok_or_else(|| {
            let reference = &frame.reference;
            Problem::new(Kind::Runtime, format!("the document has no task {reference}"))
        })?;
        Ok((frame, task))
    }

    /// Frames inside this one, the innermost first.
    pub(super) fn descendants(&self, of: FrameId) -> Vec<FrameId> {
        let Some(run) = self.run() else { return Vec::new() };
        let mut inside = BTreeSet::from([of]);
        // A child has a larger ordinal than its parent, so one pass in order finds them all.
        for (id, frame) in run.frames.range(of..) {
            if inside.contains(&frame.parent) {
                inside.insert(*id);
            }
        }
        inside.remove(&of);
        inside.into_iter().rev().collect()
    }
}
