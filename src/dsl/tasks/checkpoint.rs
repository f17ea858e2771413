//! `call: checkpoint`: what people are asked, who of them may decide and how, and what happens when
//! nobody does. Constants are checked here, as what expressions give is when the checkpoint opens.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::check::{Check, Object};
use crate::dsl::checkpoint_words::{self as words, ASSIGNEE_DEFAULT, Read};
use crate::dsl::definition::{CheckpointCall, DurationSpec, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::dsl::schema::Schema;
use crate::expr::{Expression, Scope, Template, strict};
use crate::model::checkpoint::OnExpiry;
use crate::model::limits::CHECKPOINT_EXPIRY;
use crate::model::voter::ADMIN;

const OPTIONAL: [&str; 16] = [
    "summary",
    "show",
    "blocking",
    "expiresAfter",
    "onExpiry",
    "assignees",
    "quorum",
    "fourEyes",
    "form",
    "editable",
    "reworks",
    "exclude",
    "linkConfirm",
    "remindAfter",
    "escalateAfter",
    "escalateTo",
];

/// Reads `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let scope = &scopes.inside;
    let object = check.members(value, "`with` of a checkpoint", &["title"], &OPTIONAL)?;
    let text = |check: &mut Check<'d>, name: &str| {
        let what = format!("`{name}`");
        check.member(object, name, |check, value| check.text_template(value, &what, scope))
    };
    let title = text(check, "title");
    let summary = text(check, "summary");
    let show = check.member(object, "show", |check, value| check.template(value, scope));
    let blocking =
        check.member(object, "blocking", |check, value| check.boolean(value, "`blocking`"));
    let on_expiry_by = expression(check, object, "onExpiry", scope);
    let on_expiry = match &on_expiry_by {
        Some(_) => None,
        None => check.member(object, "onExpiry", on_expiry),
    };
    let expires_after = span(check, object, "expiresAfter", scope);
    let remind_after = span(check, object, "remindAfter", scope);
    let escalate_after = span(check, object, "escalateAfter", scope);
    let mut escalate_to = given(check, object, "escalateTo", scope, words::chain);
    check_escalation(check, object, &mut escalate_to);
    let expires_after = expires_after.unwrap_or(DurationSpec::Fixed(CHECKPOINT_EXPIRY));
    check_before(check, "remindAfter", remind_after.as_ref(), &expires_after);
    check_before(check, "escalateAfter", escalate_after.as_ref(), &expires_after);
    let call = CheckpointCall {
        assignees: people(check, object, scope),
        quorum: given(check, object, "quorum", scope, words::quorum),
        four_eyes: given(check, object, "fourEyes", scope, words::flag),
        form: form(check, object, scope),
        editable: given(check, object, "editable", scope, words::pointers),
        reworks: given(check, object, "reworks", scope, words::reworks),
        exclude: given(check, object, "exclude", scope, words::excluded),
        link_confirm: given(check, object, "linkConfirm", scope, words::flag),
        title: title?,
        summary,
        show,
        blocking: blocking.unwrap_or(true),
        expires_after,
        on_expiry: on_expiry.unwrap_or(OnExpiry::Reject),
        on_expiry_by,
        remind_after,
        escalate_after,
        escalate_to,
    };
    check_quorum(check, &call);
    Some(TaskKind::Checkpoint(Box::new(call)))
}

/// An expression in the place of a word.
fn expression<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    name: &str,
    scope: &Scope,
) -> Option<Expression> {
    let is_marked = object.get(name).and_then(Value::as_str).is_some_and(|it| strict(it).is_some());
    let what = format!("`{name}`");
    is_marked
        .then(|| check.member(object, name, |check, value| check.expression(value, &what, scope)))?
}

/// A duration, unless it is left out or null.
fn span<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    name: &str,
    scope: &Scope,
) -> Option<DurationSpec> {
    check.member(object, name, |check, value| match value {
        Value::Null => None,
        value => check.duration(value, scope),
    })
}

/// A member that may be an expression; null when it is left out. A constant is read at once.
fn given<'d, T>(
    check: &mut Check<'d>,
    object: &'d Object,
    name: &str,
    scope: &Scope,
    read: impl Fn(&Value) -> Read<T>,
) -> Template {
    let template = check.member(object, name, |check, value| {
        let template = check.template(value, scope)?;
        if let Template::Literal(value) = &template
            && let Err(wrong) = read(value)
        {
            check.defect(format!("`{name}`: {wrong}"), None);
        }
        Some(template)
    });
    template.unwrap_or_else(|| Template::Literal(Arc::new(Value::Null)))
}

/// `assignees`, in the document each with a defect of its own.
fn people<'d>(check: &mut Check<'d>, object: &'d Object, scope: &Scope) -> Template {
    let template = check.member(object, "assignees", |check, value| {
        let template = check.template(value, scope)?;
        if let (Template::Literal(_), false) = (&template, value.is_null()) {
            assignees(check, value);
        }
        Some(template)
    });
    template.unwrap_or_else(|| Template::Literal(Arc::new(json!([ASSIGNEE_DEFAULT]))))
}

/// `form`: a schema, or an expression that gives one.
fn form<'d>(check: &mut Check<'d>, object: &'d Object, scope: &Scope) -> Option<Template> {
    check.member(object, "form", |check, value| {
        let template = check.template(value, scope)?;
        if let Template::Literal(schema) = &template {
            if schema.is_null() {
                return None;
            }
            for violation in Schema::compile(schema).err().into_iter().flatten() {
                check.below(&violation.pointer, |check| check.defect(violation.message, None));
            }
        }
        Some(template)
    })
}

/// Without a time the chain never begins; without a chain the admins are its end.
fn check_escalation(check: &mut Check<'_>, object: &Object, chain: &mut Template) {
    let is_absent = |name: &str| object.get(name).is_none_or(Value::is_null);
    match (is_absent("escalateAfter"), is_absent("escalateTo")) {
        (true, false) => check.at("escalateTo", |check| {
            check.defect_with(
                "`escalateTo` without `escalateAfter` never happens",
                "say after how long, for example escalateAfter: PT4H",
            );
        }),
        (false, true) => {
            *chain = Template::Literal(Arc::new(json!([format!("role:{ADMIN}")])));
        }
        _ => {}
    }
}

/// What comes after the end never happens.
fn check_before(
    check: &mut Check<'_>,
    name: &str,
    span: Option<&DurationSpec>,
    end: &DurationSpec,
) {
    if let (Some(DurationSpec::Fixed(span)), DurationSpec::Fixed(end)) = (span, end)
        && span >= end
    {
        check.at(name, |check| {
            check.defect_with(
                format!("`{name}` never happens: the checkpoint expires before"),
                "make it shorter than `expiresAfter` (24 hours when that is left out)",
            );
        });
    }
}

/// A quorum of named people takes at least as many names.
fn check_quorum(check: &mut Check<'_>, call: &CheckpointCall) {
    let (Template::Literal(quorum), Template::Literal(people)) = (&call.quorum, &call.assignees)
    else {
        return;
    };
    let (Ok(quorum), Ok(mut people)) = (words::quorum(quorum), words::assignees(people)) else {
        return;
    };
    people.sort();
    people.dedup();
    let are_users = people.iter().all(|name| name.starts_with("user:"));
    if are_users && people.len() < quorum as usize {
        check.at("quorum", |check| {
            check.defect_with(
                format!("{quorum} approvals cannot come from {} named users", people.len()),
                "name more people, or a role or group",
            );
        });
    }
}

/// Reads what happens when nobody decides in time.
pub(super) fn on_expiry<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<OnExpiry> {
    let words: Vec<&str> = OnExpiry::ALL.iter().map(|word| word.as_str()).collect();
    check.word(value, "`onExpiry`", &words)?.parse().ok()
}

/// Reads who may decide.
pub(super) fn assignees<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Vec<String>> {
    let list = check.list(value, "`assignees`")?;
    if list.is_empty() {
        check.defect("nobody could decide: `assignees` is empty", None);
    }
    if list.len() > words::NAMES_MAX {
        check.defect(format!("`assignees` has more than {} names", words::NAMES_MAX), None);
    }
    let mut names = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let name = check.at(&index.to_string(), |check| {
            let name = check.text(value, "an assignee")?;
            if let Err(wrong) = words::name(value) {
                check.defect_with(wrong, "for example role:reviewer, group:finance or user:ann");
            }
            Some(name)
        });
        names.extend(name.map(str::to_owned));
    }
    Some(names)
}
