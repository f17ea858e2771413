//! `call: webhook`: where a signed message goes, and what it says.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::TaskKind;
use crate::dsl::expressions::Scopes;

/// Reads `with`. Whether the address may be called shows when it is.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let what = "`with` of webhook";
    let object = check.members(value, what, &["url"], &["payload", "secret", "gate"])?;
    let text = |check: &mut Check<'d>, name: &'static str| {
        let what = format!("`{name}`");
        check.member(object, name, |check, value| {
            check.text(value, &what)?;
            Some(())
        });
    };
    ["url", "secret", "gate"].into_iter().for_each(|name| text(check, name));
    // What is sent comes either from the document or from a gate; a gate's secret is its own.
    let has = |name: &str| object.contains_key(name);
    if has("gate") == has("payload") || has("gate") == has("secret") {
        check.defect_with(
            "a webhook says what is sent and how it is signed",
            "write `payload` and `secret`",
        );
    }
    Some(TaskKind::Webhook { arguments: check.template(value, &scopes.inside)? })
}
