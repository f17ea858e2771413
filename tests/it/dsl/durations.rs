//! Durations, as texts.

use holdpoint::dsl::parse_duration;
use holdpoint::model::time::Span;

#[test]
fn durations_have_their_length() {
    let table = [
        ("PT0S", 0),
        ("PT30S", 30_000),
        ("PT1.5S", 1_500),
        ("PT0.25H", 900_000),
        ("PT1H2M3S", 3_723_000),
        ("PT90M", 5_400_000),
        ("P1D", 86_400_000),
        ("P1W", 604_800_000),
        ("P1DT12H", 129_600_000),
        ("P36525D", 36_525 * 86_400_000),
    ];
    for (text, millis) in table {
        assert_eq!(parse_duration(text), Some(Span::from_millis(millis)), "{text}");
    }
    assert_eq!(parse_duration("PT0.0000015S"), Some(Span(1)), "below a microsecond is cut off");
}

#[test]
fn other_texts_are_no_durations() {
    let texts = [
        "",
        "P",
        "PT",
        "P1",
        "1H",
        "PT1",
        "PT1X",
        "P1M",
        "P1Y",
        "P1Y2D",
        "-PT1S",
        "PT-1S",
        "PT+1S",
        "pt1s",
        "PT1S ",
        "P1H",
        "PT1D",
        "PT1S1H",
        "PT1S1S",
        "P1DT",
        "PT.5S",
        "PT1.S",
        "PT1,5S",
        "P1T1S",
        "PT99999999999999999999S",
        "P36526D",
        "PT9999999999999999999999999999999999999999H",
        "P1D1W",
        "PT1e3S",
        "PT١S",
    ];
    for text in texts {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}
