//! The top of a document: its members, and the definition that is made of what was read.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::dsl::canonical::canonical_hash;
use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{Definition, DurationSpec, Input, Output, Task};
use crate::dsl::expressions::Scopes;
use crate::dsl::head::{self, Head};
use crate::dsl::{reusable, tasks};

/// Everything of a document but its tasks.
pub(super) struct Workflow {
    head: Head,
    secrets: Vec<String>,
    input: Input,
    output: Output,
    timeout: Option<DurationSpec>,
}

/// Reads a whole document. Gives nothing when it has no usable head; defects are with the check.
pub(super) fn read(check: &mut Check<'_>) -> Option<Workflow> {
    let optional = ["input", "use", "timeout", "output", "schedule", "evaluate"];
    let document = check.document;
    let top = check.members(document, "a workflow", &["document", "do"], &optional)?;
    let head = check.member(top, "document", head::read);
    let secrets = check.member(top, "use", reusable::read).unwrap_or_default();
    let input = check.input(top, &Scopes::workflow_input());
    let output = check.output(top, &Scopes::workflow_output());
    let timeout = check.timeout(top, &Scopes::workflow_input());
    check.member(top, "schedule", |check, _| {
        check.defect_with(
            "schedules come second: this version starts jobs by request only",
            "remove `schedule` and create the job through the API",
        );
        Some(())
    });
    check.member(top, "evaluate", evaluate);
    check.member(top, "do", |check, value| tasks::list(check, value, &Scopes::of_task()));
    check.member(top, "use", reusable::read_unused);
    Some(Workflow { head: head?, secrets, input, output, timeout })
}

/// `evaluate`: only the default language and mode exist here.
fn evaluate<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<()> {
    let object: &Object = check.members(value, "`evaluate`", &[], &["language", "mode"])?;
    check.member(object, "language", |check, value| {
        check.word(value, "the expression language", &["jq"])
    });
    check.member(object, "mode", |check, value| {
        check.word(value, "the expression mode", &["strict"])
    });
    Some(())
}

/// The definition of a document without defects.
pub(super) fn definition(
    workflow: Workflow,
    document: Arc<Value>,
    tasks: HashMap<Arc<str>, Arc<Task>>,
    lists: HashMap<Arc<str>, Arc<[Arc<str>]>>,
    is_cheap: bool,
) -> Definition {
    let Workflow { head, secrets, input, output, timeout } = workflow;
    Definition {
        hash: canonical_hash(&document),
        document,
        namespace: head.namespace,
        name: head.name,
        version: head.version,
        title: head.title,
        summary: head.summary,
        needs_agent: head.needs_agent,
        secrets,
        input,
        output,
        timeout,
        tasks,
        lists,
        is_cheap,
    }
}
