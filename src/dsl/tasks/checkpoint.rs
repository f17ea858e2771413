//! `call: checkpoint`: what a person is asked, who may decide, and what happens when nobody does.

use serde_json::{Value, json};

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{CheckpointCall, DurationSpec, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::model::checkpoint::OnExpiry;
use crate::model::limits::CHECKPOINT_EXPIRY;

/// Who may decide when the document does not say.
pub(super) const ASSIGNEE_DEFAULT: &str = "reviewer";

const OPTIONAL: [&str; 6] =
    ["summary", "show", "blocking", "expiresAfter", "onExpiry", "assignees"];

/// Arguments that this version does not act on. Only a value that changes nothing is let through.
const LATER: [&str; 7] =
    ["quorum", "fourEyes", "form", "editable", "remindAfter", "escalateAfter", "escalateTo"];

/// Reads `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let scope = &scopes.inside;
    let known: Vec<&str> = OPTIONAL.into_iter().chain(LATER).collect();
    let object = check.members(value, "`with` of a checkpoint", &["title"], &known)?;
    refuse_later(check, object);
    let text = |check: &mut Check<'d>, name: &str| {
        let what = format!("`{name}`");
        check.member(object, name, |check, value| check.text_template(value, &what, scope))
    };
    let title = text(check, "title");
    let summary = text(check, "summary");
    let show = check.member(object, "show", |check, value| check.template(value, scope));
    let blocking =
        check.member(object, "blocking", |check, value| check.boolean(value, "`blocking`"));
    let expires_after =
        check.member(object, "expiresAfter", |check, value| check.duration(value, scope));
    let on_expiry = check.member(object, "onExpiry", on_expiry);
    let assignees = check.member(object, "assignees", assignees);
    let call = CheckpointCall {
        title: title?,
        summary,
        show,
        blocking: blocking.unwrap_or(true),
        expires_after: expires_after.unwrap_or(DurationSpec::Fixed(CHECKPOINT_EXPIRY)),
        on_expiry: on_expiry.unwrap_or(OnExpiry::Reject),
        assignees: assignees.unwrap_or_else(|| vec![ASSIGNEE_DEFAULT.to_owned()]),
    };
    Some(TaskKind::Checkpoint(call))
}

fn refuse_later(check: &mut Check<'_>, object: &Object) {
    for name in LATER {
        let changes_nothing = match name {
            "quorum" => json!(1),
            "fourEyes" => json!(false),
            _ => Value::Null,
        };
        if object.get(name).is_some_and(|value| *value != changes_nothing) {
            check.at(name, |check| {
                check.defect_with(
                    format!("`{name}` of a checkpoint is not supported by this version"),
                    "remove it; it would be ignored",
                );
            });
        }
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
    let mut names = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let name = check.at(&index.to_string(), |check| check.text(value, "an assignee"));
        names.extend(name.map(str::to_owned));
    }
    Some(names)
}
