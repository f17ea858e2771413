//! `call`: to whichever function it names.

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;
use crate::dsl::functions::{self, Callee};
use crate::dsl::tasks::{checkpoint, custom_function, http, write_files};

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
    if !object.contains_key("with") {
        check.defect("this call needs the member `with`", None);
    }
    check.member(object, "with", |check, value| match callee {
        Callee::Checkpoint => checkpoint::read(check, value, scopes),
        Callee::WriteFiles => write_files::read(check, value, scopes),
        _ => http::read(check, value, scopes, idempotent),
    })
}
