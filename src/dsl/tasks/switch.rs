//! `switch`: the first case that holds says where to go.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::{Case, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::dsl::tasks::list::Place;
use crate::dsl::tasks::task::then;

/// Reads `switch`. The case without a condition holds when no other does, wherever it stands, so it
/// becomes the last.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    place: &Place<'_>,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let items = check.list(value, "`switch`")?;
    if items.is_empty() {
        check.defect("`switch` needs at least one case", None);
    }
    let mut cases = Vec::with_capacity(items.len());
    let mut default = None;
    for (index, item) in items.iter().enumerate() {
        check.at(&index.to_string(), |check| {
            let object = check.object(item, "an item of `switch`")?;
            let mut members = object.iter();
            let (Some((name, value)), None) = (members.next(), members.next()) else {
                check.defect("an item of `switch` has exactly one case", None);
                return None;
            };
            check.at(name, |check| {
                let case = case(check, name, value, place, scopes)?;
                if case.when.is_some() {
                    cases.push(case);
                } else if default.replace(case).is_some() {
                    check.defect("there can be only one case without `when`", None);
                }
                Some(())
            })
        });
    }
    cases.extend(default);
    Some(TaskKind::Switch { cases })
}

fn case<'d>(
    check: &mut Check<'d>,
    name: &str,
    value: &'d Value,
    place: &Place<'_>,
    scopes: &Scopes,
) -> Option<Case> {
    let object = check.members(value, "a case", &["then"], &["when"])?;
    let when = check
        .member(object, "when", |check, value| check.expression(value, "`when`", &scopes.inside));
    let then = check.member(object, "then", |check, value| then(check, value, place.targets));
    // A condition with a defect must not make the case a default one.
    if object.contains_key("when") && when.is_none() {
        return None;
    }
    Some(Case { name: name.to_owned(), when, then: then? })
}
