//! Errors climb: through the frames around the task that raised one, until a `try` catches it or
//! the run faults. Whatever is inside a scope that is left is cancelled, visibly.

use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::Scratch;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::event::Event;
use crate::model::id::{CheckpointId, FrameId};
use crate::model::job::FrameState;
use crate::model::problem::Problem;

impl Scratch<'_> {
    /// Raises an error at a frame.
    pub fn raise(&mut self, origin: FrameId, problem: Problem) {
        let mut problem = match self.frame(origin) {
            Some(frame) if origin != ROOT => problem.at(&frame.reference),
            _ => problem,
        };
        let mut current = origin;
        loop {
            self.cancel_inside(current, "an error ended the task around it");
            if current == ROOT {
                return self.end_run_faulted(problem);
            }
            if current != origin && self.is_trying(current) {
                match self.catch(current, &problem) {
                    Ok(true) => return,
                    Ok(false) => {}
                    // The catch itself failed: its error takes the place of the first.
                    Err(failed) => problem = self.raised_by(current, failed),
                }
            }
            let Some(parent) = self.frame(current).map(|frame| frame.parent) else { return };
            self.cancel_checkpoint_of(current);
            self.emit(Event::TaskFaulted { frame: current, problem: problem.clone() });
            current = parent;
        }
    }

    fn raised_by(&self, id: FrameId, problem: Problem) -> Problem {
        match self.frame(id) {
            Some(frame) => problem.at(&frame.reference),
            None => problem,
        }
    }

    /// Is the frame a `try` that goes through its block?
    fn is_trying(&self, id: FrameId) -> bool {
        self.frame(id)
            .is_some_and(|frame| matches!(&frame.state, FrameState::Try { caught: None, .. }))
    }

    /// Ends everything inside a frame, the innermost first.
    pub fn cancel_inside(&mut self, id: FrameId, reason: &str) {
        for frame in self.descendants(id) {
            self.cancel_checkpoint_of(frame);
            self.emit(Event::TaskCancelled { frame, reason: reason.to_owned() });
        }
    }

    /// The checkpoint that a frame waits for goes with it.
    fn cancel_checkpoint_of(&mut self, id: FrameId) {
        let waited_for = match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Decision { checkpoint }) => Some(*checkpoint),
            Some(FrameState::Call { in_doubt, .. }) => *in_doubt,
            _ => None,
        };
        if let Some(checkpoint) = waited_for.filter(|id| self.is_pending(*id)) {
            self.emit(Event::CheckpointCancelled { checkpoint });
        }
    }

    pub fn is_pending(&self, id: CheckpointId) -> bool {
        self.job.checkpoints.get(&id).is_some_and(|row| row.status == CheckpointStatus::Pending)
    }

    /// Reviews hold nothing and outlive their task; they go when the job is ended from outside.
    pub fn cancel_open_checkpoints(&mut self) {
        let open: Vec<CheckpointId> =
            self.job.checkpoints.keys().copied().filter(|id| self.is_pending(*id)).collect();
        for checkpoint in open {
            self.emit(Event::CheckpointCancelled { checkpoint });
        }
    }
}
