//! `set`: the data that is passed on.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::expr::{Template, strict};

/// Reads `set`: an object of templates, or one expression.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let value = match value {
        Value::String(text) if strict(text).is_none() => {
            check.defect_with(
                "`set` must be an object or an expression",
                "put `${ }` around the expression",
            );
            return None;
        }
        Value::String(_) => {
            Template::Expression(check.expression(value, "`set`", &scopes.inside)?)
        }
        _ => {
            check.object(value, "`set`")?;
            check.template(value, &scopes.inside)?
        }
    };
    Some(TaskKind::Set { value })
}
