//! `call`: to whichever function it names.

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::functions::{self, Callee};
use crate::dsl::tasks::{agent, checkpoint, custom_function, evaluate, http, webhook, write_files};

/// Reads `call` and `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    scopes: &Scopes,
    idempotent: Option<bool>,
) -> Option<TaskKind> {
    let callee = check.member(object, "call", |check, value| {
        let name = check.text(value, "`call`")?;
        functions::callee(check, name)
    })?;
    if let Callee::Own(name) = callee {
        return custom_function::read(check, object, name, scopes);
    }
    match (&callee, object.get("with")) {
        (Callee::Agent, None) => return Some(agent::without_arguments(check)),
        (Callee::Evaluate, None) => return Some(evaluate::without_arguments(check)),
        (_, None) => check.defect("this call needs the member `with`", None),
        (_, Some(_)) => {}
    }
    check.member(object, "with", |check, value| match callee {
        Callee::Agent => agent::read(check, value, scopes),
        Callee::Evaluate => evaluate::read(check, value, scopes),
        Callee::Checkpoint => checkpoint::read(check, value, scopes),
        Callee::WriteFiles => write_files::read(check, value, scopes),
        Callee::Webhook => webhook::read(check, value, scopes),
        _ => http::read(check, value, scopes, idempotent),
    })
}
