//! What every task has, whatever it does.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::Task;
use crate::dsl::expressions::Scopes;
use crate::dsl::suggest;
use crate::dsl::tasks::kind;
use crate::dsl::tasks::list::{DIRECTIVES, Place};
use crate::model::job::Then;

/// Members that every task may have.
const COMMON: [&str; 7] = ["if", "input", "output", "export", "timeout", "then", "metadata"];

/// Reads a task; one without defects goes into the definition. The check stands at the task.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    place: &Place<'_>,
    scopes: &Scopes,
) {
    let Some(object) = check.object(value, "a task") else { return };
    let Some(word) = kind::word(check, object) else { return };
    let known: Vec<&str> = COMMON.into_iter().chain(kind::members(word)).collect();
    check.only(object, "this task", &[], &known);
    let condition =
        check.member(object, "if", |check, value| check.expression(value, "`if`", &scopes.before));
    let input = check.input(object, &scopes.before);
    let output = check.output(object, &scopes.inside);
    let export = check.export(object, &scopes.after);
    let timeout = check.timeout(object, &scopes.inside);
    let directive = check.member(object, "then", |check, value| then(check, value, place.targets));
    let idempotent = check.member(object, "metadata", metadata);
    let reference: Arc<str> = check.reference().into();
    let Some(kind) = kind::read(check, word, object, place, scopes, idempotent) else { return };
    let task = Task {
        reference: Arc::clone(&reference),
        name: place.name.to_owned(),
        list: Arc::clone(place.list),
        index: place.index,
        source: Arc::new(value.clone()),
        condition,
        input,
        output,
        export,
        timeout,
        then: directive.unwrap_or(Then::Continue),
        idempotent,
        kind,
    };
    check.tasks.insert(reference, Arc::new(task));
}

/// A task that only sets data, made by a call of a function for its arguments.
pub(super) fn setting(
    reference: &Arc<str>,
    list: &Arc<str>,
    source: &Value,
    kind: crate::dsl::definition::TaskKind,
) -> Task {
    Task {
        reference: Arc::clone(reference),
        name: "with".to_owned(),
        list: Arc::clone(list),
        index: 0,
        source: Arc::new(source.clone()),
        condition: None,
        input: Default::default(),
        output: Default::default(),
        export: Default::default(),
        timeout: None,
        then: Then::Continue,
        idempotent: None,
        kind,
    }
}

/// Reads a flow directive.
pub(super) fn then<'d>(check: &mut Check<'d>, value: &'d Value, targets: &[&str]) -> Option<Then> {
    match check.text(value, "`then`")? {
        "continue" => Some(Then::Continue),
        "exit" => Some(Then::Exit),
        "end" => Some(Then::End),
        name if targets.contains(&name) => Some(Then::To(name.to_owned())),
        name => {
            let known = targets.iter().copied().chain(DIRECTIVES);
            let hint = suggest::hint(name, known);
            check.defect(format!("there is no task `{name}` to go to in this list"), hint);
            None
        }
    }
}

/// `metadata` is free, but for our own member `holdpoint`. May the call simply be made again?
fn metadata<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<bool> {
    let object: &Object = check.object(value, "`metadata`")?;
    check.member(object, "holdpoint", |check, value| {
        let ours = check.members(value, "`metadata.holdpoint` of a task", &[], &["idempotent"])?;
        check.member(ours, "idempotent", |check, value| check.boolean(value, "`idempotent`"))
    })
}
