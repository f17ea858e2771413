//! Calls that wait without being under way: for their next attempt after an error that may pass, or
//! for the answer of who took them. They hold no slot; time or a message moves them on.

use crate::machine::scratch::Scratch;
use crate::model::event::{Event, Outcome};
use crate::model::id::FrameId;
use crate::model::job::{CallStage, FrameState};
use crate::model::limits::POLL_PAUSE_MIN;
use crate::model::problem::{Kind, Problem};
use crate::model::refusal::Refusal;
use crate::model::status::Status;
use crate::model::time::Span;

impl Scratch<'_> {
    /// How the call of this attempt stands; refused when the job has moved on, or when a person is
    /// asked what became of it.
    pub(super) fn stage_of(&self, id: FrameId, attempt: u32) -> Result<&CallStage, Refusal> {
        match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Call { attempt: expected, in_doubt: None, stage, .. })
                if *expected == attempt =>
            {
                Ok(stage)
            }
            _ => Err(stale(id, attempt)),
        }
    }

    /// Is this the call that is under way, or being asked about?
    pub(super) fn expects(&self, id: FrameId, attempt: u32) -> Result<(), Refusal> {
        match self.stage_of(id, attempt)? {
            CallStage::UnderWay | CallStage::Polled { .. } => Ok(()),
            CallStage::Retry { .. } | CallStage::Accepted { .. } => Err(stale(id, attempt)),
        }
    }

    /// The call failed in a way that may pass.
    pub(super) fn retry_call(
        &mut self,
        id: FrameId,
        attempt: u32,
        problem: &Problem,
        delay: Span,
    ) -> Result<(), Refusal> {
        // The word that it failed may also come from who took it.
        if let CallStage::Retry { .. } = self.stage_of(id, attempt)? {
            return Err(stale(id, attempt));
        }
        let (problem, not_before) = (problem.clone(), self.now().after(delay));
        self.emit(Event::CallRetried { frame: id, attempt, problem, not_before, reason: None });
        Ok(())
    }

    /// The other side took the call, or says that it still works on it.
    pub(super) fn accept_call(
        &mut self,
        id: FrameId,
        attempt: u32,
        asked: Option<(&String, Option<Span>)>,
        expires_after: Span,
    ) -> Result<(), Refusal> {
        self.expects(id, attempt)?;
        let now = self.now();
        let expires_at = match self.stage_of(id, attempt)? {
            // Whoever still works on it gets no more time by saying so.
            CallStage::Polled { expires_at, .. } => *expires_at,
            _ => now.after(expires_after),
        };
        // It is asked a last time when its time is over, and then no more.
        let next = |after: Option<Span>| {
            after.map_or(expires_at, |after| now.after(after.max(POLL_PAUSE_MIN)).min(expires_at))
        };
        let poll_at = asked.filter(|_| now < expires_at).map(|(_, after)| next(after));
        let status_url = asked.map(|(url, _)| url.clone());
        self.emit(Event::CallAccepted { frame: id, attempt, status_url, poll_at, expires_at });
        Ok(())
    }

    /// A person wants every call that waits to be made again now.
    pub(super) fn retry_task(&mut self, reason: &str) -> Result<(), Refusal> {
        let wish = "have a call made again now";
        if self.job.status != Status::InProgress {
            return Err(self.illegal(wish, "only an IN_PROGRESS job has calls"));
        }
        if self.job.suspended.is_some() {
            return Err(self.illegal(wish, "resume it first"));
        }
        let waiting: Vec<(FrameId, u32, Problem)> = self
            .run()
            .into_iter()
            .flat_map(|run| &run.frames)
            .filter_map(|(id, frame)| match &frame.state {
                FrameState::Call { attempt, in_doubt: None, stage, .. } => {
                    problem_of(stage).map(|problem| (*id, *attempt, problem))
                }
                _ => None,
            })
            .collect();
        if waiting.is_empty() {
            return Err(
                self.illegal(wish, "none of its calls waits for a next attempt or an answer")
            );
        }
        let not_before = self.now();
        for (frame, attempt, problem) in waiting {
            let reason = Some(reason.to_owned());
            self.emit(Event::CallRetried { frame, attempt, problem, not_before, reason });
        }
        Ok(())
    }

    /// The time of the next attempt has come: the same key, one attempt more.
    pub(super) fn call_again(&mut self, id: FrameId) {
        let Some(FrameState::Call { attempt, key, function, arguments, .. }) =
            self.frame(id).map(|frame| frame.state.clone())
        else {
            return;
        };
        let attempt = attempt + 1;
        self.emit(Event::CallStarted { frame: id, attempt, key, function, arguments });
    }

    /// The time has come to ask how the call stands.
    pub(super) fn poll(&mut self, id: FrameId) {
        if let Some(FrameState::Call { attempt, .. }) = self.frame(id).map(|frame| &frame.state) {
            let attempt = *attempt;
            self.emit(Event::CallPolled { frame: id, attempt });
        }
    }

    /// Nobody answered in time.
    pub(super) fn expire_call(&mut self, id: FrameId) {
        let Some(FrameState::Call {
            attempt,
            stage: CallStage::Accepted { since, expires_at, .. },
            ..
        }) = self.frame(id).map(|frame| &frame.state)
        else {
            return;
        };
        let (attempt, seconds) = (*attempt, expires_at.since(*since).as_duration().as_secs());
        let detail = format!("the call was accepted, but no answer came within {seconds} s");
        let outcome = Outcome::Failed(Problem::new(Kind::Timeout, detail));
        self.emit(Event::CallSettled { frame: id, attempt, outcome });
    }
}

fn stale(id: FrameId, attempt: u32) -> Refusal {
    Refusal::Stale { what: format!("attempt {attempt} of frame {id}") }
}

/// Why a call waits; none when it does not.
fn problem_of(stage: &CallStage) -> Option<Problem> {
    match stage {
        CallStage::Retry { problem, .. } => Some(problem.clone()),
        CallStage::Accepted { .. } => {
            Some(Problem::new(Kind::Communication, "the call was accepted, but no answer came yet"))
        }
        CallStage::UnderWay | CallStage::Polled { .. } => None,
    }
}
