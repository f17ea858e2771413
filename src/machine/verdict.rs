//! Is a result good enough? The rules first; then the judge, if there is one to ask; then a person.
//! A judge that cannot be reached is neither a yes nor a no.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::definition::{EvaluateCall, TaskKind};
use crate::machine::checkpoints::Opening;
use crate::machine::rules;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::checkpoint::{Checkpoint, OnExpiry, Policy, Purpose, Verdict};
use crate::model::evaluation::{Evaluation, JudgeMode, Judgement, OnUnavailable, RuleResult};
use crate::model::event::{Data, Event};
use crate::model::id::FrameId;
use crate::model::job::Evaluating;
use crate::model::limits::FEEDBACK_BYTES_MAX;
use crate::model::principal::Principal;
use crate::model::problem::{Kind, Problem};

/// The function that judges.
pub(super) const EVALUATE: &str = "evaluate";

/// Who is asked after the rules.
enum Next {
    Nobody,
    Judge,
    Person,
}

impl Scratch<'_> {
    pub(super) fn evaluate_result(
        &mut self,
        id: FrameId,
        call: &EvaluateCall,
        input: &Data,
    ) -> Raised<()> {
        let arguments = self.arguments(id, &[]);
        let result = match &call.result {
            Some(template) => Some(self.render(template, input, arguments)?),
            None => None,
        };
        let criteria = match &call.criteria {
            Some(template) => self.render_text(template, input, arguments)?,
            None => self.job.spec.acceptance_criteria.clone(),
        };
        let rules = match &call.rules {
            Some(template) => self.render(template, input, arguments)?,
            None => self.job.spec.acceptance_rules.clone(),
        };
        let rules = rules::ask(&rules, result.as_ref().unwrap_or(input))?;
        let next = self.next_after(call.judge, &criteria, &rules);
        let are_met = rules.iter().all(|rule| rule.passed);
        self.emit(Event::RulesChecked { frame: id, result, criteria, rules });
        match next {
            Next::Nobody => {
                let reason = if are_met { Some("all rules are met") } else { None };
                self.conclude_by(id, are_met, reason, None, None)
            }
            Next::Judge => self.ask_judge(id, call),
            Next::Person => self.ask_person(id, call, None),
        }
    }

    fn next_after(&self, mode: JudgeMode, criteria: &str, rules: &[RuleResult]) -> Next {
        if rules.iter().any(|rule| !rule.passed) {
            return Next::Nobody;
        }
        let has_judge = self.setting.environment.has_judge;
        match mode {
            JudgeMode::Human => Next::Person,
            JudgeMode::Model => Next::Judge,
            JudgeMode::Auto if has_judge && (rules.is_empty() || !criteria.trim().is_empty()) => {
                Next::Judge
            }
            JudgeMode::Auto | JudgeMode::Rules if rules.is_empty() => Next::Person,
            JudgeMode::Auto | JudgeMode::Rules => Next::Nobody,
        }
    }

    fn ask_judge(&mut self, id: FrameId, call: &EvaluateCall) -> Raised<()> {
        if !self.setting.environment.has_judge {
            let problem = Problem::new(Kind::JudgeUnavailable, "no judge is configured");
            return self.without_judge(id, call, problem);
        }
        let Some(evaluating) = self.evaluating(id) else { return Ok(()) };
        let arguments = json!({
            "result": *evaluating.result,
            "criteria": evaluating.criteria,
            "votes": call.votes,
            "task": { "name": self.job.spec.name, "description": self.job.spec.description },
        });
        weight::check(&arguments, "what the judge is asked")?;
        self.start_call(id, EVALUATE, Arc::new(arguments));
        Ok(())
    }

    /// The judge answered; what is no judgement is no answer.
    pub(super) fn after_judgement(&mut self, id: FrameId) -> Raised<()> {
        let output = self.frame(id).and_then(|frame| frame.output.clone()).unwrap_or_default();
        match serde_json::from_value::<Judgement>((*output).clone()) {
            Ok(judge) => {
                let (is_valid, reason) = (judge.is_valid, judge.reason.clone());
                let silent = reason.trim().is_empty();
                let reason = if silent { "the judge gave no reason" } else { &reason };
                self.conclude_by(id, is_valid, Some(reason), Some(judge), None)
            }
            Err(error) => {
                let detail = format!("the judge's answer is no judgement: {error}");
                self.after_judge_failed(id, Problem::new(Kind::JudgeUnavailable, detail))
            }
        }
    }

    /// The judge did not answer.
    pub(super) fn after_judge_failed(&mut self, id: FrameId, problem: Problem) -> Raised<()> {
        match &self.task(id)?.1.kind {
            TaskKind::Evaluate(call) => self.without_judge(id, call, problem),
            _ => Err(problem),
        }
    }

    fn without_judge(&mut self, id: FrameId, call: &EvaluateCall, problem: Problem) -> Raised<()> {
        match call.on_unavailable {
            OnUnavailable::Human => self.ask_person(id, call, Some(&problem)),
            OnUnavailable::Fault => Err(problem),
        }
    }

    fn ask_person(
        &mut self,
        id: FrameId,
        call: &EvaluateCall,
        problem: Option<&Problem>,
    ) -> Raised<()> {
        let Some(evaluating) = self.evaluating(id) else { return Ok(()) };
        let spec = &self.job.spec;
        let mut shown = json!({
            "task": { "name": spec.name, "description": spec.description },
            "criteria": evaluating.criteria,
            "result": *evaluating.result,
            "rules": evaluating.rules,
        });
        if let (Some(problem), Some(shown)) = (problem, shown.as_object_mut()) {
            shown.insert("judge".to_owned(), json!({ "unavailable": problem.detail }));
        }
        weight::check(&shown, "what the checkpoint shows")?;
        let input = self.frame(id).map(|frame| frame.input.clone()).unwrap_or_default();
        let expiry = self.span(&call.expires_after, &input, self.arguments(id, &[]))?;
        let title = format!("Is the result of {:?} good enough?", self.job.spec.name);
        let summary = problem.map(|problem| {
            let why = problem.detail.as_deref().unwrap_or("no reason was given");
            format!("The judge cannot be reached ({why}), so a person decides.")
        });
        self.open(Opening {
            frame: id,
            purpose: Purpose::Evaluation,
            round: 0,
            title,
            summary,
            shown: Arc::new(shown),
            assignees: call.assignees.clone(),
            expiry: Some(expiry),
            on_expiry: call.on_expiry,
            policy: Policy::default(),
        });
        Ok(())
    }

    /// A person said whether the result is good enough, or let the time pass.
    pub(super) fn after_person(&mut self, id: FrameId, row: &Checkpoint) -> Raised<()> {
        let Some(decision) = &row.decision else {
            return match row.on_expiry {
                OnExpiry::Approve => {
                    let reason = "it counts as good enough because nobody decided in time";
                    self.conclude_by(id, true, Some(reason), None, None)
                }
                _ => Err(Self::problem_of_expiry(row)),
            };
        };
        let is_valid = decision.verdict == Verdict::Approve;
        let comment = decision.comment.as_deref().filter(|comment| !comment.trim().is_empty());
        let otherwise = if is_valid { "approved" } else { "a person said no and gave no reason" };
        let reason = comment.unwrap_or(otherwise);
        self.conclude_by(id, is_valid, Some(reason), None, Some(decision.by.clone()))
    }

    fn evaluating(&self, id: FrameId) -> Option<Evaluating> {
        self.frame(id).and_then(|frame| frame.evaluating.clone())
    }

    /// There is a verdict. Without a reason of its own it has that of the rules.
    fn conclude_by(
        &mut self,
        id: FrameId,
        is_valid: bool,
        reason: Option<&str>,
        judge: Option<Judgement>,
        by: Option<Principal>,
    ) -> Raised<()> {
        let rules = self.evaluating(id).map(|evaluating| evaluating.rules).unwrap_or_default();
        let mut evaluation = Evaluation { is_valid, reason: String::new(), rules, judge, by };
        let mut reason = reason.map_or_else(|| evaluation.reasons().join("; "), str::to_owned);
        // It is in the row of the job, which lists show.
        reason.truncate(reason.floor_char_boundary(FEEDBACK_BYTES_MAX));
        evaluation.reason = reason;
        let mut output = serde_json::to_value(&evaluation).unwrap_or(Value::Null);
        if let (Some(by), Some(output)) = (&evaluation.by, output.as_object_mut()) {
            // As a checkpoint names who decided.
            output.insert("by".to_owned(), Value::from(by.to_string()));
        }
        let problem = Problem::new(Kind::Unsatisfactory, evaluation.reason.clone());
        self.emit(Event::Evaluated { frame: id, evaluation: Arc::new(evaluation) });
        match is_valid {
            true => self.complete(id, Arc::new(output)),
            false => Err(problem),
        }
    }
}
