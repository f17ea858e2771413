//! Which events a `listen` takes: strategies, filters and correlations.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{AttributeMatch, Correlation, EventFilter, Strategy, Until};
use crate::expr::{Scope, Template, strict};

/// A consumption strategy: how many events, of which kinds, until when.
pub(super) struct Consumption {
    pub strategy: Strategy,
    pub filters: Vec<EventFilter>,
    pub until: Option<Until>,
}

/// Reads a consumption strategy. `until` may stand beside `any`, but not inside another `until`.
pub(super) fn consumption<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
    may_end: bool,
) -> Option<Consumption> {
    let kinds = [("one", Strategy::One), ("any", Strategy::Any), ("all", Strategy::All)];
    let object = check.object(value, "an event strategy")?;
    let until = may_end && object.contains_key("any");
    let known = ["one", "any", "all", "until"];
    let known = if until { &known[..] } else { &known[..3] };
    check.only(object, "an event strategy", &[], known);
    let mut found = kinds.into_iter().filter(|(name, _)| object.contains_key(*name));
    let (Some((name, strategy)), None) = (found.next(), found.next()) else {
        check.defect("give exactly one of one, any, all", None);
        return None;
    };
    let filters = check.member(object, name, |check, value| match strategy {
        Strategy::One => filter(check, value, scope).map(|filter| vec![filter]),
        _ => filters(check, value, scope, strategy),
    });
    let until = if until {
        check.member(object, "until", |check, value| self::until(check, value, scope))
    } else {
        None
    };
    Some(Consumption { strategy, filters: filters?, until })
}

fn until<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Until> {
    if value.is_object() {
        let ended_by = consumption(check, value, scope, false)?;
        return Some(Until::Events { strategy: ended_by.strategy, filters: ended_by.filters });
    }
    check.expression(value, "`until`", scope).map(Until::Condition)
}

fn filters<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
    strategy: Strategy,
) -> Option<Vec<EventFilter>> {
    let list = check.list(value, "the filters")?;
    if list.is_empty() && strategy == Strategy::All {
        check.defect("`all` needs at least one filter", None);
    }
    let mut filters = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        filters.extend(check.at(&index.to_string(), |check| filter(check, value, scope)));
    }
    Some(filters)
}

fn filter<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<EventFilter> {
    let object = check.members(value, "an event filter", &["with"], &["correlate"])?;
    let attributes = check.member(object, "with", |check, value| attributes(check, value, scope));
    let correlate = check.member(object, "correlate", |check, value| {
        let object = check.object(value, "`correlate`")?;
        Some(correlations(check, object, scope))
    });
    let event_type = object.get("with").and_then(|with| with.get("type")).and_then(Value::as_str);
    let event_type = event_type.filter(|text| strict(text).is_none()).map(str::to_owned);
    Some(EventFilter {
        event_type,
        attributes: attributes?,
        correlate: correlate.unwrap_or_default(),
    })
}

fn attributes<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<Vec<(String, AttributeMatch)>> {
    let object = check.object(value, "`with`")?;
    if object.is_empty() {
        check.defect("`with` needs at least one attribute", None);
    }
    let mut attributes = Vec::with_capacity(object.len());
    for (name, value) in object {
        let wanted = check.at(name, |check| {
            attribute_name(check, name);
            attribute(check, value, scope)
        });
        attributes.extend(wanted.map(|wanted| (name.clone(), wanted)));
    }
    Some(attributes)
}

/// CloudEvents 1.0, "Attribute Naming Convention": lower-case letters and digits.
pub(super) fn attribute_name(check: &mut Check<'_>, name: &str) {
    let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if name.is_empty() || !is_name {
        check.defect_with(
            format!("`{name}` cannot be an attribute of an event"),
            "CloudEvents names attributes in lower-case letters and digits",
        );
    }
}

fn attribute(check: &mut Check<'_>, value: &Value, scope: &Scope) -> Option<AttributeMatch> {
    if let Value::String(text) = value {
        return Some(match check.marked_expression(text, scope)? {
            Some(expression) => AttributeMatch::Expression(expression),
            None => AttributeMatch::Equal(Arc::new(value.clone())),
        });
    }
    Some(match check.template(value, scope)? {
        Template::Literal(literal) => AttributeMatch::Equal(literal),
        template => AttributeMatch::Template(template),
    })
}

fn correlations<'d>(check: &mut Check<'d>, object: &'d Object, scope: &Scope) -> Vec<Correlation> {
    let mut correlations = Vec::with_capacity(object.len());
    for (key, value) in object {
        let correlation = check.at(key, |check| {
            let object = check.members(value, "a correlation", &["from"], &["expect"])?;
            let from = check
                .member(object, "from", |check, value| check.expression(value, "`from`", scope));
            let expect =
                check.member(object, "expect", |check, value| check.template(value, scope));
            Some(Correlation { key: key.clone(), from: from?, expect })
        });
        correlations.extend(correlation);
    }
    correlations
}
