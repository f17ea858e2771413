//! `run`: another workflow as a job of its own. Processes of the operating system are refused.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::head::{label, version};

/// Kinds of processes that the standard knows beside workflows.
const PROCESSES: [&str; 3] = ["script", "shell", "container"];

/// Reads `run`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let object = check.object(value, "`run`")?;
    let mut processes = PROCESSES.into_iter().filter(|name| object.contains_key(*name)).peekable();
    if processes.peek().is_some() {
        processes.for_each(|name| refuse(check, name));
        return None;
    }
    check.only(object, "`run`", &["workflow"], &["await", "return"]);
    check.member(object, "return", |check, _| {
        check.defect_with(
            "`return` is for processes; a workflow returns its output",
            "remove it, and shape the output with `output.as`",
        );
        Some(())
    });
    let awaited = check.member(object, "await", |check, value| check.boolean(value, "`await`"));
    check.member(object, "workflow", |check, value| {
        let required = ["namespace", "name", "version"];
        let object = check.members(value, "`workflow`", &required, &["input"])?;
        let namespace = check.member(object, "namespace", |check, value| label(check, value));
        let name = check.member(object, "name", |check, value| label(check, value));
        let version = check.member(object, "version", |check, value| match value.as_str() {
            Some("latest") => Some("latest".to_owned()),
            _ => version(check, value),
        });
        let input =
            check.member(object, "input", |check, value| check.template(value, &scopes.inside));
        Some(TaskKind::RunWorkflow {
            namespace: namespace?,
            name: name?,
            version: version?,
            input,
            awaited: awaited.unwrap_or(true),
        })
    })
}

fn refuse(check: &mut Check<'_>, name: &str) {
    let is_allowed = check.rules.run_allow.contains(name);
    check.at(name, |check| match is_allowed {
        true => check.defect(format!("`run: {name}` is not supported by this version"), None),
        false => check.defect_with(
            format!("`run: {name}` is refused unless `[run] allow` names it"),
            "do the work in a service and call it with `call: http`",
        ),
    });
}
