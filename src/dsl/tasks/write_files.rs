//! `call: write-files`: the files that were approved, and where they go.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::expr::strict;

/// Reads `with`. Paths are checked when the files are written: only then are they known.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let what = "`with` of write-files";
    let object = check.members(value, what, &["files"], &["directory"])?;
    check.member(object, "files", |check, value| {
        let is_expression = value.as_str().is_some_and(|text| strict(text).is_some());
        if !is_expression && !value.is_array() {
            check.defect("`files` must be a list of {path, content} or an expression", None);
        }
        for (index, file) in value.as_array().into_iter().flatten().enumerate() {
            let is_expression = file.as_str().is_some_and(|text| strict(text).is_some());
            if !is_expression {
                check.at(&index.to_string(), |check| {
                    check.members(file, "a file", &["path", "content"], &[])
                });
            }
        }
        Some(())
    });
    check.member(object, "directory", |check, value| check.text(value, "`directory`"));
    Some(TaskKind::WriteFiles { arguments: check.template(value, &scopes.inside)? })
}
