//! Errors that a document raises: inline, or by their name under `use.errors`.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::ErrorTemplate;
use crate::expr::{Scope, Template, strict};

/// Reads `raise.error`.
pub(super) fn named_or_inline<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<ErrorTemplate> {
    match value {
        Value::String(name) => {
            let value = check.reusable("errors", name)?;
            check.elsewhere(&["use", "errors", name], None, |check| definition(check, value, scope))
        }
        _ => definition(check, value, scope),
    }
}

/// Reads the definition of an error.
pub(super) fn definition<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<ErrorTemplate> {
    let optional = ["title", "detail", "instance"];
    let object = check.members(value, "an error", &["type", "status"], &optional)?;
    let kind = check.member(object, "type", |check, value| {
        let text = check.text(value, "the type of an error")?;
        if strict(text).is_none() && !has_scheme(text) {
            check.defect_with(
                format!("the type of an error must be a URI, and `{text}` is none"),
                "for example https://example.com/errors/out-of-stock",
            );
        }
        check.template(value, scope)
    });
    let status = check.member(object, "status", |check, value| status(check, value, scope));
    let text = |check: &mut Check<'d>, name: &str| {
        let what = format!("`{name}`");
        check.member(object, name, |check, value| check.text_template(value, &what, scope))
    };
    let title = text(check, "title");
    let detail = text(check, "detail");
    let instance = text(check, "instance");
    Some(ErrorTemplate { kind: kind?, status: status?, title, detail, instance })
}

fn status<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Template> {
    match value {
        Value::String(text) if strict(text).is_some() => check.template(value, scope),
        _ => {
            let status = check.count(value, "the status of an error")?;
            if !(100..600).contains(&status) {
                check.defect(format!("{status} is no status code: 100 to 599"), None);
            }
            check.template(value, scope)
        }
    }
}

/// Does this text begin like a URI: a scheme and a colon (RFC 3986)?
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
    })
}
