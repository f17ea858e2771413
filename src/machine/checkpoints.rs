//! Checkpoints: opened with a frozen, hashed content; decided once, by a person; expired by the
//! clock.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::canonical_hash;
use crate::dsl::definition::CheckpointCall;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::checkpoint::{
    Checkpoint, CheckpointStatus, Decision, OnExpiry, Purpose, Verdict,
};
use crate::model::command::DecideCheckpoint;
use crate::model::event::{Data, Event};
use crate::model::id::{CheckpointId, FrameId};
use crate::model::job::FrameState;
use crate::model::limits::TEXT_BYTES_MAX;
use crate::model::problem::{Kind, Problem};
use crate::model::refusal::Refusal;
use crate::model::time::Span;

/// A checkpoint to be opened.
pub(super) struct Opening {
    pub frame: FrameId,
    pub purpose: Purpose,
    /// Keeps several checkpoints of one frame apart.
    pub round: u32,
    pub title: String,
    pub summary: Option<String>,
    pub shown: Data,
    pub assignees: Vec<String>,
    pub expiry: Option<Span>,
    pub on_expiry: OnExpiry,
}

impl Scratch<'_> {
    pub(super) fn open_checkpoint(
        &mut self,
        id: FrameId,
        call: &CheckpointCall,
        input: &Data,
    ) -> Raised<()> {
        let arguments = self.arguments(id, &[]);
        let title = self.render_text(&call.title, input, arguments)?;
        let summary = match &call.summary {
            Some(summary) => Some(self.render_text(summary, input, arguments)?),
            None => None,
        };
        let shown = match &call.show {
            Some(show) => self.render(show, input, arguments)?,
            None => input.clone(),
        };
        weight::check(&shown, "what the checkpoint shows")?;
        let expiry = self.span(&call.expires_after, input, arguments)?;
        let purpose = if call.blocking { Purpose::Gate } else { Purpose::Review };
        let checkpoint = self.open(Opening {
            frame: id,
            purpose,
            round: 0,
            title,
            summary,
            shown: shown.clone(),
            assignees: call.assignees.clone(),
            expiry: Some(expiry),
            on_expiry: call.on_expiry,
        });
        if call.blocking {
            return Ok(());
        }
        let output = json!({
            "decision": "review", "checkpoint": checkpoint, "by": null, "at": null,
            "comment": null, "input": null, "value": *shown,
        });
        self.complete(id, Arc::new(output))
    }

    pub(super) fn open(&mut self, opening: Opening) -> CheckpointId {
        let run = self.job.run_number;
        let parts = [
            self.job.id.to_string(),
            run.to_string(),
            opening.frame.to_string(),
            opening.round.to_string(),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let id = CheckpointId::derived(&parts);
        let reference =
            self.frame(opening.frame).map_or_else(|| Arc::from(""), |f| f.reference.clone());
        let checkpoint = Checkpoint {
            id,
            run,
            frame: opening.frame,
            reference,
            purpose: opening.purpose,
            title: opening.title,
            summary: opening.summary,
            digest: canonical_hash(&opening.shown),
            shown: opening.shown,
            assignees: opening.assignees,
            opened_at: self.now(),
            expiry: opening.expiry,
            expires_at: opening.expiry.map(|expiry| self.now().after(expiry)),
            on_expiry: opening.on_expiry,
            escalated: false,
            status: CheckpointStatus::Pending,
            closed_at: None,
            decision: None,
        };
        let checkpoint = Arc::new(checkpoint);
        self.emit(Event::CheckpointOpened { frame: opening.frame, checkpoint });
        id
    }

    pub(super) fn decide_checkpoint(&mut self, wish: &DecideCheckpoint) -> Result<(), Refusal> {
        let row = self.job.checkpoints.get(&wish.checkpoint);
        let row = row.ok_or(Refusal::NoSuchCheckpoint)?.clone();
        if let Some(given) = wish.digest.filter(|given| *given != row.digest) {
            return Err(Refusal::WrongDigest { given, shown: row.digest });
        }
        if row.status != CheckpointStatus::Pending {
            return match &row.decision {
                Some(first) if first.verdict == wish.verdict => Ok(()),
                first => Err(Refusal::AlreadyDecided {
                    first: row.status,
                    by: first.as_ref().map(|first| first.by.to_string()),
                    verdict: wish.verdict,
                }),
            };
        }
        self.check_decision(wish, &row)?;
        let decision = Decision {
            verdict: wish.verdict,
            by: self.setting.by.clone(),
            at: self.now(),
            comment: wish.comment.clone(),
            input: wish.input.clone(),
        };
        self.emit(Event::Decided { checkpoint: wish.checkpoint, decision });
        Ok(())
    }

    fn check_decision(&self, wish: &DecideCheckpoint, row: &Checkpoint) -> Result<(), Refusal> {
        let bad = |member, message: String| Err(Refusal::BadDecision { member, message });
        if wish.comment.as_ref().is_some_and(|comment| comment.len() > TEXT_BYTES_MAX) {
            return bad("comment", format!("is longer than {TEXT_BYTES_MAX} bytes"));
        }
        let said = wish.input.as_ref().and_then(|input| input.get("outcome"));
        if row.purpose == Purpose::InDoubt && wish.verdict == Verdict::Approve {
            // A plain yes says neither that it happened nor that it may be made twice.
            match said.and_then(Value::as_str) {
                Some("happened" | "retry") => {}
                _ => return bad("input", "outcome must be \"happened\" or \"retry\"".to_owned()),
            }
        }
        Ok(())
    }

    /// The checkpoint that a frame waited for is closed: its verdict is the task's outcome.
    pub(super) fn after_decision(&mut self, id: FrameId) -> Raised<()> {
        let Some(FrameState::Decision { checkpoint }) = self.frame(id).map(|f| f.state.clone())
        else {
            return Ok(());
        };
        let Some(row) = self.job.checkpoints.get(&checkpoint).cloned() else {
            return Err(Problem::new(Kind::Runtime, "the checkpoint is gone"));
        };
        if row.purpose == Purpose::Evaluation {
            return self.after_person(id, &row);
        }
        let Some(decision) = &row.decision else { return self.after_expiry(id, &row) };
        let by = decision.by.to_string();
        let comment = decision.comment.clone();
        match decision.verdict {
            Verdict::Approve => {
                let output = json!({
                    "decision": "approve",
                    "by": by,
                    "at": decision.at.to_rfc3339(),
                    "comment": comment,
                    "input": decision.input.as_deref().cloned(),
                    "value": *row.shown,
                });
                self.complete(id, Arc::new(output))
            }
            Verdict::Reject => {
                let reason = comment.unwrap_or_else(|| "no reason was given".to_owned());
                Err(Problem::new(Kind::Rejected, format!("{by} rejected it: {reason}")))
            }
            Verdict::SendBack => {
                let comment = comment.unwrap_or_else(|| "no comment was given".to_owned());
                Err(Problem::new(Kind::SentBack, comment))
            }
        }
    }

    fn after_expiry(&mut self, id: FrameId, row: &Checkpoint) -> Raised<()> {
        match row.on_expiry {
            OnExpiry::Approve => {
                let output = json!({
                    "decision": "approve", "by": null,
                    "at": row.closed_at.map(|at| at.to_rfc3339()),
                    "comment": "approved because nobody decided in time", "input": null,
                    "value": *row.shown,
                });
                self.complete(id, Arc::new(output))
            }
            _ => Err(Self::problem_of_expiry(row)),
        }
    }

    /// The error of a checkpoint at which nobody decided in time.
    pub(super) fn problem_of_expiry(row: &Checkpoint) -> Problem {
        let detail = format!("nobody decided at the checkpoint {:?} in time", row.title);
        match row.on_expiry {
            OnExpiry::Fault => Problem::new(Kind::Timeout, detail),
            _ => Problem::new(Kind::Expired, detail),
        }
    }

    /// Closes, or asks others about, every checkpoint whose time is over.
    pub(super) fn expire_checkpoints(&mut self) {
        let now = self.now();
        let over: Vec<Arc<Checkpoint>> = self
            .job
            .checkpoints
            .values()
            .filter(|row| row.status == CheckpointStatus::Pending)
            .filter(|row| row.expires_at.is_some_and(|at| at <= now))
            .cloned()
            .collect();
        for row in over {
            let checkpoint = row.id;
            if row.on_expiry == OnExpiry::Escalate && !row.escalated {
                let mut assignees = row.assignees.clone();
                if !assignees.iter().any(|assignee| assignee == "admin") {
                    assignees.push("admin".to_owned());
                }
                let expires_at = row.expiry.map(|expiry| now.after(expiry));
                self.emit(Event::Escalated { checkpoint, assignees, expires_at });
            } else {
                self.emit(Event::Expired { checkpoint, action: row.on_expiry });
            }
        }
    }
}
