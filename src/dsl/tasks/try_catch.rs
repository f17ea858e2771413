//! `try`: the tasks, which errors of them are caught, and what is done about those.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{Catch, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::dsl::retry;
use crate::dsl::tasks::list;
use crate::expr::{Scope, Template};

/// Reads `try` and `catch`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    scopes: &Scopes,
) -> Option<TaskKind> {
    if !object.contains_key("catch") {
        check.defect("a `try` task needs the member `catch`", None);
    }
    let list = check.member(object, "try", |check, value| list::list(check, value, scopes));
    let catch = check.member(object, "catch", |check, value| catch(check, value, scopes));
    Some(TaskKind::Try { list: list?, catch: catch? })
}

fn catch<'d>(check: &mut Check<'d>, value: &'d Value, scopes: &Scopes) -> Option<Catch> {
    let optional = ["errors", "as", "when", "exceptWhen", "retry", "do"];
    let object = check.members(value, "`catch`", &[], &optional)?;
    let variable = check.member(object, "as", |check, value| check.variable(value, "`as`"));
    let variable = variable.unwrap_or_else(|| "error".to_owned());
    let inner = scopes.with(&variable);
    let filter = check.member(object, "errors", |check, value| {
        let errors = check.members(value, "`errors`", &[], &["with"])?;
        check.member(errors, "with", |check, value| filter(check, value, &scopes.inside))
    });
    let when = check
        .member(object, "when", |check, value| check.expression(value, "`when`", &inner.inside));
    let except_when = check.member(object, "exceptWhen", |check, value| {
        check.expression(value, "`exceptWhen`", &inner.inside)
    });
    let retry = check.member(object, "retry", |check, value| {
        retry::named_or_inline(check, value, &inner.inside)
    });
    let list = check.member(object, "do", |check, value| list::list(check, value, &inner));
    Some(Catch { filter: filter.unwrap_or_default(), variable, when, except_when, retry, list })
}

/// `errors.with`. The standard spells one member `details` here and `detail` in the error itself;
/// both mean the latter.
fn filter<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<BTreeMap<String, Template>> {
    let known = ["type", "status", "instance", "title", "detail", "details"];
    let object = check.members(value, "`with` of the errors to catch", &[], &known)?;
    let mut filter = BTreeMap::new();
    for (name, value) in object {
        let template = check.at(name, |check| check.template(value, scope));
        let name = if name == "details" { "detail" } else { name };
        filter.extend(template.map(|template| (name.to_owned(), template)));
    }
    Some(filter)
}
