//! What people do at checkpoints, passed on to the jobs that opened them. Nothing is judged here:
//! every door leads to the same decision of the machine.

use crate::engine::reads::checkpoint_view;
use crate::engine::submit::defused;
use crate::engine::{CheckpointView, Engine, EngineError};
use crate::model::audit::Author;
use crate::model::command::{Command, DecideCheckpoint};
use crate::model::id::CheckpointId;
use crate::model::refusal::Refusal;
use crate::model::time::{Span, Timestamp};
use crate::model::voter::Voter;

/// What became of one decision of a batch.
pub type BatchOutcome = (CheckpointId, Result<CheckpointView, EngineError>);

impl Engine {
    /// Decides at a checkpoint, or votes towards its quorum.
    ///
    /// # Errors
    /// A refusal when the voter may not, when it was decided otherwise, or when it is about other
    /// content.
    pub async fn decide(
        &self,
        mut decision: DecideCheckpoint,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        decision.input = decision.input.as_ref().map(defused);
        decision.edit = decision.edit.as_ref().map(defused);
        self.at_checkpoint(decision.checkpoint, Command::Decide(decision), by).await
    }

    /// Decides at several checkpoints, one after the other. A refusal ends only its own.
    pub async fn decide_batch(
        &self,
        decisions: Vec<DecideCheckpoint>,
        by: impl Into<Author>,
    ) -> Vec<BatchOutcome> {
        let by: Author = by.into();
        let mut outcomes = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let id = decision.checkpoint;
            outcomes.push((id, self.decide(decision, by.clone()).await));
        }
        outcomes
    }

    /// Keeps others from deciding, for half an hour at most.
    ///
    /// # Errors
    /// A refusal when the voter may not decide there, or somebody else has claimed it.
    pub async fn claim(
        &self,
        checkpoint: CheckpointId,
        voter: Voter,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        self.at_checkpoint(checkpoint, Command::Claim { checkpoint, voter }, by).await
    }

    /// Lets others decide again.
    ///
    /// # Errors
    /// A refusal when the claim is somebody else's and the voter no admin.
    pub async fn release_claim(
        &self,
        checkpoint: CheckpointId,
        voter: Voter,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        self.at_checkpoint(checkpoint, Command::Release { checkpoint, voter }, by).await
    }

    /// Gives the voter's right to decide to somebody else as well: `to` is an id or an address.
    ///
    /// # Errors
    /// A refusal when the voter has no right of their own, or the other one is excluded.
    pub async fn delegate_checkpoint(
        &self,
        checkpoint: CheckpointId,
        to: String,
        until: Option<Timestamp>,
        reason: Option<String>,
        voter: Voter,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        let command = Command::Delegate { checkpoint, to, until, reason, voter };
        self.at_checkpoint(checkpoint, command, by).await
    }

    /// Remarks on a checkpoint.
    ///
    /// # Errors
    /// A refusal when it is closed, or was remarked on too often.
    pub async fn comment(
        &self,
        checkpoint: CheckpointId,
        text: String,
        voter: Voter,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        self.at_checkpoint(checkpoint, Command::Comment { checkpoint, text, voter }, by).await
    }

    /// Gives a checkpoint a new deadline, so long from now; an expired one waits again.
    ///
    /// # Errors
    /// A refusal when the voter is no admin, or the task cannot be brought back.
    pub async fn rearm(
        &self,
        checkpoint: CheckpointId,
        expiry: Span,
        reason: String,
        voter: Voter,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        let command = Command::Rearm { checkpoint, expiry, reason, voter };
        self.at_checkpoint(checkpoint, command, by).await
    }

    async fn at_checkpoint(
        &self,
        id: CheckpointId,
        command: Command,
        by: impl Into<Author>,
    ) -> Result<CheckpointView, EngineError> {
        let row = self.shared.parts.store.checkpoint(id).await?;
        let row = row.ok_or(Refusal::NoSuchCheckpoint)?;
        let obeyed = self.wish(row.job, command, by.into(), None).await?;
        checkpoint_view(&obeyed.view.job, id)
    }
}
