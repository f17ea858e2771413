//! Everything that is due at a time, in one order: searches, expiries, timeouts. Retries and waits
//! are steps of `advance`. At any time, any number of times, it changes nothing that is not due.

use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::Scratch;
use crate::model::id::FrameId;
use crate::model::job::FrameState;
use crate::model::problem::{Kind, Problem};

impl Scratch<'_> {
    pub(super) fn tick(&mut self) {
        if self.job.suspended.is_some() {
            return;
        }
        self.match_again();
        self.tick_checkpoints();
        while let Some((frame, attempt)) = self.timed_out() {
            match attempt {
                true => self.time_out_attempt(frame),
                false => self.raise(frame, self.timeout_of(frame)),
            }
        }
    }

    /// The outermost frame whose time is over; `true` when only one attempt of a `try` is.
    fn timed_out(&self) -> Option<(FrameId, bool)> {
        let now = self.now();
        self.run()?.frames.iter().find_map(|(id, frame)| {
            if frame.timeout_at.is_some_and(|at| at <= now) {
                return Some((*id, false));
            }
            let attempt_over = matches!(
                &frame.state,
                FrameState::Try { caught: None, attempt_timeout_at: Some(at), retry_at: None, .. }
                    if *at <= now
            );
            attempt_over.then_some((*id, true))
        })
    }

    fn timeout_of(&self, id: FrameId) -> Problem {
        let what = if id == ROOT { "the workflow" } else { "the task" };
        Problem::new(Kind::Timeout, format!("{what} took longer than its `timeout` allows"))
    }

    /// One attempt took too long: the `try` itself catches that, as an error of its block.
    fn time_out_attempt(&mut self, id: FrameId) {
        let problem = Problem::new(Kind::Timeout, "an attempt took longer than its limit allows");
        let problem = match self.frame(id) {
            Some(frame) => problem.at(&frame.reference),
            None => problem,
        };
        self.cancel_inside(id, "the attempt took too long");
        match self.catch(id, &problem) {
            Ok(true) => {}
            Ok(false) => self.raise(id, problem),
            Err(failed) => self.raise(id, failed),
        }
    }
}
