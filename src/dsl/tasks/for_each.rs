//! `for`: the tasks once for each item of a collection.

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::tasks::list;

/// Reads `for`, `while` and `do`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    scopes: &Scopes,
) -> Option<TaskKind> {
    if !object.contains_key("do") {
        check.defect("a `for` task needs the member `do`", None);
    }
    let mut collection = None;
    let (each, at) = check
        .member(object, "for", |check, value| {
            let header = check.members(value, "`for`", &["in"], &["each", "at"])?;
            collection = check.member(header, "in", |check, value| {
                check.expression(value, "`in`", &scopes.inside)
            });
            Some(variables(check, header, "each"))
        })
        .unwrap_or_else(|| ("item".to_owned(), "index".to_owned()));
    let inner = scopes.with(&each).with(&at);
    let condition = check.member(object, "while", |check, value: &'d Value| {
        check.expression(value, "`while`", &inner.inside)
    });
    let list = check.member(object, "do", |check, value| list::list(check, value, &inner));
    Some(TaskKind::For { collection: collection?, each, at, condition, list: list? })
}

/// The variables of a loop: the item, under the name of this member, and its index.
pub(super) fn variables<'d>(
    check: &mut Check<'d>,
    header: &'d Object,
    item: &str,
) -> (String, String) {
    let what = format!("`{item}`");
    let each = check.member(header, item, |check, value| check.variable(value, &what));
    let at = check.member(header, "at", |check, value| check.variable(value, "`at`"));
    let each = each.unwrap_or_else(|| "item".to_owned());
    let at = at.unwrap_or_else(|| "index".to_owned());
    if each == at {
        check.defect(format!("the item and its index are both called `{each}`"), None);
    }
    (each, at)
}
