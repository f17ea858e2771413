//! Arithmetic of values: `+ - * / %` and negation. Each asks for its memory before it takes it.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ops::Math;
use jaq_core::{Error, ValR};

use super::datum::{Datum, Object, allow_text};
use super::meter;
use super::number::Number;

impl Add for Datum {
    type Output = ValR<Datum>;

    fn add(self, other: Datum) -> ValR<Datum> {
        meter::spend(1);
        match (self, other) {
            (Datum::Null, other) | (other, Datum::Null) => Ok(other),
            (Datum::Number(left), Datum::Number(right)) => {
                Ok(Datum::Number(left.combine(right, i128::checked_add, |l, r| l + r)))
            }
            (Datum::Text(mut left), Datum::Text(right)) => {
                // A string that nobody else holds grows in place: only then is appending in a
                // `reduce` linear.
                let copied = if Arc::get_mut(&mut left).is_some() { 0 } else { left.len() };
                allow_text_of(left.len().saturating_add(right.len()), copied + right.len());
                Arc::make_mut(&mut left).push_str(&right);
                Ok(Datum::Text(left))
            }
            (Datum::Array(mut left), Datum::Array(right)) => {
                let copied = if Arc::get_mut(&mut left).is_some() { 0 } else { left.items.len() };
                meter::allocate(size_of::<Datum>() * (copied + right.items.len()));
                let array = Arc::make_mut(&mut left);
                for item in &right.items {
                    array.size = array.size.grown(item.size()).check();
                    array.items.push(item.clone());
                }
                Ok(Datum::Array(left))
            }
            (Datum::Object(left), Datum::Object(right)) => Ok(Datum::Object(union(left, right))),
            (left, right) => Err(Error::math(left, Math::Add, right)),
        }
    }
}

/// The members of both; the right ones win. The smaller object is put into the larger: jaq builds
/// `{a: 1, b: 2, …}` member by member, which must not be quadratic.
fn union(mut left: Arc<Object>, mut right: Arc<Object>) -> Arc<Object> {
    if left.members.len() < right.members.len() {
        let object = own(&mut right);
        for (key, value) in &left.members {
            if !object.members.contains_key(key) {
                object.insert(key.clone(), value.clone());
            }
        }
        return right;
    }
    let object = own(&mut left);
    for (key, value) in &right.members {
        object.insert(key.clone(), value.clone());
    }
    left
}

/// Checks the whole length of a string and pays for the part that is new.
fn allow_text_of(bytes: usize, new_bytes: usize) {
    if bytes > meter::TEXT_BYTES_MAX {
        allow_text(bytes);
    }
    meter::allocate(new_bytes);
}

/// The object for writing, paid for when it has to be copied first.
pub(super) fn own(object: &mut Arc<Object>) -> &mut Object {
    if Arc::get_mut(object).is_none() {
        meter::allocate(2 * size_of::<Datum>() * object.members.len());
    }
    Arc::make_mut(object)
}

impl Sub for Datum {
    type Output = ValR<Datum>;

    fn sub(self, other: Datum) -> ValR<Datum> {
        meter::spend(1);
        match (self, other) {
            (Datum::Number(left), Datum::Number(right)) => {
                Ok(Datum::Number(left.combine(right, i128::checked_sub, |l, r| l - r)))
            }
            (Datum::Array(left), Datum::Array(right)) => {
                let mut removed: Vec<&Datum> = right.items.iter().collect();
                removed.sort();
                let kept = left.items.iter().filter(|item| removed.binary_search(item).is_err());
                Ok(Datum::array(kept.cloned()))
            }
            (left, right) => Err(Error::math(left, Math::Sub, right)),
        }
    }
}

impl Mul for Datum {
    type Output = ValR<Datum>;

    fn mul(self, other: Datum) -> ValR<Datum> {
        meter::spend(1);
        match (self, other) {
            (Datum::Number(left), Datum::Number(right)) => {
                Ok(Datum::Number(left.combine(right, i128::checked_mul, |l, r| l * r)))
            }
            (Datum::Text(text), Datum::Number(times))
            | (Datum::Number(times), Datum::Text(text)) => Ok(repeat(&text, times)),
            (Datum::Object(mut left), Datum::Object(right)) => {
                merge(own(&mut left), &right);
                Ok(Datum::Object(left))
            }
            (left, right) => Err(Error::math(left, Math::Mul, right)),
        }
    }
}

/// `text` several times; null for none, as jq has it.
fn repeat(text: &str, times: Number) -> Datum {
    let times = times.to_double();
    if times.is_nan() || times <= 0.0 {
        return Datum::Null;
    }
    // The cast saturates, so that an absurd number of times is an absurd number of bytes.
    let times = times.ceil() as usize;
    allow_text(text.len().saturating_mul(times));
    // An empty text may be repeated any number of times, so that count is cut as well.
    Datum::Text(Arc::new(text.repeat(if text.is_empty() { 0 } else { times })))
}

/// Puts the members of `right` into `left`, and merges objects that both have.
fn merge(left: &mut Object, right: &Object) {
    for (key, value) in &right.members {
        let merged = match (left.members.get(key), value) {
            (Some(Datum::Object(old)), Datum::Object(new)) => {
                let mut old = old.clone();
                merge(own(&mut old), new);
                Datum::Object(old)
            }
            _ => value.clone(),
        };
        left.insert(key.clone(), merged);
    }
}

impl Div for Datum {
    type Output = ValR<Datum>;

    fn div(self, other: Datum) -> ValR<Datum> {
        meter::spend(1);
        match (self, other) {
            (Datum::Number(left), Datum::Number(right)) => {
                nonzero(right, "divide")?;
                let exact = |l: i128, r: i128| (l % r == 0).then(|| l / r);
                Ok(Datum::Number(left.combine(right, exact, |l, r| l / r)))
            }
            (Datum::Text(text), Datum::Text(separator)) => Ok(split(&text, &separator)),
            (left, right) => Err(Error::math(left, Math::Div, right)),
        }
    }
}

/// The parts of `text` between separators; its characters when the separator is empty.
fn split(text: &str, separator: &str) -> Datum {
    if text.is_empty() {
        Datum::array([])
    } else if separator.is_empty() {
        Datum::array(text.chars().map(Datum::text))
    } else {
        Datum::array(text.split(separator).map(Datum::text))
    }
}

impl Rem for Datum {
    type Output = ValR<Datum>;

    fn rem(self, other: Datum) -> ValR<Datum> {
        meter::spend(1);
        match (self, other) {
            (Datum::Number(left), Datum::Number(right)) => {
                nonzero(right, "take the remainder")?;
                Ok(Datum::Number(left.combine(right, i128::checked_rem, |l, r| l % r)))
            }
            (left, right) => Err(Error::math(left, Math::Rem, right)),
        }
    }
}

fn nonzero(divisor: Number, attempted: &str) -> Result<(), Error<Datum>> {
    if divisor.is_zero() {
        return Err(Error::str(format_args!("cannot {attempted}: the divisor is zero")));
    }
    Ok(())
}

impl Neg for Datum {
    type Output = ValR<Datum>;

    fn neg(self) -> ValR<Datum> {
        match self {
            Datum::Number(number) => {
                let zero = Number::Integer(0);
                Ok(Datum::Number(match number.to_wide() {
                    Some(_) => zero.combine(number, i128::checked_sub, |l, r| l - r),
                    None => Number::Double(-number.to_double()),
                }))
            }
            other => Err(Error::typ(other, "number")),
        }
    }
}
