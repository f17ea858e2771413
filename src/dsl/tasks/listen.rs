//! `listen`: waits for events from outside.

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{Foreach, Listen, ReadAs, TaskKind};
use crate::dsl::events::consumption;
use crate::dsl::expressions::Scopes;
use crate::dsl::tasks::for_each::variables;
use crate::dsl::tasks::list;

/// Reads `listen` and `foreach`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let mut read = ReadAs::Data;
    let consumed = check.member(object, "listen", |check, value| {
        let header = check.members(value, "`listen`", &["to"], &["read"])?;
        let word = check.member(header, "read", |check, value| {
            check.word(value, "`read`", &["data", "envelope", "raw"])
        });
        read = match word {
            Some("envelope") => ReadAs::Envelope,
            Some("raw") => ReadAs::Raw,
            _ => ReadAs::Data,
        };
        check.member(header, "to", |check, value| consumption(check, value, &scopes.inside, true))
    });
    let foreach = check.member(object, "foreach", |check, value| foreach(check, value, scopes));
    let consumed = consumed?;
    Some(TaskKind::Listen(Listen {
        strategy: consumed.strategy,
        filters: consumed.filters,
        until: consumed.until,
        read,
        foreach,
    }))
}

fn foreach<'d>(check: &mut Check<'d>, value: &'d Value, scopes: &Scopes) -> Option<Foreach> {
    let optional = ["item", "at", "do", "output", "export"];
    let object = check.members(value, "`foreach`", &[], &optional)?;
    let (item, at) = variables(check, object, "item");
    let inner = scopes.with(&item).with(&at);
    let list = check.member(object, "do", |check, value| list::list(check, value, &inner));
    let output = check.output(object, &inner.inside);
    let export = check.export(object, &inner.after);
    Some(Foreach { item, at, list, output, export })
}
