//! `emit`: the event that goes out.

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::TaskKind;
use crate::dsl::events::attribute_name;
use crate::dsl::expressions::Scopes;
use crate::expr::strict;
use crate::model::time::Timestamp;

/// Reads `emit`.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scopes: &Scopes,
) -> Option<TaskKind> {
    let object = check.members(value, "`emit`", &["event"], &[])?;
    check.member(object, "event", |check, value| {
        let object = check.members(value, "`event`", &["with"], &[])?;
        check.member(object, "with", |check, value| {
            let attributes = check.object(value, "`with` of an event")?;
            check_attributes(check, attributes);
            let event = check.template(value, &scopes.inside)?;
            Some(TaskKind::Emit { event })
        })
    })
}

fn check_attributes<'d>(check: &mut Check<'d>, attributes: &'d Object) {
    for name in ["source", "type"].into_iter().filter(|name| !attributes.contains_key(*name)) {
        check.defect(format!("an event needs the attribute `{name}`"), None);
    }
    for (name, value) in attributes {
        check.at(name, |check| {
            attribute_name(check, name);
            match (name.as_str(), value.as_str()) {
                (_, Some(text)) if strict(text).is_some() => {}
                ("data", _) => {}
                ("time", Some(text)) if Timestamp::parse_rfc3339(text).is_none() => {
                    check.defect(format!("`{text}` is no RFC 3339 time"), None);
                }
                ("specversion", Some(text)) if text != "1.0" => {
                    check.defect_with(format!("specversion {text} is not supported"), "'1.0'");
                }
                (_, None) if value.is_object() || value.is_array() || value.is_null() => {
                    check.defect(format!("the attribute `{name}` must be a plain value"), None);
                }
                ("id" | "source" | "type" | "time" | "specversion" | "subject", _) => {
                    check.text(value, "this attribute");
                }
                _ => {}
            }
        });
    }
}
