//! Durations: ISO 8601 texts, objects of units, or expressions that give such a text.

use serde_json::Value;

use crate::dsl::check::Check;
use crate::dsl::definition::DurationSpec;
use crate::expr::Scope;
use crate::model::time::Span;

/// Longest duration, days: a hundred years. Longer ones are typing mistakes.
const DAYS_MAX: u64 = 36_525;

const MICROS_PER_SECOND: u128 = 1_000_000;

/// The units of the object form, with their length in microseconds.
const UNITS: [(&str, u128); 5] = [
    ("days", 86_400 * MICROS_PER_SECOND),
    ("hours", 3_600 * MICROS_PER_SECOND),
    ("minutes", 60 * MICROS_PER_SECOND),
    ("seconds", MICROS_PER_SECOND),
    ("milliseconds", 1_000),
];

/// Reads an ISO 8601 duration, as an expression gave it; `None` when the text is none.
pub fn parse_duration(text: &str) -> Option<Span> {
    parse_iso8601(text).ok()
}

/// Reads an ISO 8601 duration such as `PT30S` or `P1DT12H`. Weeks, days, hours, minutes and seconds
/// have a fixed length here; a day has 24 hours. Years and months have none and are refused.
fn parse_iso8601(text: &str) -> Result<Span, String> {
    let wrong = || format!("`{text}` is no ISO 8601 duration such as PT30S or P1DT12H");
    let body = text.strip_prefix('P').ok_or_else(wrong)?;
    let (dates, times) = match body.split_once('T') {
        Some((_, "")) => return Err(wrong()),
        Some((dates, times)) => (dates, times),
        None if body.is_empty() => return Err(wrong()),
        None => (body, ""),
    };
    if dates.contains(['Y', 'M']) {
        return Err(format!("`{text}` counts in years or months, which have no fixed length"));
    }
    let day = 86_400 * MICROS_PER_SECOND;
    let dates = units(dates, &[('W', 7 * day), ('D', day)]).ok_or_else(wrong)?;
    let clock = [('H', 3_600 * MICROS_PER_SECOND), ('M', 60 * MICROS_PER_SECOND)];
    let clock = [clock[0], clock[1], ('S', MICROS_PER_SECOND)];
    let times = units(times, &clock).ok_or_else(wrong)?;
    within_limit(dates.saturating_add(times))
}

/// The sum of numbers with units, each unit at most once and in this order.
fn units(text: &str, known: &[(char, u128)]) -> Option<u128> {
    let mut rest = text;
    let mut total = 0u128;
    for (unit, micros) in known {
        let Some((number, after)) = rest.split_once(*unit) else { continue };
        total = total.saturating_add(decimal(number, *micros)?);
        rest = after;
    }
    rest.is_empty().then_some(total)
}

/// A decimal number times a unit, cut off below a microsecond.
fn decimal(number: &str, micros: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() > 15 {
        return None;
    }
    // Twelve places are far below a microsecond of a week; more would only overflow.
    let fraction = &fraction[..fraction.len().min(12)];
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = fraction.parse::<u128>().ok()? * micros / scale;
    Some(whole.parse::<u128>().ok()? * micros + part)
}

fn within_limit(micros: u128) -> Result<Span, String> {
    let limit = u128::from(DAYS_MAX) * 86_400 * MICROS_PER_SECOND;
    match u64::try_from(micros) {
        Ok(micros) if u128::from(micros) <= limit => Ok(Span(micros)),
        _ => Err(format!("a duration must not be longer than {DAYS_MAX} days")),
    }
}

impl<'d> Check<'d> {
    /// A duration in any of its forms.
    pub fn duration(&mut self, value: &'d Value, scope: &Scope) -> Option<DurationSpec> {
        let span = match value {
            Value::String(text) => match self.marked_expression(text, scope)? {
                Some(expression) => return Some(DurationSpec::Expression(expression)),
                None => parse_iso8601(text),
            },
            Value::Object(_) => self.duration_of_units(value)?,
            _ => Err("a duration must be an ISO 8601 text, an object of units or an expression"
                .to_owned()),
        };
        match span {
            Ok(span) => Some(DurationSpec::Fixed(span)),
            Err(message) => {
                self.defect_with(message, "for example PT30S, or { seconds: 30 }");
                None
            }
        }
    }

    fn duration_of_units(&mut self, value: &'d Value) -> Option<Result<Span, String>> {
        let before = self.defect_count();
        let object = self.members(value, "a duration", &[], &UNITS.map(|(name, _)| name))?;
        if object.is_empty() {
            return Some(Err("a duration needs at least one unit".to_owned()));
        }
        let mut total = 0u128;
        for (name, micros) in UNITS {
            let count = self.member(object, name, |check, value| check.count(value, name));
            total = total.saturating_add(u128::from(count.unwrap_or(0)).saturating_mul(micros));
        }
        (before == self.defect_count()).then(|| within_limit(total))
    }
}
