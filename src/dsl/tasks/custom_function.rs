//! A call of a function under `use.functions`. The function is a task; a call of it becomes a list
//! of that task below `<reference>/call`, so that it runs, fails and is shown like any other task.

use std::sync::Arc;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::position::push_token;
use crate::dsl::tasks::list::alone;
use crate::dsl::tasks::task::setting;

/// Reads a call of the function `name`. `with` becomes the raw input of the function's task: it is
/// set by a task of its own, `with`, that stands before it. Without `with` the function gets the
/// input of the call. The variables of loops around the call do not exist inside the function.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    name: &'d str,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let body = check.at("call", |check| check.reusable("functions", name))?;
    if check.functions_open.contains(&name) {
        check.at("call", |check| {
            check.defect(format!("the function `{name}` calls itself"), None);
        });
        return None;
    }
    let list: Arc<str> = format!("{}/call", check.reference()).into();
    let mut references: Vec<Arc<str>> = Vec::new();
    if let Some(with) = object.get("with") {
        let value = check.at("with", |check| {
            check.object(with, "`with`");
            check.template(with, &scopes.inside)
        })?;
        let reference: Arc<str> = format!("{list}/0/with").into();
        let task = setting(&reference, &list, with, TaskKind::Set { value });
        check.tasks.insert(Arc::clone(&reference), Arc::new(task));
        references.push(reference);
    }
    let index = references.len();
    let mut reference = format!("{list}/{index}");
    push_token(&mut reference, name);
    references.push(Arc::from(reference.as_str()));
    if check.is_function {
        return Some(TaskKind::Do { list });
    }
    check.functions_open.push(name);
    check.elsewhere(&["use", "functions", name], Some(reference), |check| {
        alone(check, body, &list, index, name);
    });
    check.functions_open.pop();
    check.lists.insert(Arc::clone(&list), references.into());
    Some(TaskKind::Do { list })
}
