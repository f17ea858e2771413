//! An admin gives a checkpoint time again: a new deadline for an open one, and another chance for
//! one that expired while nobody looked, as far as its task can still be brought back (ADR 0012).

use crate::machine::checkpoints::opening::first_escalation;
use crate::machine::scratch::Scratch;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus, Purpose};
use crate::model::event::Event;
use crate::model::id::{CheckpointId, FrameId};
use crate::model::job::Run;
use crate::model::limits::TEXT_BYTES_MAX;
use crate::model::refusal::Refusal;
use crate::model::status::Status;
use crate::model::time::Span;
use crate::model::voter::{ADMIN, Voter};

/// What an admin can do about a job that expired and cannot be brought back.
const RESUBMIT: &str = "resubmit the job, and its next run asks again";

impl Scratch<'_> {
    pub(in crate::machine) fn rearm(
        &mut self,
        id: CheckpointId,
        expiry: Span,
        reason: &str,
        voter: &Voter,
    ) -> Result<(), Refusal> {
        let row = self.attended(id, voter)?;
        if !voter.has_role(ADMIN) {
            return Err(Refusal::NeedsRole { role: ADMIN });
        }
        let bad = |member, message: String| Err(Refusal::BadDecision { member, message });
        if reason.trim().is_empty() || reason.len() > TEXT_BYTES_MAX {
            return bad("reason", format!("must have from 1 to {TEXT_BYTES_MAX} bytes"));
        }
        if expiry.0 == 0 {
            return bad("expiresAfter", "must be longer than nothing".to_owned());
        }
        if row.expiry.is_none() {
            return bad("expiresAfter", "this checkpoint never expires".to_owned());
        }
        let reopened = match row.status {
            CheckpointStatus::Pending => false,
            CheckpointStatus::Expired => {
                self.check_revivable(&row).map_err(|why| closed(&row, &why))?;
                true
            }
            _ => return Err(closed(&row, "only an open or an expired checkpoint is armed again")),
        };
        let now = self.now();
        let rest = row.policy.escalate_to.len() > row.escalations as usize;
        let escalate_after = first_escalation(&row.policy).filter(|_| rest);
        self.emit(Event::Rearmed {
            checkpoint: id,
            expires_at: now.after(expiry),
            remind_at: row.policy.remind_after.map(|after| now.after(after)),
            escalate_at: escalate_after.map(|after| now.after(after)),
            reopened,
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// Can an expired checkpoint wait again? A review holds nothing, so it can while its job was
    /// not ended on request. A gate can while its expiry is what ended the job, and the run had
    /// nothing else under way that was cancelled with it.
    fn check_revivable(&self, row: &Checkpoint) -> Result<(), String> {
        let no = |why: &str| Err(format!("{why}; {RESUBMIT}"));
        if row.purpose == Purpose::Review {
            return match self.job.status {
                Status::Cancelled => Err("the job was ended on request".to_owned()),
                _ => Ok(()),
            };
        }
        let lapsed = self.job.lapsed.as_ref().filter(|lapsed| lapsed.checkpoint == row.id);
        let Some(lapsed) = lapsed else { return no("the job has gone on without it") };
        if !matches!(self.job.status, Status::Rejected | Status::Failed) {
            return no("it is not what ended the job");
        }
        if self.job.spec.parent.is_some_and(|parent| parent.awaited) {
            return no("the job that waits for this one was told of its end");
        }
        if !is_alone(&lapsed.run, row.frame) {
            return no("other work of the run was under way and was cancelled");
        }
        if lapsed
            .run
            .frames
            .values()
            .any(|frame| frame.timeout_at.is_some_and(|at| at <= self.now()))
        {
            return no("the `timeout` of its task, or of what is around it, is over as well");
        }
        Ok(())
    }
}

fn closed(row: &Checkpoint, why: &str) -> Refusal {
    Refusal::CheckpointClosed { status: row.status, hint: why.to_owned() }
}

/// Are all frames of the run the frame itself and those around it?
fn is_alone(run: &Run, id: FrameId) -> bool {
    let mut around = 1;
    let mut next = id;
    while let Some(frame) = run.frames.get(&next) {
        if frame.parent == next {
            break;
        }
        next = frame.parent;
        around += 1;
    }
    run.frames.contains_key(&id) && run.frames.len() == around
}
