//! `call: agent`: which agent does the work, with what, and for how long.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::{AgentCall, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::expr::{Scope, Template, strict};

/// A call that leaves everything to the job: its agent, its inputs, its feedback.
pub(super) fn without_arguments(check: &mut Check<'_>) -> TaskKind {
    needs_assignment(check);
    TaskKind::Agent(AgentCall { agent: None, input: None, feedback: None, timeout: None })
}

/// A call that names no agent is of the job's: then no job may begin without one.
fn needs_assignment(check: &mut Check<'_>) {
    let assignment = check.document.pointer("/document/metadata/holdpoint/assignment");
    if assignment.and_then(Value::as_str) != Some("required") {
        check.defect_with(
            "the call names no agent, and a job may begin without one",
            "write `with.agent`, or `document.metadata.holdpoint.assignment: required`",
        );
    }
}

/// Reads `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let scope = &scopes.inside;
    let optional = ["agent", "input", "feedback", "timeout"];
    let object = check.members(value, "`with` of an agent", &[], &optional)?;
    let before = check.defect_count();
    if !object.contains_key("agent") {
        needs_assignment(check);
    }
    let call = AgentCall {
        agent: check
            .member(object, "agent", |check, value| check.text_template(value, "`agent`", scope)),
        input: check.member(object, "input", |check, value| check.template(value, scope)),
        feedback: check.member(object, "feedback", |check, value| feedback(check, value, scope)),
        timeout: check.member(object, "timeout", |check, value| check.duration(value, scope)),
    };
    (before == check.defect_count()).then_some(TaskKind::Agent(call))
}

/// Texts, or an expression that gives them.
fn feedback<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Template> {
    let is_expression = value.as_str().is_some_and(|text| strict(text).is_some());
    if !is_expression {
        for (index, text) in check.list(value, "`feedback`")?.iter().enumerate() {
            check.at(&index.to_string(), |check| check.text(text, "a reason"));
        }
    }
    check.template(value, scope)
}
