//! What a closed checkpoint means to the task that waited for it: its output, or its error.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::machine::checkpoints::opening::files;
use crate::machine::scratch::{Raised, Scratch};
use crate::model::checkpoint::{Checkpoint, Decision, OnExpiry, Purpose, Verdict};
use crate::model::id::FrameId;
use crate::model::job::FrameState;
use crate::model::problem::{Kind, Problem};

impl Scratch<'_> {
    /// The checkpoint that a frame waited for is closed: its verdict is the task's outcome.
    pub(in crate::machine) fn after_decision(&mut self, id: FrameId) -> Raised<()> {
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
            Verdict::Approve => self.complete(id, Arc::new(approved(&row, decision))),
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
    pub(in crate::machine) fn problem_of_expiry(row: &Checkpoint) -> Problem {
        let detail = format!("nobody decided at the checkpoint {:?} in time", row.title);
        match row.on_expiry {
            OnExpiry::Fault => Problem::new(Kind::Timeout, detail),
            _ => Problem::new(Kind::Expired, detail),
        }
    }
}

/// The output of a task that was approved like this.
pub fn approved(row: &Checkpoint, decision: &Decision) -> Value {
    let mut output = json!({
        "decision": "approve",
        "by": decision.by.to_string(),
        "at": decision.at.to_rfc3339(),
        "comment": decision.comment,
        "input": decision.input.as_deref().cloned(),
        "value": *row.shown,
    });
    let Some(members) = output.as_object_mut() else { return output };
    if let Some(approved) = &decision.files {
        let (value, left_out) = chosen(&row.shown, approved);
        members.insert("value".to_owned(), value);
        members.insert("notApproved".to_owned(), json!(left_out));
    }
    if row.policy.quorum > 1 {
        let all = row.votes.iter().chain([decision]);
        let votes = all.map(|vote| {
            json!({
                "by": vote.by.to_string(),
                "at": vote.at.to_rfc3339(),
                "comment": vote.comment,
                "input": vote.input.as_deref().cloned(),
            })
        });
        members.insert("approvals".to_owned(), Value::Array(votes.collect()));
    }
    output
}

/// What is shown with the approved files only, and the paths of the others.
fn chosen(shown: &Value, approved: &[String]) -> (Value, Vec<String>) {
    let is_approved = |path: &str| approved.iter().any(|known| known == path);
    let all = files(shown).unwrap_or_default();
    let left_out = all.iter().filter(|(path, _)| !is_approved(path));
    let left_out = left_out.map(|(path, _)| (*path).to_owned()).collect();
    let kept = all.iter().filter(|(path, _)| is_approved(path)).map(|(_, file)| (*file).clone());
    let kept: Vec<Value> = kept.collect();
    let mut value = shown.clone();
    if let Some(list) = value.get_mut("files") {
        *list = Value::Array(kept);
    }
    (value, left_out)
}
