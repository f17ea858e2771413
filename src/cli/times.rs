//! Times and lengths of time for people: how long ago, and exactly when.

use crate::model::time::{Span, Timestamp};

/// `2026-11-22 03:09:12Z (3 min ago)`, `… (in 2 h)`, or `-` for no time. A text that is no time
/// is shown as it is.
pub(super) fn moment(text: Option<&str>, now: Timestamp) -> String {
    let Some(text) = text else { return "-".to_owned() };
    match Timestamp::parse_rfc3339(text) {
        Some(at) => format!("{} ({})", exact(at), relative(at, now)),
        None => text.to_owned(),
    }
}

/// The length of time between two times of the API; `-` when one is missing.
pub(super) fn between(start: Option<&str>, end: Option<&str>) -> String {
    let time = |text: Option<&str>| text.and_then(Timestamp::parse_rfc3339);
    match (time(start), time(end)) {
        (Some(start), Some(end)) => length(end.since(start)),
        _ => "-".to_owned(),
    }
}

/// `3 min ago`, `in 2 h`, `now`.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let (ago, ahead) = (now.since(at), at.since(now));
    match (ago.0 / 1_000_000, ahead.0 / 1_000_000) {
        (0, 0) => "now".to_owned(),
        (0, _) => format!("in {}", length(ahead)),
        _ => format!("{} ago", length(ago)),
    }
}

/// The time of day in UTC with milliseconds, for lines that follow one another.
pub(super) fn of_day(text: &str) -> &str {
    text.get(11..23).unwrap_or(text)
}

/// A length of time in its largest unit: `350 ms`, `12 s`, `3 min`, `5 h`, `2 d`.
pub(super) fn length(span: Span) -> String {
    let millis = span.0 / 1_000;
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A time to the second in UTC.
fn exact(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_says_how_long_ago_and_when() {
        let now = Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").unwrap();
        let at = |text| moment(Some(text), now);
        assert_eq!(at("2026-11-22T09:57:00Z"), "2026-11-22 09:57:00Z (3 min ago)");
        assert_eq!(at("2026-11-23T09:59:59Z"), "2026-11-23 09:59:59Z (in 23 h)");
        assert_eq!(at("2026-11-22T10:00:00.4Z"), "2026-11-22 10:00:00Z (now)");
        assert_eq!(at("no time"), "no time");
        assert_eq!(moment(None, now), "-");
        assert_eq!(of_day("2026-11-22T09:57:00.123Z"), "09:57:00.123");
    }

    #[test]
    fn a_length_is_told_in_its_largest_unit() {
        let of = |seconds| length(Span::from_secs(seconds));
        assert_eq!(length(Span::from_millis(350)), "350 ms");
        let told = [59, 60, 3_599, 3_600, 172_799, 172_800].map(of);
        assert_eq!(told, ["59 s", "1 min", "59 min", "1 h", "47 h", "2 d"]);
    }
}
