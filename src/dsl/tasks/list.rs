//! A task list: items of one named task each, in order.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::expressions::Scopes;
use crate::dsl::tasks::task;
use crate::model::limits::DOCUMENT_TASKS_MAX;

/// Words that `then` understands; a task of such a name could not be gone to.
pub(super) const DIRECTIVES: [&str; 3] = ["continue", "exit", "end"];

/// Where a task stands.
pub(super) struct Place<'p> {
    /// The reference of its list.
    pub list: &'p Arc<str>,
    /// Its place in the list.
    pub index: usize,
    /// Its name.
    pub name: &'p str,
    /// The tasks that it may go to.
    pub targets: &'p [&'p str],
}

/// Reads a task list and gives its reference. The check stands at the list.
pub(in crate::dsl) fn list<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<Arc<str>> {
    let named = named(check, value)?;
    let names: Vec<&str> = named.iter().map(|(_, name, _)| *name).collect();
    Some(read(check, &named, &names, scopes))
}

/// Reads a list whose tasks run side by side: none of them can go to another.
pub(super) fn branches<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<Arc<str>> {
    let named = named(check, value)?;
    Some(read(check, &named, &[], scopes))
}

/// Reads one task that stands in no list of the document: the body of a function. The check stands
/// at the task.
pub(in crate::dsl) fn alone<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    list: &Arc<str>,
    index: usize,
    name: &str,
) {
    let place = Place { list, index, name, targets: &[] };
    counted(check, value, &place, &Scopes::of_task());
}

type Named<'d> = (usize, &'d str, &'d Value);

/// The items of a list with their names.
fn named<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Vec<Named<'d>>> {
    let items = check.list(value, "a task list")?;
    if items.is_empty() {
        check.defect("a task list needs at least one task", None);
    }
    let mut named = Vec::with_capacity(items.len());
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        check.at(&index.to_string(), |check| {
            let Some(object) = check.object(item, "an item of a task list") else { return };
            let mut members = object.iter();
            let (Some((name, task)), None) = (members.next(), members.next()) else {
                check.defect_with(
                    format!("an item of a task list has one task, and this has {}", object.len()),
                    "write `- name:` and the task below it, indented",
                );
                return;
            };
            check.at(name, |check| check_name(check, name, !seen.insert(name.as_str())));
            named.push((index, name.as_str(), task));
        });
    }
    Some(named)
}

fn check_name(check: &mut Check<'_>, name: &str, is_taken: bool) {
    if is_taken {
        check.defect_with(
            format!("another task of this list is called `{name}`"),
            "names of tasks are unique in their list",
        );
    }
    if DIRECTIVES.contains(&name) || name.is_empty() {
        check.defect_with(
            format!("a task cannot be called `{name}`"),
            "continue, exit and end are directives of `then`",
        );
    }
}

fn read<'d>(
    check: &mut Check<'d>,
    named: &[Named<'d>],
    targets: &[&str],
    scopes: &Scopes,
) -> Arc<str> {
    let list: Arc<str> = check.reference().into();
    let mut references = Vec::with_capacity(named.len());
    for (index, name, value) in named {
        check.at(&index.to_string(), |check| {
            check.at(name, |check| {
                references.push(Arc::from(check.reference()));
                let place = Place { list: &list, index: *index, name, targets };
                counted(check, value, &place, scopes);
            });
        });
    }
    check.lists.insert(Arc::clone(&list), references.into());
    list
}

/// Reads a task unless there are too many already.
fn counted<'d>(check: &mut Check<'d>, value: &'d Value, place: &Place<'_>, scopes: &Scopes) {
    check.task_count += 1;
    if check.task_count <= DOCUMENT_TASKS_MAX {
        task::read(check, value, place, scopes);
    } else if check.task_count == DOCUMENT_TASKS_MAX + 1 {
        check.defect_with(
            format!("the document has more than {DOCUMENT_TASKS_MAX} tasks"),
            "every call of a function counts with the tasks of the function",
        );
    }
}
