//! `fork`: branches at the same time.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::tasks::list::branches;

/// Reads `fork`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let object = check.members(value, "`fork`", &["branches"], &["compete"])?;
    let compete = check.member(object, "compete", |check, value| check.boolean(value, "`compete`"));
    let branches = check.member(object, "branches", |check, value| branches(check, value, scopes));
    Some(TaskKind::Fork { branches: branches?, compete: compete.unwrap_or(false) })
}
