//! `call: http`.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{HttpCall, TaskKind};
use crate::dsl::endpoint;
use crate::dsl::expressions::Scopes;
use crate::expr::{Scope, Template, strict};

/// Methods that a call may use. CONNECT asks for a tunnel and TRACE for an echo of the credentials.
const METHODS: [&str; 7] = ["get", "head", "options", "put", "delete", "post", "patch"];
/// Of these, the ones that may be repeated (RFC 9110, 9.2.2): the first so many.
const IDEMPOTENT_METHODS: usize = 5;

/// Reads `with`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
    idempotent: Option<bool>,
) -> Option<TaskKind> {
    let before = check.defect_count();
    let scope = &scopes.inside;
    let optional = ["headers", "query", "body", "output", "redirect"];
    let object =
        check.members(value, "`with` of an http call", &["method", "endpoint"], &optional)?;
    let method_repeats = check.member(object, "method", method);
    let endpoint =
        check.member(object, "endpoint", |check, value| endpoint::endpoint(check, value, scope));
    let mut arguments = Vec::new();
    for name in ["headers", "query"] {
        check.member(object, name, |check, value| map(check, value, name, scope));
    }
    for name in ["method", "headers", "query", "body"] {
        argument(check, object, name, scope, &mut arguments);
    }
    check.member(object, "output", |check, value| {
        let word = check.word(value, "`output`", &["content", "response", "raw"])?;
        arguments.push(("output".to_owned(), Template::Literal(Arc::new(word.into()))));
        Some(())
    });
    check.member(object, "redirect", |check, value| {
        let redirect = check.boolean(value, "`redirect`")?;
        arguments.push(("redirect".to_owned(), Template::Literal(Arc::new(redirect.into()))));
        Some(())
    });
    let (endpoint, policy) = endpoint?;
    arguments.extend(policy.map(|policy| ("authentication".to_owned(), policy)));
    let is_idempotent = idempotent.or(method_repeats).unwrap_or(false);
    let call = HttpCall { endpoint, arguments: Template::Object(arguments), is_idempotent };
    (before == check.defect_count()).then_some(TaskKind::CallHttp(call))
}

fn argument<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    name: &str,
    scope: &Scope,
    arguments: &mut Vec<(String, Template)>,
) {
    let template = check.member(object, name, |check, value| check.template(value, scope));
    arguments.extend(template.map(|template| (name.to_owned(), template)));
}

/// Reads the method. May a call with it be repeated? Unknown for an expression, so no.
fn method<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<bool> {
    let text = check.text(value, "`method`")?;
    if strict(text).is_some() {
        return Some(false);
    }
    let lower = text.to_ascii_lowercase();
    let found = METHODS.iter().position(|method| *method == lower);
    if found.is_none() {
        let hint = crate::dsl::suggest::hint(&lower, METHODS);
        check.defect(format!("`{text}` is no method that can be called"), hint);
    }
    found.map(|index| index < IDEMPOTENT_METHODS)
}

/// Headers and query parameters: an expression, or plain values by name.
fn map<'d>(check: &mut Check<'d>, value: &'d Value, name: &str, scope: &Scope) -> Option<()> {
    let what = format!("`{name}`");
    if let Value::String(text) = value {
        if strict(text).is_none() {
            check.defect(format!("{what} must be an object or an expression"), None);
        }
        return check.marked_expression(text, scope).map(|_| ());
    }
    for (key, value) in check.object(value, &what)? {
        // Several values of one name are a list of plain values.
        let mut values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter();
        if values.any(|value| value.is_object() || value.is_array()) {
            check.at(key, |check| {
                check.defect(format!("{what} takes plain values, and `{key}` is none"), None);
            });
        }
    }
    Some(())
}
