//! `call: evaluate`: what is judged, by which rules and by whom.

use std::collections::HashSet;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::checkpoint_words::ASSIGNEE_DEFAULT;
use crate::dsl::definition::{DurationSpec, EvaluateCall, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::dsl::schema::Schema;
use crate::dsl::tasks::checkpoint::{assignees, on_expiry};
use crate::expr::{Expression, Scope, Template, strict};
use crate::model::checkpoint::OnExpiry;
use crate::model::evaluation::{JudgeMode, OnUnavailable};
use crate::model::limits::{CHECKPOINT_EXPIRY, NAME_BYTES_MAX, RULES_MAX, VOTES_MAX};

const OPTIONAL: [&str; 9] = [
    "result",
    "criteria",
    "rules",
    "judge",
    "votes",
    "onUnavailable",
    "assignees",
    "expiresAfter",
    "onExpiry",
];

/// A call that leaves everything to the job: its criteria and its rules.
pub(super) fn without_arguments(check: &mut Check<'_>) -> TaskKind {
    holds_unknown_rules(check);
    TaskKind::Evaluate(EvaluateCall {
        result: None,
        criteria: None,
        rules: None,
        judge: JudgeMode::Auto,
        votes: 1,
        on_unavailable: OnUnavailable::Human,
        assignees: vec![ASSIGNEE_DEFAULT.to_owned()],
        expires_after: DurationSpec::Fixed(CHECKPOINT_EXPIRY),
        on_expiry: OnExpiry::Reject,
    })
}

/// Rules are data, and may be costly: a decision that asks them belongs on the pool.
fn holds_unknown_rules(check: &mut Check<'_>) {
    check.is_cheap = false;
}

/// Reads `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let scope = &scopes.inside;
    let object = check.members(value, "`with` of evaluate", &[], &OPTIONAL)?;
    let before = check.defect_count();
    let TaskKind::Evaluate(mut call) = without_arguments(check) else { return None };
    call.result = check.member(object, "result", |check, value| check.template(value, scope));
    call.criteria = check
        .member(object, "criteria", |check, value| check.text_template(value, "`criteria`", scope));
    call.rules = check.member(object, "rules", |check, value| rules(check, value, scope));
    let judge = check.member(object, "judge", |check, value| {
        let words: Vec<&str> = JudgeMode::ALL.iter().map(|word| word.as_str()).collect();
        check.word(value, "`judge`", &words)?.parse().ok()
    });
    let on_unavailable = check.member(object, "onUnavailable", |check, value| {
        let words: Vec<&str> = OnUnavailable::ALL.iter().map(|word| word.as_str()).collect();
        check.word(value, "`onUnavailable`", &words)?.parse().ok()
    });
    let votes = check.member(object, "votes", votes);
    let assignees = check.member(object, "assignees", assignees);
    let expires_after =
        check.member(object, "expiresAfter", |check, value| check.duration(value, scope));
    let on_expiry = check.member(object, "onExpiry", on_expiry);
    call.judge = judge.unwrap_or(call.judge);
    call.on_unavailable = on_unavailable.unwrap_or(call.on_unavailable);
    call.votes = votes.unwrap_or(call.votes);
    call.assignees = assignees.unwrap_or(call.assignees);
    call.expires_after = expires_after.unwrap_or(call.expires_after);
    call.on_expiry = on_expiry.unwrap_or(call.on_expiry);
    (before == check.defect_count()).then_some(TaskKind::Evaluate(call))
}

fn votes<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<u32> {
    let votes = check.count(value, "`votes`")?;
    match u32::try_from(votes) {
        Ok(votes) if (1..=VOTES_MAX).contains(&votes) && votes % 2 == 1 => Some(votes),
        _ => {
            check.defect_with(
                format!("`votes` must be an odd number from 1 to {VOTES_MAX}"),
                "an even number of opinions can be a draw",
            );
            None
        }
    }
}

/// A list of rules, or an expression that gives one. What stands in the document is compiled here,
/// so that its author hears of a defect before a job does.
fn rules<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Template> {
    if value.as_str().is_some_and(|text| strict(text).is_some()) {
        return check.template(value, scope);
    }
    let list = check.list(value, "`rules`")?;
    if list.len() > RULES_MAX {
        check.defect(format!("an evaluation has {RULES_MAX} rules at most"), None);
    }
    let mut names = HashSet::new();
    for (index, value) in list.iter().enumerate() {
        check.at(&index.to_string(), |check| {
            let Some(object) =
                check.members(value, "a rule", &["name"], &["when", "schema", "message"])
            else {
                return;
            };
            rule(check, object, &mut names);
        });
    }
    // The rules are data: an expression in one is a condition on the result, not on the task.
    Some(Template::Literal(std::sync::Arc::new(value.clone())))
}

fn rule<'d>(check: &mut Check<'d>, object: &'d Object, names: &mut HashSet<&'d str>) {
    check.member(object, "name", |check, value| {
        let name = check.text(value, "`name`")?;
        if name.len() > NAME_BYTES_MAX {
            check.defect(format!("a name has {NAME_BYTES_MAX} bytes at most"), None);
        }
        if !names.insert(name) {
            check.defect(format!("there are two rules `{name}`"), None);
        }
        Some(())
    });
    check.member(object, "message", |check, value| check.text(value, "`message`").map(|_| ()));
    match (object.contains_key("when"), object.contains_key("schema")) {
        (true, true) => check.defect("a rule has a condition or a schema, not both", None),
        (false, false) => {
            check.defect_with("the rule says nothing", "give it `when` or `schema`");
        }
        _ => {}
    }
    check.member(object, "when", |check, value| {
        let text = check.text(value, "`when`")?;
        let source = strict(text).unwrap_or(text);
        if let Err(defect) = Expression::compile(source, &Scope::default()) {
            check.defect(defect.message, defect.hint);
        }
        Some(())
    });
    check.member(object, "schema", |check, value| {
        for violation in Schema::compile(value).err().into_iter().flatten() {
            check.below(&violation.pointer, |check| check.defect(violation.message, None));
        }
        Some(())
    });
}
