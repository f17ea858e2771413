//! `raise`: fails with an error of the document.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::errors;
use crate::dsl::expressions::Scopes;

/// Reads `raise`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let object = check.members(value, "`raise`", &["error"], &[])?;
    let error = check.member(object, "error", |check, value| {
        errors::named_or_inline(check, value, &scopes.inside)
    })?;
    Some(TaskKind::Raise { error })
}
