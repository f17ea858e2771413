//! Where a call goes: a URI template, an expression, or either of them with authentication.

use serde_json::Value;

use crate::dsl::authentication;
use crate::dsl::check::Check;
use crate::dsl::definition::Endpoint;
use crate::expr::{Scope, Template};

/// Operators of RFC 6570 beyond the simple expansion that the standard asks for.
const OPERATORS: &str = "+#./;?&=,!@|";

/// Reads an endpoint: the URI, and the authentication if there is one.
pub(super) fn endpoint<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<(Endpoint, Option<Template>)> {
    if value.is_string() {
        return Some((uri(check, value, scope)?, None));
    }
    let object = check.members(value, "an endpoint", &["uri"], &["authentication"])?;
    let address = check.member(object, "uri", |check, value| uri(check, value, scope));
    let policy = check.member(object, "authentication", |check, value| {
        authentication::policy(check, value, scope, true)
    });
    Some((address?, policy))
}

/// Reads a URI: an expression, or a template with an http or https scheme and a host.
pub(super) fn uri<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Endpoint> {
    let text = check.text(value, "a URI")?;
    if let Some(expression) = check.marked_expression(text, scope)? {
        return Some(Endpoint::Expression(expression));
    }
    match template_defect(text) {
        None => Some(Endpoint::Template(text.to_owned())),
        Some(message) => {
            check.defect_with(message, "for example https://example.com/pets/{petId}");
            None
        }
    }
}

fn template_defect(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let Some(scheme) = scheme else {
        return Some(format!("`{text}` is no http or https URI"));
    };
    let rest = text.get(scheme.len()..).unwrap_or_default();
    if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) {
        return Some(format!("`{text}` names no host"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\^`|".contains(c)) {
        return Some(format!("`{text}` has a character that no URI has"));
    }
    variables_defect(rest)
}

/// Braces must pair and name something.
fn variables_defect(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let opened = rest.get(at..)?.strip_prefix('{');
        let Some((name, after)) = opened.and_then(|opened| opened.split_once('}')) else {
            return Some("the braces of the URI template do not pair".to_owned());
        };
        if name.is_empty() || name.contains('{') {
            return Some("the braces of the URI template do not pair or are empty".to_owned());
        }
        if name.starts_with(|first| OPERATORS.contains(first)) || name.ends_with('*') {
            return Some(format!("{{{name}}} is more than a simple expansion of a variable"));
        }
        rest = after;
    }
    None
}
