//! Numbers as JSON has them here: integers of 64 bits, signed or not, and doubles. An integer stays
//! one as long as it fits; beyond that it becomes a double, as jq's numbers are, never a big
//! integer whose size an expression could drive.

use std::cmp::Ordering;
use std::fmt;

/// A number. `1` and `1.0` are equal and print differently, as in JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// Any integer from -2^63 to 2^64 - 1.
    Integer(i64),
    /// An integer above 2^63 - 1.
    Large(u64),
    /// Any double, also not a number and the infinities, which leave as null.
    Double(f64),
}

impl Number {
    pub(super) fn from_wide(wide: i128) -> Number {
        i64::try_from(wide).map(Number::Integer).unwrap_or_else(|_| {
            u64::try_from(wide).map_or(Number::Double(wide as f64), Number::Large)
        })
    }

    /// The number that a literal writes.
    pub(super) fn from_literal(literal: &str) -> Option<Number> {
        let wide = literal.parse::<i64>().map(i128::from);
        wide.or_else(|_| literal.parse::<u64>().map(i128::from))
            .map(Number::from_wide)
            .or_else(|_| literal.parse().map(Number::Double))
            .ok()
    }

    pub(super) fn to_wide(self) -> Option<i128> {
        match self {
            Number::Integer(integer) => Some(integer.into()),
            Number::Large(integer) => Some(integer.into()),
            Number::Double(_) => None,
        }
    }

    pub(super) fn to_double(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Large(integer) => integer as f64,
            Number::Double(double) => double,
        }
    }

    pub(super) fn absolute(self) -> Number {
        match self.to_wide() {
            Some(wide) => Number::from_wide(wide.abs()),
            None => Number::Double(self.to_double().abs()),
        }
    }

    /// On integers when both are and the result fits, else on doubles.
    pub(super) fn combine(
        self,
        other: Number,
        exact: fn(i128, i128) -> Option<i128>,
        double: fn(f64, f64) -> f64,
    ) -> Number {
        let wide = self.to_wide().zip(other.to_wide()).and_then(|(l, r)| exact(l, r));
        match wide {
            Some(wide) => Number::from_wide(wide),
            None => Number::Double(double(self.to_double(), other.to_double())),
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.to_double() == 0.0
    }

    /// As JSON; a double that JSON cannot write is null.
    pub(super) fn to_json(self) -> serde_json::Value {
        match self {
            Number::Integer(integer) => integer.into(),
            Number::Large(integer) => integer.into(),
            Number::Double(double) => double.into(),
        }
    }
}

impl Ord for Number {
    /// The exact order of the numbers meant, with not-a-number below all. A total order: a sort
    /// panics on any other.
    fn cmp(&self, other: &Number) -> Ordering {
        match (self.to_wide(), other.to_wide()) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(left), None) => compare(left, other.to_double()),
            (None, Some(right)) => compare(right, self.to_double()).reverse(),
            (None, None) => {
                let (left, right) = (self.to_double(), other.to_double());
                let numbers = left.partial_cmp(&right);
                numbers.unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
            }
        }
    }
}

/// Compares without losing the last digits of a large integer.
fn compare(integer: i128, double: f64) -> Ordering {
    match (integer as f64).partial_cmp(&double) {
        // Rounding keeps the order, so only what rounds to the same needs a closer look.
        Some(Ordering::Equal) => integer.cmp(&(double as i128)),
        Some(order) => order,
        None => Ordering::Greater,
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    /// As the order, but not-a-number equals nothing, as everywhere.
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal && !self.to_double().is_nan()
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(integer) => write!(f, "{integer}"),
            Number::Large(integer) => write!(f, "{integer}"),
            Number::Double(double) => match serde_json::Number::from_f64(*double) {
                Some(number) => write!(f, "{number}"),
                None => f.write_str("null"),
            },
        }
    }
}
