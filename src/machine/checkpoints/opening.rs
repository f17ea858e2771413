//! A checkpoint opens: what is asked and shown is rendered once and frozen, and so is who decides
//! and how. What the document's expressions give is checked here, as constants are at registration.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::canonical_hash;
use crate::dsl::checkpoint_words;
use crate::dsl::definition::{CheckpointCall, DurationSpec};
use crate::dsl::schema::Schema;
use crate::expr::Template;
use crate::machine::evaluate::Arguments;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus, OnExpiry, Policy, Purpose};
use crate::model::event::{Data, Event};
use crate::model::id::{CheckpointId, FrameId};
use crate::model::problem::{Kind, Problem};
use crate::model::time::Span;

/// A checkpoint to be opened.
pub(in crate::machine) struct Opening {
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
    pub policy: Policy,
}

/// What the expressions of a call are evaluated on.
#[derive(Clone, Copy)]
struct On<'a> {
    input: &'a Data,
    arguments: Arguments<'a>,
}

impl Scratch<'_> {
    pub(in crate::machine) fn open_checkpoint(
        &mut self,
        id: FrameId,
        call: &CheckpointCall,
        input: &Data,
    ) -> Raised<()> {
        let arguments = self.arguments(id, &[]);
        let on = On { input, arguments };
        let title = self.render_text(&call.title, input, arguments)?;
        let summary = match &call.summary {
            // An expression that finds nothing means the same as leaving it out.
            Some(summary) => match &*self.render(summary, input, arguments)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
            None => None,
        };
        let shown = match &call.show {
            Some(show) => self.render(show, input, arguments)?,
            None => input.clone(),
        };
        weight::check(&shown, "what the checkpoint shows")?;
        let expiry = self.span(&call.expires_after, input, arguments)?;
        let purpose = if call.blocking { Purpose::Gate } else { Purpose::Review };
        let assignees = self.assignees(call, on)?;
        let policy = self.policy(call, on)?;
        let checkpoint = self.open(Opening {
            frame: id,
            purpose,
            round: 0,
            title,
            summary,
            shown: shown.clone(),
            assignees,
            expiry: Some(expiry),
            on_expiry: self.on_expiry(call, on)?,
            policy,
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

    fn assignees(&self, call: &CheckpointCall, on: On<'_>) -> Raised<Vec<String>> {
        let value = self.render(&call.assignees, on.input, on.arguments)?;
        checkpoint_words::assignees(&value).map_err(|wrong| given("assignees", &wrong))
    }

    fn on_expiry(&self, call: &CheckpointCall, on: On<'_>) -> Raised<OnExpiry> {
        let Some(expression) = &call.on_expiry_by else { return Ok(call.on_expiry) };
        let value = self.evaluate(expression, on.input, on.arguments)?;
        checkpoint_words::on_expiry(&value).map_err(|wrong| given("onExpiry", &wrong))
    }

    fn policy(&self, call: &CheckpointCall, on: On<'_>) -> Raised<Policy> {
        let of = |template: &Template| self.render(template, on.input, on.arguments);
        let quorum = checkpoint_words::quorum(&*of(&call.quorum)?);
        let quorum = quorum.map_err(|wrong| given("quorum", &wrong))?;
        let four_eyes = checkpoint_words::flag(&*of(&call.four_eyes)?);
        let four_eyes = four_eyes.map_err(|wrong| given("fourEyes", &wrong))?;
        let editable = checkpoint_words::pointers(&*of(&call.editable)?);
        let editable = editable.map_err(|wrong| given("editable", &wrong))?;
        let reworks = checkpoint_words::reworks(&*of(&call.reworks)?);
        let reworks = reworks.map_err(|wrong| given("reworks", &wrong))?;
        let link_confirm = checkpoint_words::flag(&*of(&call.link_confirm)?);
        let link_confirm = link_confirm.map_err(|wrong| given("linkConfirm", &wrong))?;
        let escalate_to = checkpoint_words::chain(&*of(&call.escalate_to)?);
        let escalate_to = escalate_to.map_err(|wrong| given("escalateTo", &wrong))?;
        let span = |duration: &Option<DurationSpec>| self.optional_span(duration.as_ref(), on);
        let mut excluded = checkpoint_words::excluded(&*of(&call.exclude)?)
            .map_err(|wrong| given("exclude", &wrong))?;
        if four_eyes {
            excluded.extend(self.own_people());
        }
        Ok(Policy {
            quorum,
            four_eyes,
            excluded,
            form: self.form(call, on)?,
            editable,
            reworks,
            link_confirm,
            remind_after: span(&call.remind_after)?,
            escalate_after: span(&call.escalate_after)?,
            escalate_to,
        })
    }

    /// A duration; none when its expression finds nothing.
    fn optional_span(&self, duration: Option<&DurationSpec>, on: On<'_>) -> Raised<Option<Span>> {
        match duration {
            None => Ok(None),
            Some(DurationSpec::Expression(expression))
                if self.evaluate(expression, on.input, on.arguments)?.is_null() =>
            {
                Ok(None)
            }
            Some(duration) => self.span(duration, on.input, on.arguments).map(Some),
        }
    }

    fn form(&self, call: &CheckpointCall, on: On<'_>) -> Raised<Option<Data>> {
        let Some(form) = &call.form else { return Ok(None) };
        let schema = self.render(form, on.input, on.arguments)?;
        if schema.is_null() {
            return Ok(None);
        }
        match Schema::compile(&schema) {
            Ok(_) => Ok(Some(schema)),
            Err(violations) => {
                let first = violations.first().map_or("no schema", |first| &first.message);
                Err(given("form", first))
            }
        }
    }

    /// The owner of the job and who requested it.
    fn own_people(&self) -> Vec<String> {
        let mut people = vec![self.job.spec.owner.clone()];
        people.extend(self.job.spec.requested_by.clone().filter(|by| *by != self.job.spec.owner));
        people
    }

    pub(in crate::machine) fn open(&mut self, opening: Opening) -> CheckpointId {
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
        let now = self.now();
        let policy = opening.policy;
        let checkpoint = Checkpoint {
            id,
            run,
            frame: opening.frame,
            purpose: opening.purpose,
            title: opening.title,
            summary: opening.summary,
            digest: canonical_hash(&opening.shown),
            shown: opening.shown,
            assignees: opening.assignees,
            opened_at: now,
            expiry: opening.expiry,
            expires_at: opening.expiry.map(|expiry| now.after(expiry)),
            on_expiry: opening.on_expiry,
            escalated: false,
            status: CheckpointStatus::Pending,
            closed_at: None,
            decision: None,
            round: self.rounds(&reference),
            reference,
            votes: Vec::new(),
            claim: None,
            delegations: Vec::new(),
            comments: Vec::new(),
            edits: Vec::new(),
            remind_at: policy.remind_after.map(|after| now.after(after)),
            escalate_at: first_escalation(&policy).map(|after| now.after(after)),
            escalations: 0,
            generation: 0,
            policy,
        };
        let checkpoint = Arc::new(checkpoint);
        self.emit(Event::CheckpointOpened { frame: opening.frame, checkpoint });
        id
    }

    /// How often the task was sent back in this run.
    fn rounds(&self, reference: &str) -> u32 {
        let sent_back = self.job.checkpoints.values().filter(|row| {
            row.status == CheckpointStatus::SentBack
                && row.run == self.job.run_number
                && &*row.reference == reference
        });
        u32::try_from(sent_back.count()).unwrap_or(u32::MAX)
    }
}

/// How long until the first of the chain is asked too, if there is one.
pub(super) fn first_escalation(policy: &Policy) -> Option<Span> {
    policy.escalate_after.filter(|_| !policy.escalate_to.is_empty())
}

fn given(member: &str, wrong: &str) -> Problem {
    Problem::new(Kind::Expression, format!("`{member}` of the checkpoint: {wrong}"))
}

/// The members of what is shown that are files: path and entry.
pub(super) fn files(shown: &Value) -> Option<Vec<(&str, &Value)>> {
    let files = shown.get("files")?.as_array()?;
    let named = |file| Some((Value::get(file, "path")?.as_str()?, file));
    Some(files.iter().filter_map(named).collect())
}
