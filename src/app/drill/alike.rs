//! Two values that differ in nothing but the time that passed: a rehearsal does what was done, but
//! not in the same microsecond.

use serde_json::Value;

use crate::model::problem::{Problem, same_type};
use crate::model::time::{Span, Timestamp};

/// How far two times may be apart that stand for the same moment: what a busy server may have
/// taken to get from one step to the next.
const APART_MAX: Span = Span::from_secs(60);

/// The time from the creation of a job to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Lifetime {
    /// Could this number be a moment of the job, in seconds or milliseconds?
    fn covers(self, number: f64) -> bool {
        let micros = APART_MAX.0 as f64;
        let (from, to) = (self.from.0 as f64 - micros, self.to.0 as f64 + micros);
        [1e6, 1e3].iter().any(|unit| (from..=to).contains(&(number * unit)))
    }

    /// The first place in which they differ, as a JSON Pointer; nothing when they are alike.
    pub fn difference(self, left: &Value, right: &Value) -> Option<String> {
        match (left, right) {
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                let pairs = left.iter().zip(right).enumerate();
                first(pairs.map(|(at, (left, right))| (at.to_string(), left, right)), self)
            }
            (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
                let pairs = left.iter().map(|(name, value)| {
                    (name.clone(), value, right.get(name).unwrap_or(&Value::Null))
                });
                first(pairs, self)
            }
            (Value::String(one), Value::String(other)) if one != other => {
                let times = (Timestamp::parse_rfc3339(one), Timestamp::parse_rfc3339(other));
                let same = matches!(times, (Some(one), Some(other)) if near(one, other));
                (!same).then(String::new)
            }
            (Value::Number(one), Value::Number(other)) if one != other => {
                let numbers = (one.as_f64(), other.as_f64());
                let same = matches!(numbers, (Some(one), Some(other))
                    if self.covers(one) && self.covers(other));
                (!same).then(String::new)
            }
            _ => (left != right).then(String::new),
        }
    }
}

fn first<'a>(
    pairs: impl Iterator<Item = (String, &'a Value, &'a Value)>,
    lifetime: Lifetime,
) -> Option<String> {
    let mut found = pairs.filter_map(|(name, left, right)| {
        lifetime.difference(left, right).map(|inside| format!("/{name}{inside}"))
    });
    found.next()
}

fn near(one: Timestamp, other: Timestamp) -> bool {
    one.max(other).since(one.min(other)) <= APART_MAX
}

/// Do two errors say the same? Their details may name times and ids.
pub(super) fn same_error(left: Option<&Problem>, right: Option<&Problem>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => {
            same_type(&left.kind, &right.kind)
                && (left.status, &left.instance) == (right.status, &right.instance)
        }
        (left, right) => left.is_none() && right.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_the_job_are_alike_and_nothing_else_is() {
        let at = |text| Timestamp::parse_rfc3339(text).expect("a time");
        let lifetime =
            Lifetime { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-01T01:00:00Z") };
        let alike = |left, right| lifetime.difference(&left, &right);
        assert_eq!(alike(json!("2026-01-01T00:00:00Z"), json!("2026-01-01T00:00:59Z")), None);
        assert_eq!(alike(json!(1_767_225_601), json!(1_767_225_603)), None);
        assert_eq!(alike(json!(1_767_225_601_000_i64), json!(1_767_225_601_001_i64)), None);
        for (left, right) in [
            (json!("2026-01-01T00:00:00Z"), json!("2026-01-01T00:02:00Z")),
            (json!(7), json!(8)),
            (json!(null), json!([])),
            (json!({ "a": null }), json!({ "b": null, "c": 1 })),
        ] {
            assert_eq!(alike(left, right), Some(String::new()));
        }
        let (left, right) = (json!({ "a": [1, { "b": 2 }] }), json!({ "a": [1, { "b": 3 }] }));
        assert_eq!(alike(left, right), Some("/a/1/b".to_owned()));
        assert_eq!(alike(json!({ "a": 1 }), json!({ "b": 1 })), Some("/a".to_owned()));
    }
}
