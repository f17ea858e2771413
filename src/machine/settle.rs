//! What comes back from calls: outcomes, and crashes that left none.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::definition::TaskKind;
use crate::machine::checkpoints::Opening;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::checkpoint::{CheckpointStatus, OnExpiry, Policy, Purpose, Verdict};
use crate::model::event::{Event, Outcome};
use crate::model::id::{CheckpointId, FrameId};
use crate::model::job::{CallStage, FrameState};
use crate::model::limits::INTERRUPTIONS_MAX;
use crate::model::problem::{Kind, Problem};
use crate::model::refusal::Refusal;

impl Scratch<'_> {
    /// A call ended. Its answer is welcome however it stands: a late one to an attempt that is to
    /// be made again, or one that comes before the word that it will come.
    pub(super) fn settle_call(
        &mut self,
        id: FrameId,
        attempt: u32,
        outcome: &Outcome,
    ) -> Result<(), Refusal> {
        let doubt = self.doubt_of(id, attempt);
        if doubt.is_none() {
            self.stage_of(id, attempt)?;
        }
        let outcome = match outcome {
            Outcome::Succeeded(value) => match weight::check(value, "the answer of the call") {
                Ok(()) => outcome.clone(),
                Err(problem) => Outcome::Failed(problem),
            },
            Outcome::Failed(_) => outcome.clone(),
        };
        // Nobody has to say any more whether it happened.
        if let Some(checkpoint) = doubt {
            self.emit(Event::CheckpointCancelled { checkpoint });
        }
        self.emit(Event::CallSettled { frame: id, attempt, outcome });
        Ok(())
    }

    /// The open question whether the call of this attempt happened.
    fn doubt_of(&self, id: FrameId, attempt: u32) -> Option<CheckpointId> {
        match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Call { attempt: expected, in_doubt: Some(doubt), .. }) => {
                (*expected == attempt && self.is_pending(*doubt)).then_some(*doubt)
            }
            _ => None,
        }
    }

    /// A call died without an outcome: it costs an interruption, and it is made again or put in
    /// doubt.
    pub(super) fn interrupt(
        &mut self,
        id: FrameId,
        attempt: u32,
        reason: &str,
        repeatable: Option<bool>,
    ) -> Result<(), Refusal> {
        self.expects(id, attempt)?;
        // To ask again how a call stands changes nothing.
        let is_poll = matches!(self.stage_of(id, attempt)?, CallStage::Polled { .. });
        self.emit(Event::Interrupted { frame: id, attempt, reason: reason.to_owned() });
        let interruptions = match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Call { interruptions, .. }) => *interruptions,
            _ => 0,
        };
        if interruptions >= INTERRUPTIONS_MAX {
            let detail = format!(
                "the call was interrupted {interruptions} times ({reason}); it is not made again"
            );
            let outcome = Outcome::Failed(Problem::new(Kind::Runtime, detail));
            self.emit(Event::CallSettled { frame: id, attempt, outcome });
        } else if !is_poll && !repeatable.unwrap_or_else(|| self.may_repeat(id)) {
            self.open_doubt(id);
        }
        Ok(())
    }

    fn may_repeat(&self, id: FrameId) -> bool {
        let Ok((_, task)) = self.task(id) else { return false };
        match (&task.kind, task.idempotent) {
            (_, Some(said)) => said,
            (TaskKind::CallHttp(call), None) => call.is_idempotent,
            _ => true,
        }
    }

    fn open_doubt(&mut self, id: FrameId) {
        let Some(frame) = self.frame(id) else { return };
        let FrameState::Call { key, function, arguments, attempt, .. } = &frame.state else {
            return;
        };
        let shown = json!({
            "text": "The process stopped while this call was under way, and the call must not \
                     simply be repeated. Find out whether it happened. Approve with the input \
                     {\"outcome\": \"happened\", \"result\": …} if it did, approve with \
                     {\"outcome\": \"retry\"} to make it again with the same key, or reject if \
                     it did not happen and must not be made.",
            "task": &*frame.reference,
            "function": function,
            "idempotencyKey": key,
            "arguments": **arguments,
        });
        // An attempt is in doubt at most once: the person's word ends it or begins the next one.
        let round = *attempt;
        let title = format!("Did the call of {} happen?", frame.reference);
        self.open(Opening {
            frame: id,
            purpose: Purpose::InDoubt,
            round,
            title,
            summary: None,
            shown: Arc::new(shown),
            assignees: vec!["admin".to_owned(), "operator".to_owned()],
            expiry: None,
            on_expiry: OnExpiry::Fault,
            policy: Policy::default(),
        });
    }

    /// A person said what happened to a call in doubt.
    pub(super) fn after_doubt(&mut self, id: FrameId) -> Raised<()> {
        let Some(FrameState::Call {
            attempt, key, function, arguments, in_doubt: Some(doubt), ..
        }) = self.frame(id).map(|frame| frame.state.clone())
        else {
            return Ok(());
        };
        let row = self.job.checkpoints.get(&doubt);
        let decision = row.and_then(|row| row.decision.clone());
        let approved = row.is_some_and(|row| row.status == CheckpointStatus::Approved);
        let input = decision.as_ref().and_then(|decision| decision.input.clone());
        let said = input.as_ref().and_then(|input| input.get("outcome")).and_then(Value::as_str);
        match (approved, said) {
            (true, Some("happened")) => {
                let result = input.as_ref().and_then(|input| input.get("result")).cloned();
                let outcome = Outcome::Succeeded(Arc::new(result.unwrap_or(Value::Null)));
                self.emit(Event::CallSettled { frame: id, attempt, outcome });
            }
            (true, _) => {
                let attempt = attempt + 1;
                self.emit(Event::CallStarted { frame: id, attempt, key, function, arguments });
            }
            (false, _) => {
                let verdict = decision.map_or(Verdict::Reject, |decision| decision.verdict);
                let detail = format!("the outcome of the call is unknown; a person said {verdict}");
                let outcome = Outcome::Failed(Problem::new(Kind::Communication, detail));
                self.emit(Event::CallSettled { frame: id, attempt, outcome });
            }
        }
        Ok(())
    }
}
