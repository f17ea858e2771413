//! Jobs that a job runs: started with a derived id, awaited, and ended when nobody waits for them
//! any more.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{Task, TaskKind};
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::event::{Data, Event, Outcome};
use crate::model::id::{FrameId, JobId};
use crate::model::job::FrameState;
use crate::model::limits::CHILD_DEPTH_MAX;
use crate::model::problem::{Kind, Problem};
use crate::model::refusal::Refusal;

impl Scratch<'_> {
    pub fn start_child(&mut self, id: FrameId, task: &Task, input: &Data) -> Raised<()> {
        let TaskKind::RunWorkflow { namespace, name, version, input: given, awaited } = &task.kind
        else {
            return Err(Problem::new(Kind::Runtime, "the task runs no workflow"));
        };
        let depth = self.job.spec.parent.map_or(0, |parent| parent.depth);
        if depth + 1 > CHILD_DEPTH_MAX {
            let detail = format!("jobs run jobs {CHILD_DEPTH_MAX} deep at most");
            return Err(Problem::new(Kind::Runtime, detail));
        }
        let child_input = match given {
            Some(template) => self.render(template, input, self.arguments(id, &[]))?,
            None => Arc::new(Value::Object(serde_json::Map::new())),
        };
        let parts = [self.job.id.to_string(), self.job.run_number.to_string(), id.to_string()];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.emit(Event::ChildStarted {
            frame: id,
            child: JobId::derived(&parts),
            namespace: namespace.clone(),
            name: name.clone(),
            version: version.clone(),
            input: child_input,
            awaited: *awaited,
        });
        Ok(())
    }

    /// The frame that runs this child.
    fn frame_of_child(&self, child: JobId) -> Result<FrameId, Refusal> {
        let runs =
            |state: &FrameState| matches!(state, FrameState::Child { child: c, .. } if *c == child);
        let found = self.run().and_then(|run| run.frames.iter().find(|(_, f)| runs(&f.state)));
        found
            .map(|(id, _)| *id)
            .ok_or_else(|| Refusal::Stale { what: format!("child job {child}") })
    }

    pub fn confirm_child(&mut self, child: JobId) -> Result<(), Refusal> {
        let frame = self.frame_of_child(child)?;
        let Some(FrameState::Child { awaited, created, .. }) = self.frame(frame).map(|f| &f.state)
        else {
            return Ok(());
        };
        match (*awaited, *created) {
            (true, true) => {}
            (true, false) => self.emit(Event::ChildCreated { frame, child }),
            // Nobody waits for its end: that it exists is all that was asked for.
            (false, _) => {
                let input = self.frame(frame).map(|f| f.input.clone());
                let outcome = Outcome::Succeeded(input.unwrap_or_default());
                self.emit(Event::ChildSettled { frame, child, outcome });
            }
        }
        Ok(())
    }

    pub fn settle_child(&mut self, child: JobId, outcome: &Outcome) -> Result<(), Refusal> {
        let frame = self.frame_of_child(child)?;
        let outcome = match outcome {
            Outcome::Succeeded(value) => {
                match weight::check(value, "the result of the child job") {
                    Ok(()) => outcome.clone(),
                    Err(problem) => Outcome::Failed(problem),
                }
            }
            // An instance points into the document of the child; here it would point at another
            // task.
            Outcome::Failed(problem) => {
                Outcome::Failed(Problem { instance: None, ..problem.clone() })
            }
        };
        self.emit(Event::ChildSettled { frame, child, outcome });
        Ok(())
    }

    pub fn drop_child(&mut self, child: JobId) -> Result<(), Refusal> {
        if !self.job.orphans.contains(&child) {
            return Err(Refusal::Stale { what: format!("child job {child}") });
        }
        self.emit(Event::ChildTerminated { child });
        Ok(())
    }
}
