//! `call: write-files`: the files that were approved, and where they go.

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::expr::strict;
use crate::model::artifact_path::check_path;

/// Reads `with`. Paths that are known already are checked; the others when the files are written.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let what = "`with` of write-files";
    let object = check.members(value, what, &["files"], &["directory"])?;
    check.member(object, "files", |check, value| {
        if is_expression(value) {
            return Some(());
        }
        if !value.is_array() {
            check.defect("`files` must be a list of {path, content} or an expression", None);
        }
        for (index, file) in value.as_array().into_iter().flatten().enumerate() {
            check.at(&index.to_string(), |check| self::file(check, file));
        }
        Some(())
    });
    path(check, object, "directory");
    Some(TaskKind::WriteFiles { arguments: check.template(value, &scopes.inside)? })
}

fn file<'d>(check: &mut Check<'d>, value: &'d Value) {
    if !is_expression(value)
        && let Some(file) = check.members(value, "a file", &["path", "content"], &["encoding"])
    {
        path(check, file, "path");
    }
}

fn path<'d>(check: &mut Check<'d>, object: &'d Object, name: &str) {
    check.member(object, name, |check, value| {
        let text = check.text(value, "a path")?;
        if strict(text).is_none()
            && let Err(reason) = check_path(text)
        {
            check.defect(format!("the path `{text}` {reason}"), None);
        }
        Some(())
    });
}

fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| strict(text).is_some())
}
