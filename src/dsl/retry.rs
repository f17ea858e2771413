//! Retry policies: inline, or by their name under `use.retries`.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::{Backoff, DurationSpec, RetryPolicy};
use crate::expr::Scope;

/// Reads `retry` of a `catch`.
pub(super) fn named_or_inline<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<RetryPolicy> {
    match value {
        Value::String(name) => {
            let value = check.reusable("retries", name)?;
            check.elsewhere(&["use", "retries", name], None, |check| policy(check, value, scope))
        }
        _ => policy(check, value, scope),
    }
}

/// Reads a retry policy.
pub(super) fn policy<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<RetryPolicy> {
    let optional = ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];
    let object = check.members(value, "a retry policy", &[], &optional)?;
    let when =
        check.member(object, "when", |check, value| check.expression(value, "`when`", scope));
    let except_when = check.member(object, "exceptWhen", |check, value| {
        check.expression(value, "`exceptWhen`", scope)
    });
    let delay = check.member(object, "delay", |check, value| check.duration(value, scope));
    let backoff = check.member(object, "backoff", backoff).unwrap_or(Backoff::Constant);
    let jitter = check.member(object, "jitter", |check, value| jitter(check, value, scope));
    let limit = check.member(object, "limit", |check, value| limit(check, value, scope));
    let limit = limit.unwrap_or_default();
    Some(RetryPolicy {
        when,
        except_when,
        delay,
        backoff,
        jitter,
        attempts_max: limit.attempts_max,
        attempt_duration: limit.attempt_duration,
        duration: limit.duration,
    })
}

fn backoff<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Backoff> {
    let kinds = [
        ("constant", Backoff::Constant),
        ("linear", Backoff::Linear),
        ("exponential", Backoff::Exponential),
    ];
    let object = check.members(value, "`backoff`", &[], &kinds.map(|(name, _)| name))?;
    let mut found = None;
    for (name, kind) in kinds {
        check.member(object, name, |check, value| {
            // The standard defines no members of a backoff, so one that is there would be ignored.
            check.members(value, "a backoff", &[], &[])
        });
        if object.contains_key(name) && found.replace(kind).is_some() {
            check.defect("`backoff` must be one of constant, linear, exponential", None);
        }
    }
    if found.is_none() {
        check.defect("`backoff` must be one of constant, linear, exponential", None);
    }
    found
}

fn jitter<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
) -> Option<(DurationSpec, DurationSpec)> {
    let object = check.members(value, "`jitter`", &["from", "to"], &[])?;
    let from = check.member(object, "from", |check, value| check.duration(value, scope));
    let to = check.member(object, "to", |check, value| check.duration(value, scope));
    let (from, to) = (from?, to?);
    if let (DurationSpec::Fixed(least), DurationSpec::Fixed(most)) = (&from, &to)
        && least > most
    {
        check.defect("`from` of a jitter must not be longer than `to`", None);
    }
    Some((from, to))
}

#[derive(Default)]
struct Limit {
    attempts_max: Option<u32>,
    attempt_duration: Option<DurationSpec>,
    duration: Option<DurationSpec>,
}

fn limit<'d>(check: &mut Check<'d>, value: &'d Value, scope: &Scope) -> Option<Limit> {
    let object = check.members(value, "`limit`", &[], &["attempt", "duration"])?;
    let duration = check.member(object, "duration", |check, value| check.duration(value, scope));
    let mut limit = Limit { duration, ..Limit::default() };
    check.member(object, "attempt", |check, value| {
        let attempt = check.members(value, "`attempt`", &[], &["count", "duration"])?;
        let count = check.member(attempt, "count", |check, value| check.count(value, "`count`"));
        limit.attempts_max = count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        limit.attempt_duration =
            check.member(attempt, "duration", |check, value| check.duration(value, scope));
        Some(())
    });
    Some(limit)
}
