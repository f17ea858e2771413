//! Which checkpoints a rule approves. An expression that fails says no: what is not certain goes to
//! a person.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::engine::rules::rule::Rule;
use crate::expr::{Expression, Scope, Variables, strict};
use crate::model::checkpoint::{Checkpoint, Purpose};
use crate::model::job::Job;
use crate::model::principal::Principal;

/// A rule with its condition compiled.
pub(crate) struct Compiled {
    /// The rule.
    pub rule: Rule,
    when: Expression,
}

/// The condition in a text; the reason when it is none.
pub(super) fn compile(when: &str) -> Result<Expression, String> {
    let source = strict(when).unwrap_or(when);
    Expression::compile(source, &Scope::default()).map_err(|defect| {
        let hint = defect.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}{hint}", defect.message)
    })
}

impl Compiled {
    /// The rule with its condition compiled; the reason when it is none.
    pub fn new(rule: Rule) -> Result<Self, String> {
        let when = compile(&rule.says.when)?;
        Ok(Self { rule, when })
    }

    /// Is the checkpoint one that the rule is about, whatever it shows? Decided ones count too: a
    /// trial asks about those.
    pub fn is_about(&self, job: &Job, checkpoint: &Checkpoint) -> bool {
        let says = &self.rule.says;
        says.job_type == job.spec.job_type
            && says.owner.as_ref().is_none_or(|owner| *owner == job.spec.owner)
            && says.reference.as_deref().is_none_or(|place| *place == *checkpoint.reference)
    }

    /// Does the condition hold? Blocks for as long as an expression may take.
    pub fn holds(&self, job: &Job, checkpoint: &Checkpoint) -> Result<bool, String> {
        let asked = subject(job, checkpoint);
        self.when.is_true(&asked, &Variables::default()).map_err(|error| error.to_string())
    }

    /// Does this checkpoint go to a person nevertheless? By a hash of rule and checkpoint, so that
    /// the answer is the same after every restart and for every version of the rule.
    pub fn samples(&self, checkpoint: &Checkpoint) -> bool {
        let mut hasher = Sha256::new();
        for part in [self.rule.id.as_bytes(), checkpoint.id.0.as_bytes()] {
            hasher.update(part);
        }
        let hash: [u8; 32] = hasher.finalize().into();
        let [a, b, c, d, ..] = hash;
        u32::from_be_bytes([a, b, c, d]) % 100 < u32::from(self.rule.says.sample_percent)
    }
}

/// What conditions are asked about: `{job, shown, title}`.
fn subject(job: &Job, checkpoint: &Checkpoint) -> Value {
    json!({
        "job": {
            "id": job.id,
            "type": job.spec.job_type,
            "name": job.spec.name,
            "description": job.spec.description,
            "owner": job.spec.owner,
            "agent": job.agent,
            "labels": job.spec.labels,
            "priority": job.spec.priority,
            "input": *job.spec.input,
        },
        "shown": *checkpoint.shown,
        "title": checkpoint.title,
    })
}

/// Has a person begun to look at it? Then no rule is asked any more.
fn is_touched(checkpoint: &Checkpoint) -> bool {
    let is_remarked = checkpoint.comments.iter().any(|it| matches!(it.by, Principal::Person(_)));
    checkpoint.claim.is_some()
        || is_remarked
        || !checkpoint.votes.is_empty()
        || !checkpoint.edits.is_empty()
        || !checkpoint.delegations.is_empty()
}

/// May any rule decide here? What asks for more than one ordinary yes is for people.
pub(super) fn is_for_rules(checkpoint: &Checkpoint) -> bool {
    let policy = &checkpoint.policy;
    let is_plain = policy.quorum <= 1 && !policy.four_eyes && policy.form.is_none();
    is_plain && matches!(checkpoint.purpose, Purpose::Gate | Purpose::Review)
}

/// The open checkpoints of a job that rules may decide at.
pub(super) fn open(job: &Job) -> Vec<Arc<Checkpoint>> {
    let rows = job.checkpoints.values();
    let open = rows.filter(|row| row.is_pending() && is_for_rules(row) && !is_touched(row));
    open.cloned().collect()
}
