//! Goes on through everything that needs nothing from outside, one step after another, in the same
//! decision.

use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::Scratch;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::id::FrameId;
use crate::model::job::{CallStage, Frame, FrameState, Job, Listening, Position};
use crate::model::limits::{STEPS_PER_DECISION_MAX, STEPS_WITHOUT_EFFECT_MAX};
use crate::model::problem::{Kind, Problem};
use crate::model::time::Timestamp;

/// What a frame can do now without the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin its own work.
    Enter,
    /// Go on in its list.
    List,
    /// End well with what its work returned.
    Finish,
    /// Conclude from what the judge said.
    Judged,
    /// Go on without the judge.
    Unjudged,
    /// Raise the error of its work.
    Raise,
    /// Start its loop's next round, or end.
    Loop,
    /// Try its block again.
    Retry,
    /// All its branches (or the first one) are through.
    Join,
    /// Its checkpoint is closed.
    Decision,
    /// The word about its call in doubt is there.
    Doubt,
    /// Its call is to be made again.
    Again,
    /// Who took its call is to be asked.
    Poll,
    /// Who took its call did not answer in time.
    Expire,
    /// Handle a consumed event, or end.
    Listen,
}

impl Scratch<'_> {
    /// Steps until nothing can go on by itself, or it is somebody else's turn.
    pub(super) fn advance(&mut self) {
        let mut steps = 0;
        while self.job.suspended.is_none() {
            let Some((frame, step)) = next_step(&self.job, self.now()) else { return };
            if steps == STEPS_PER_DECISION_MAX {
                self.more = true;
                return;
            }
            steps += 1;
            let spun = self.run().map_or(0, |run| run.steps);
            if let Err(problem) = self.check_state() {
                self.raise(frame, problem);
            } else if spun >= STEPS_WITHOUT_EFFECT_MAX {
                let problem = self.endless(frame, spun);
                self.raise(frame, problem);
            } else {
                self.take(frame, step);
            }
        }
    }

    fn take(&mut self, frame: FrameId, step: Step) {
        let taken = match step {
            Step::Enter => self.enter(frame),
            Step::List => self.go_on_in_list(frame),
            Step::Finish => self.finish(frame),
            Step::Judged => self.after_judgement(frame),
            Step::Unjudged => {
                let problem = self.broken(frame);
                self.after_judge_failed(frame, problem)
            }
            Step::Raise => Err(self.broken(frame)),
            Step::Loop => self.next_iteration(frame),
            Step::Retry => self.enter_try(frame),
            Step::Join => self.join(frame),
            Step::Decision => self.after_decision(frame),
            Step::Doubt => self.after_doubt(frame),
            Step::Again => {
                self.call_again(frame);
                Ok(())
            }
            Step::Poll => {
                self.poll(frame);
                Ok(())
            }
            Step::Expire => {
                self.expire_call(frame);
                Ok(())
            }
            Step::Listen => self.go_on_listening(frame),
        };
        if let Err(problem) = taken {
            self.raise(frame, problem);
        }
    }

    /// The error of a run that only spins; it names the innermost loop, or the last task.
    fn endless(&self, id: FrameId, steps: u32) -> Problem {
        let mut place = None;
        let mut next = Some(id);
        while let Some((id, frame)) = next.and_then(|id| Some((id, self.frame(id)?))) {
            if let FrameState::Loop { .. } = frame.state {
                place = Some(frame.reference.clone());
                break;
            }
            let last = frame.scope.as_ref().and_then(|scope| match &scope.position {
                Position::After(last, _) => Some(last.clone()),
                _ => None,
            });
            place = place.or(last);
            next = (id != ROOT).then_some(frame.parent);
        }
        let own = self.frame(id).filter(|_| id != ROOT).map(|frame| frame.reference.clone());
        let place = place.or(own).map(|place| format!(" at {place}")).unwrap_or_default();
        let detail = format!(
            "{steps} steps{place} without anything from outside: this looks like an endless loop; \
             give it an end, or a wait"
        );
        Problem::new(Kind::Runtime, detail)
    }

    fn broken(&self, id: FrameId) -> Problem {
        match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Broken { problem }) => problem.clone(),
            _ => Problem::new(Kind::Runtime, "its work failed without an error"),
        }
    }
}

/// The first frame, in order of start, that can go on by itself at this time.
pub(super) fn next_step(job: &Job, now: Timestamp) -> Option<(FrameId, Step)> {
    let run = job.run.as_ref()?;
    run.frames.iter().find_map(|(id, frame)| step_of(job, frame, now).map(|step| (*id, step)))
}

fn step_of(job: &Job, frame: &Frame, now: Timestamp) -> Option<Step> {
    let in_list = frame.scope.as_ref().is_some_and(|scope| match scope.position {
        Position::Start | Position::After(..) => true,
        Position::In(_) => false,
    });
    let closed =
        |id| job.checkpoints.get(id).is_some_and(|row| row.status != CheckpointStatus::Pending);
    match &frame.state {
        _ if in_list => Some(Step::List),
        FrameState::Begun => Some(Step::Enter),
        FrameState::Settled if frame.evaluating.is_some() => Some(Step::Judged),
        FrameState::Broken { .. } if frame.evaluating.is_some() => Some(Step::Unjudged),
        FrameState::Settled => Some(Step::Finish),
        FrameState::Broken { .. } => Some(Step::Raise),
        FrameState::Loop { .. } if frame.scope.is_none() => Some(Step::Loop),
        FrameState::Try { retry_at: Some(at), .. } if *at <= now => Some(Step::Retry),
        FrameState::Fork { branches, compete, outputs } => {
            let enough = if *compete { 1.min(*branches) } else { *branches };
            (outputs.len() >= enough as usize).then_some(Step::Join)
        }
        FrameState::Until { at } if *at <= now => Some(Step::Finish),
        FrameState::Decision { checkpoint } if closed(checkpoint) => Some(Step::Decision),
        FrameState::Call { in_doubt: Some(checkpoint), .. } if closed(checkpoint) => {
            Some(Step::Doubt)
        }
        FrameState::Call { in_doubt: None, stage, .. } => step_of_call(stage, now),
        FrameState::Listen(listening) if frame.scope.is_none() && has_work(listening) => {
            Some(Step::Listen)
        }
        _ => None,
    }
}

/// What time does to a call that waits. Who took it is asked a last time before it is given up.
fn step_of_call(stage: &CallStage, now: Timestamp) -> Option<Step> {
    match stage {
        CallStage::Retry { at, .. } if *at <= now => Some(Step::Again),
        CallStage::Accepted { status_url: Some(_), poll_at: Some(at), .. } if *at <= now => {
            Some(Step::Poll)
        }
        CallStage::Accepted { expires_at, .. } if *expires_at <= now => Some(Step::Expire),
        _ => None,
    }
}

/// Is a consumed event unhandled, or is all of it over?
fn has_work(listening: &Listening) -> bool {
    listening.done || listening.handled.len() < listening.consumed.len()
}
