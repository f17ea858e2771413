//! The functions of jq that jaq leaves to the value type, and those of jaq that must be bounded.

use std::sync::Arc;

use jaq_core::native::{self, Filter, bome, unary, v};
use jaq_core::{DataT, Error, Lut, RunPtr, ValR};

use super::access::json_text;
use super::datum::Datum;
use super::json::from_json;
use super::meter::{self, Stop};
use super::number::Number;

/// The kind of data that jaq computes with here.
pub(super) struct Jq;

/// A program while it runs. jaq asks it for its lookup table before each term: that is the step the
/// meter counts.
#[derive(Clone, Copy)]
pub(super) struct Program<'a>(pub &'a Lut<Jq>);

impl DataT for Jq {
    type V<'a> = Datum;
    type Data<'a> = Program<'a>;
}

impl<'a> jaq_core::data::HasLut<'a, Jq> for Program<'a> {
    fn lut(&self) -> &'a Lut<Jq> {
        meter::step();
        self.0
    }
}

/// Natives of jaq that are left out: they read the clock, the machine or the process, write logs,
/// make byte strings, or loop as long as a number says (`jn`, `yn`).
const LEFT_OUT: &[&str] = &[
    "env",
    "now",
    "localtime",
    "strflocaltime",
    "halt",
    "debug_empty",
    "stderr_empty",
    "jn",
    "yn",
];
/// Natives that the library wraps, so that they are asked for under another name.
const WRAPPED: &[(&str, &str)] = &[
    ("matches", "native_matches"),
    ("split_matches", "native_split_matches"),
    ("split_", "native_split"),
];
/// Largest product of a pattern's cost and a text's bytes. The regular expressions are linear in
/// it, at some hundred million a second; nothing can stop one that has begun.
const PATTERN_WORK_MAX: f64 = 5e7;
/// Longest pattern, bytes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// Every native function by name.
pub(super) fn natives() -> impl Iterator<Item = native::Fun<Jq>> {
    let jaq = jaq_core::funs().chain(jaq_std::funs());
    let jaq = jaq.filter(|(name, ..)| !LEFT_OUT.contains(name)).map(|(name, arguments, run)| {
        let wrapped = WRAPPED.iter().find(|(plain, _)| *plain == name);
        (wrapped.map_or(name, |(_, wrapped)| wrapped), arguments, run)
    });
    jaq.chain(own_natives().into_iter().map(native::run::<Jq>))
}

fn own_natives() -> Vec<Filter<RunPtr<Jq>>> {
    vec![
        ("nan", v(0), |_| bome(Ok(Datum::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Datum::from(f64::INFINITY)))),
        ("isnan", v(0), |cv| {
            let is_nan = matches!(cv.1, Datum::Number(number) if number.to_double().is_nan());
            bome(Ok(is_nan.into()))
        }),
        ("tojson", v(0), |cv| bome(Ok(Datum::text(json_text(&cv.1))))),
        ("fromjson", v(0), |cv| bome(parse(&cv.1))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("has", v(1), |cv| unary(cv, |value, key| Ok(value.get(&key)?.is_some().into()))),
        ("contains", v(1), |cv| unary(cv, |value, part| Ok(contains(&value, &part).into()))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| unary(cv, |value, wanted| search(&value, &wanted))),
        ("native_pattern", v(1), |cv| unary(cv, |text, pattern| allow_pattern(text, &pattern))),
    ]
}

/// JSON text as a value. Unlike jaq this is JSON as everywhere in the product, one value only.
fn parse(text: &Datum) -> ValR<Datum> {
    let Datum::Text(json) = text else {
        return Err(Error::typ(text.clone(), "string"));
    };
    // A tree takes more than its text: at most one value per two bytes, each of some dozens.
    meter::allocate(json.len().saturating_mul(8));
    let value = serde_json::from_str(json)
        .map_err(|error| Error::str(format_args!("cannot parse {text} as JSON: {error}")))?;
    Ok(from_json(&value).unwrap_or_else(|_| meter::stop(Stop::TooDeep)))
}

fn length(value: &Datum) -> ValR<Datum> {
    Ok(match value {
        Datum::Null => Datum::from(0_usize),
        Datum::Bool(_) => return Err(Error::str(format_args!("{value} has no length"))),
        Datum::Number(number) => Datum::Number(number.absolute()),
        Datum::Text(text) => {
            meter::spend(text.len() as u64 / 1024);
            Datum::from(text.chars().count())
        }
        Datum::Array(array) => Datum::from(array.items.len()),
        Datum::Object(object) => Datum::from(object.members.len()),
    })
}

fn contains(value: &Datum, part: &Datum) -> bool {
    meter::spend(1);
    match (value, part) {
        (Datum::Text(text), Datum::Text(part)) => {
            meter::spend(text.len() as u64 / 256);
            text.contains(&***part)
        }
        (Datum::Array(array), Datum::Array(parts)) => {
            (parts.items.iter()).all(|part| array.items.iter().any(|item| contains(item, part)))
        }
        (Datum::Object(object), Datum::Object(parts)) => (parts.members.iter())
            .all(|(key, part)| object.members.get(key).is_some_and(|value| contains(value, part))),
        _ => value == part,
    }
}

/// Where `part` begins in `value`; overlapping places count, in characters for strings.
pub(super) fn indices(value: &Datum, part: &Datum) -> ValR<Datum> {
    Ok(match (value, part) {
        (Datum::Null, _) => Datum::Null,
        (Datum::Text(text), Datum::Text(part)) => {
            let starts = text.char_indices().enumerate().filter(|(_, (at, _))| {
                meter::spend(1);
                !part.is_empty() && text.get(*at..).is_some_and(|rest| rest.starts_with(&***part))
            });
            Datum::array(starts.map(|(place, _)| Datum::from(place)))
        }
        (Datum::Array(_), Datum::Array(part)) if part.items.is_empty() => Datum::array([]),
        (Datum::Array(array), Datum::Array(part)) => {
            let windows = array.items.windows(part.items.len()).enumerate();
            let starts = windows.filter(|(_, window)| *window == part.items);
            Datum::array(starts.map(|(place, _)| Datum::from(place)))
        }
        (Datum::Array(array), part) => {
            let places = array.items.iter().enumerate().filter(|(_, item)| *item == part);
            Datum::array(places.map(|(place, _)| Datum::from(place)))
        }
        (value, part) => return Err(Error::index(value.clone(), part.clone())),
    })
}

fn search(value: &Datum, wanted: &Datum) -> ValR<Datum> {
    let Datum::Array(array) = value else {
        return Err(Error::typ(value.clone(), "array"));
    };
    Ok(Datum::Number(Number::from_wide(match array.items.binary_search(wanted) {
        Ok(place) => place as i128,
        Err(place) => -1 - place as i128,
    })))
}

/// `text` itself when looking for `pattern` in it ends soon enough.
fn allow_pattern(text: Datum, pattern: &Datum) -> ValR<Datum> {
    let Datum::Text(pattern) = pattern else {
        return Err(Error::typ(pattern.clone(), "regular expression, which is a string"));
    };
    let Datum::Text(searched) = &text else {
        return Err(Error::typ(text, "string"));
    };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(Error::str(format_args!(
            "the regular expression has {} bytes; at most {PATTERN_BYTES_MAX}",
            pattern.len()
        )));
    }
    if pattern_cost(pattern) * (searched.len() + 64) as f64 > PATTERN_WORK_MAX {
        return Err(Error::str(format_args!(
            "the regular expression {} is too long or repeats too much for a text of {} bytes",
            Datum::Text(Arc::clone(pattern)),
            searched.len()
        )));
    }
    meter::spend(searched.len() as u64 / 16);
    Ok(text)
}

/// About how many states a pattern has: each counted repetition multiplies what stands before it,
/// and nobody parses here what that is, so it counts for the whole pattern.
fn pattern_cost(pattern: &str) -> f64 {
    let braces = pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let times = braces.map(|inside| {
        let counts = inside.split(',').filter_map(|count| count.trim().parse::<f64>().ok());
        counts.fold(1.0, f64::max)
    });
    pattern.len() as f64 * times.product::<f64>()
}
