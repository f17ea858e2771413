//! What people do at a checkpoint beside deciding: claim it, release it, give their right to
//! somebody else, remark on it. None of it moves the job.

use crate::machine::checkpoints::decide::check_unclaimed;
use crate::machine::scratch::Scratch;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus, Claim, Delegation, Remark};
use crate::model::event::Event;
use crate::model::id::CheckpointId;
use crate::model::limits::NAME_BYTES_MAX;
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;
use crate::model::time::{Span, Timestamp};
use crate::model::voter::{ADMIN, Delegate, Door, Standing, Voter};

/// How long a claim keeps others from deciding: long enough to read, too short to be forgotten.
pub(super) const CLAIM_KEPT: Span = Span::from_secs(30 * 60);
/// Most rights given to others at one checkpoint.
const DELEGATIONS_MAX: usize = 50;
/// Most remarks on one checkpoint: they are kept with the job.
const COMMENTS_MAX: usize = 200;
/// Longest remark, bytes: with the number of them it bounds what they take of the job's state.
const COMMENT_BYTES_MAX: usize = 4 * 1024;
/// Longest reason of a delegation, bytes; as long as a remark.
const REASON_BYTES_MAX: usize = COMMENT_BYTES_MAX;

type Attended = Result<(), Refusal>;

impl Scratch<'_> {
    /// Keeps others from deciding. Claiming again prolongs it, once half of the time is over.
    pub(in crate::machine) fn claim(&mut self, id: CheckpointId, voter: &Voter) -> Attended {
        let (row, now) = (self.attended(id, voter)?, self.now());
        check_open(&row)?;
        self.standing(&row, voter)?;
        check_unclaimed(&row, voter, now)?;
        if row.claim_at(now).is_some_and(|claim| claim.until.since(now).0 > CLAIM_KEPT.0 / 2) {
            return Ok(());
        }
        let claim = Claim { by: voter.principal.clone(), at: now, until: now.after(CLAIM_KEPT) };
        self.emit(Event::Claimed { checkpoint: id, claim });
        Ok(())
    }

    /// Lets others decide again. An admin breaks anybody's claim.
    pub(in crate::machine) fn release(&mut self, id: CheckpointId, voter: &Voter) -> Attended {
        let row = self.attended(id, voter)?;
        if !row.is_pending() || row.claim_at(self.now()).is_none() {
            return Ok(());
        }
        if !voter.has_role(ADMIN) {
            check_unclaimed(&row, voter, self.now())?;
        }
        self.emit(Event::Released { checkpoint: id });
        Ok(())
    }

    /// Gives the right to decide to somebody else. Who has it from another cannot pass it on.
    pub(in crate::machine) fn delegate(
        &mut self,
        id: CheckpointId,
        to: &str,
        until: Option<Timestamp>,
        reason: Option<&str>,
        voter: &Voter,
    ) -> Attended {
        let row = self.attended(id, voter)?;
        check_open(&row)?;
        let bad = |member, message: &str| {
            Err(Refusal::BadDecision { member, message: message.to_owned() })
        };
        if self.standing(&row, voter)? != Standing::Own {
            return bad("to", "what was delegated to you cannot be passed on");
        }
        if to.trim().is_empty() || to.len() > NAME_BYTES_MAX {
            return bad("to", "must be the id or the address of a person");
        }
        if voter.is_called(to) {
            return bad("to", "is yourself");
        }
        if row.excluded().iter().any(|name| name == to) {
            return Err(Refusal::FourEyes);
        }
        if until.is_some_and(|until| until <= self.now()) {
            return bad("until", "is over already");
        }
        if reason.is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            return bad("reason", "is longer than what is kept");
        }
        let from = voter.principal.id().to_owned();
        let right = Delegate { from, to: to.to_owned(), until };
        if row.delegations.iter().any(|given| given.right == right) {
            return Ok(());
        }
        if row.delegations.len() >= DELEGATIONS_MAX {
            return bad("to", "this checkpoint was delegated as often as it may be");
        }
        let reason = reason.map(str::to_owned);
        let delegation = Delegation { right, at: self.now(), reason };
        self.emit(Event::Delegated { checkpoint: id, delegation });
        Ok(())
    }

    /// Remarks on something. It needs no right to decide: owners and experts are heard too.
    pub(in crate::machine) fn comment(
        &mut self,
        id: CheckpointId,
        text: &str,
        voter: &Voter,
    ) -> Attended {
        let row = match (&voter.principal, &voter.door) {
            // A rule says that it left the decision to a person.
            (Principal::System(_), Door::Rule { .. }) => self.checkpoint(id)?,
            _ => self.attended(id, voter)?,
        };
        check_open(&row)?;
        let bad = |message: String| Err(Refusal::BadDecision { member: "text", message });
        if text.trim().is_empty() || text.len() > COMMENT_BYTES_MAX {
            return bad(format!("must have from 1 to {COMMENT_BYTES_MAX} bytes"));
        }
        if row.comments.len() >= COMMENTS_MAX {
            return bad(format!("there are {COMMENTS_MAX} comments, which is the most"));
        }
        let (by, at) = (voter.principal.clone(), self.now());
        let comment = Remark { by, at, text: text.to_owned() };
        self.emit(Event::Commented { checkpoint: id, comment });
        Ok(())
    }

    /// The checkpoint, for a person who is signed in.
    pub(super) fn attended(
        &self,
        id: CheckpointId,
        voter: &Voter,
    ) -> Result<std::sync::Arc<Checkpoint>, Refusal> {
        match (&voter.principal, &voter.door) {
            (Principal::Person(_), Door::Session | Door::Token | Door::System) => {
                self.checkpoint(id)
            }
            (Principal::Person(_), _) => {
                Err(Refusal::WrongDoor { reason: "sign in to do this".to_owned() })
            }
            _ => Err(Refusal::NotAPerson { who: voter.principal.to_string() }),
        }
    }
}

pub(super) fn check_open(row: &Checkpoint) -> Attended {
    match row.status {
        CheckpointStatus::Pending => Ok(()),
        status => {
            let hint = "it is closed, so nothing about it changes any more".to_owned();
            Err(Refusal::CheckpointClosed { status, hint })
        }
    }
}
