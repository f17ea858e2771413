//! How jaq reads, builds and updates values: its two value traits for [`Datum`]. Strict as jq is:
//! keys are strings, and an index into the wrong type is an error.

use std::sync::Arc;

use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, Exn, ValR, ValT, ValX};

use super::datum::{Array, Datum, Object};
use super::json::write_at_most;
use super::meter::{self, Stop, TEXT_BYTES_MAX};
use super::number::Number;
use super::operators::own;

impl From<bool> for Datum {
    fn from(bool: bool) -> Datum {
        Datum::Bool(bool)
    }
}

impl From<isize> for Datum {
    fn from(integer: isize) -> Datum {
        meter::spend(1);
        Datum::Number(Number::from_wide(integer as i128))
    }
}

impl From<usize> for Datum {
    fn from(integer: usize) -> Datum {
        Datum::Number(Number::from_wide(integer as i128))
    }
}

impl From<f64> for Datum {
    fn from(double: f64) -> Datum {
        Datum::Number(Number::Double(double))
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Datum {
        Datum::text(text)
    }
}

impl From<Range<Datum>> for Datum {
    fn from(range: Range<Datum>) -> Datum {
        let bounds = [("start", range.start), ("end", range.end)];
        let bounds = bounds.into_iter().filter_map(|(key, bound)| Some((key, bound?)));
        Datum::object(bounds.map(|(key, bound)| (Arc::new(key.to_owned()), bound)))
    }
}

impl FromIterator<Datum> for Datum {
    fn from_iter<I: IntoIterator<Item = Datum>>(items: I) -> Datum {
        Datum::array(items)
    }
}

const ITERABLE: &str = "iterable (array or object)";

/// The place that an index means: from the end when it is negative. None outside of `len`.
fn place(index: Number, len: usize) -> Option<usize> {
    let index = index.to_wide().unwrap_or(index.to_double().floor() as i128);
    let index = if index < 0 { index + len as i128 } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// The places from and to, cut to `len`, that a range means.
fn places(range: &Range<&Datum>, len: usize) -> Result<(usize, usize), Error<Datum>> {
    let bound = |bound: Option<&Datum>, default: usize| match bound {
        None | Some(Datum::Null) => Ok(default),
        Some(Datum::Number(number)) => {
            let index = number.to_double();
            let index = if index < 0.0 { index + len as f64 } else { index };
            // The cast saturates: below zero is zero.
            Ok((index as usize).min(len))
        }
        Some(other) => Err(Error::typ(other.clone(), "number")),
    };
    let from = bound(range.start, 0)?;
    Ok((from, bound(range.end, len)?.max(from)))
}

/// A bound of a range that is written as an object with `start` and `end`.
fn bound_of<'d>(bounds: &'d Object, key: &str) -> Option<&'d Datum> {
    let key = String::from(key);
    bounds.members.get(&key)
}

/// The part of a string between two places that count characters.
fn slice_of(text: &str, range: &Range<&Datum>) -> Result<(usize, usize), Error<Datum>> {
    meter::spend(text.len() as u64 / 256);
    let (from, to) = places(range, text.chars().count())?;
    let byte = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(at, _)| at);
    Ok((byte(from), byte(to)))
}

impl Datum {
    /// What is at `index`; None when nothing is there.
    pub(super) fn get(&self, index: &Datum) -> Result<Option<Datum>, Error<Datum>> {
        meter::spend(1);
        Ok(match (self, index) {
            (Datum::Null, Datum::Null | Datum::Number(_) | Datum::Text(_) | Datum::Object(_)) => {
                None
            }
            (Datum::Array(array), Datum::Number(index)) => {
                place(*index, array.items.len()).and_then(|index| array.items.get(index)).cloned()
            }
            (Datum::Array(_), Datum::Array(_)) => Some(super::natives::indices(self, index)?),
            (Datum::Object(object), Datum::Text(key)) => object.members.get(&**key).cloned(),
            (Datum::Text(_) | Datum::Array(_), Datum::Object(bounds)) => {
                let bound = |key: &str| bound_of(bounds, key);
                return self.clone().range(bound("start")..bound("end")).map(Some);
            }
            (other, index) => return Err(Error::index(other.clone(), index.clone())),
        })
    }
}

fn take_items(array: Arc<Array>) -> Vec<Datum> {
    Arc::try_unwrap(array).map_or_else(|shared| shared.items.clone(), |array| array.items)
}

impl ValT for Datum {
    fn from_num(literal: &str) -> ValR<Datum> {
        let number = Number::from_literal(literal).map(Datum::Number);
        number.ok_or_else(|| Error::str(format_args!("{literal} is not a number")))
    }

    fn from_map<I: IntoIterator<Item = (Datum, Datum)>>(members: I) -> ValR<Datum> {
        let members = members.into_iter().map(|(key, value)| match key {
            Datum::Text(key) => Ok((key, value)),
            other => Err(Error::typ(other, "key of an object, which is a string")),
        });
        Ok(Datum::object(members.collect::<Result<Vec<_>, _>>()?))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Datum, Datum), Datum>> {
        match self {
            Datum::Array(array) => Box::new((0..array.items.len()).map_while(move |index| {
                meter::spend(1);
                array.items.get(index).map(|item| Ok((Datum::from(index), item.clone())))
            })),
            Datum::Object(object) => {
                let members: Vec<_> = object.members.clone().into_iter().collect();
                Box::new(members.into_iter().map(|(key, value)| {
                    meter::spend(1);
                    Ok((Datum::Text(key), value))
                }))
            }
            other => box_once(Err(Error::typ(other, ITERABLE))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Datum>>> {
        match self {
            Datum::Array(array) => Box::new((0..array.items.len()).map_while(move |index| {
                meter::spend(1);
                array.items.get(index).cloned().map(Ok)
            })),
            other => Box::new(other.key_values().map(|pair| pair.map(|(_, value)| value))),
        }
    }

    fn index(self, index: &Datum) -> ValR<Datum> {
        self.get(index).map(|found| found.unwrap_or(Datum::Null))
    }

    fn range(self, range: Range<&Datum>) -> ValR<Datum> {
        match &self {
            Datum::Null => Ok(Datum::Null),
            Datum::Text(text) => {
                let (from, to) = slice_of(text, &range)?;
                Ok(Datum::text(text.get(from..to).unwrap_or_default()))
            }
            Datum::Array(array) => {
                let (from, to) = places(&range, array.items.len())?;
                Ok(Datum::array(array.items.get(from..to).unwrap_or_default().iter().cloned()))
            }
            _ => Err(Error::typ(self, "rangeable (array or string)")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        match self {
            Datum::Array(array) => take_items(array).into_iter().flat_map(update).collect(),
            Datum::Object(object) => {
                let members = Arc::unwrap_or_clone(object).members.into_iter();
                let members = members
                    .filter_map(|(key, value)| Some(update(value).next()?.map(|v| (key, v))));
                Ok(Datum::object(members.collect::<Result<Vec<_>, _>>()?))
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, ITERABLE))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        index: &Datum,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        match (self, index) {
            (Datum::Null, Datum::Text(_)) => Datum::object([]).map_index(index, opt, update),
            (Datum::Null, Datum::Number(_)) => Datum::array([]).map_index(index, opt, update),
            (Datum::Object(mut object), Datum::Text(key)) => {
                update_member(own(&mut object), key, update)?;
                Ok(Datum::Object(object))
            }
            (Datum::Array(array), Datum::Number(number)) => {
                update_item(array, *number, opt, update)
            }
            (value @ (Datum::Text(_) | Datum::Array(_)), Datum::Object(bounds)) => {
                let bound = |key: &str| bound_of(bounds, key);
                value.map_range(bound("start")..bound("end"), opt, update)
            }
            (other, index) => {
                opt.fail(other, |other| Exn::from(Error::index(other, index.clone())))
            }
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        range: Range<&Datum>,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        let bounds = match &self {
            Datum::Array(array) => places(&range, array.items.len()),
            Datum::Text(text) => slice_of(text, &range),
            _ => Err(Error::typ(self.clone(), "rangeable (array or string)")),
        };
        let (from, to) = match bounds {
            Ok(bounds) => bounds,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        let new = update(self.clone().range(range)?).next().transpose()?;
        match (self, new) {
            (Datum::Array(array), None) => splice(&array, from, to, &[]),
            (Datum::Array(array), Some(Datum::Array(new))) => splice(&array, from, to, &new.items),
            (Datum::Array(_), Some(other)) => Err(Exn::from(Error::typ(other, "array"))),
            (Datum::Text(text), Some(Datum::Text(new))) => {
                let head = text.get(..from).unwrap_or_default();
                let tail = text.get(to..).unwrap_or_default();
                Ok(Datum::text([head, &new, tail].concat()))
            }
            (_, Some(other)) => Err(Exn::from(Error::typ(other, "string"))),
            (text, None) => Ok(text),
        }
    }

    fn as_bool(&self) -> bool {
        self.is_true()
    }

    fn into_string(self) -> Datum {
        match self {
            Datum::Text(_) => self,
            other => Datum::text(json_text(&other)),
        }
    }
}

/// Updates the member of a key. It leaves its object meanwhile, so that nobody else holds it and it
/// can grow in place.
fn update_member<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    object: &mut Object,
    key: &Arc<String>,
    update: impl Fn(Datum) -> I,
) -> Result<(), Exn<'a, Datum>> {
    let old = object.take(key).unwrap_or(Datum::Null);
    if let Some(new) = update(old).next().transpose()? {
        object.insert(key.clone(), new);
    }
    Ok(())
}

/// Updates the item at an index. As in jq, a gap before a new item is filled with nulls; they are
/// paid for before they are made, so one large number cannot take all memory.
fn update_item<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    mut array: Arc<Array>,
    index: Number,
    opt: Opt,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let len = array.items.len();
    let missing = index.to_wide().and_then(|index| usize::try_from(index).ok());
    let Some(index) = place(index, len).or(missing) else {
        let message = format!("index {index} is outside of an array of {len} items");
        return opt.fail(Datum::Array(array), |_| Exn::from(Error::str(message)));
    };
    if Arc::get_mut(&mut array).is_none() {
        meter::allocate(size_of::<Datum>() * len);
    }
    let owned = Arc::make_mut(&mut array);
    let old = owned.replace(index, Datum::Null);
    match update(old).next().transpose()? {
        Some(new) => {
            owned.fill(index);
            owned.replace(index, new);
        }
        None if index < len => {
            meter::spend(len as u64 / 64);
            owned.size = owned.size.shrunk(owned.items.remove(index).size());
        }
        None => {}
    }
    Ok(Datum::Array(array))
}

fn splice<'a>(array: &Array, from: usize, to: usize, new: &[Datum]) -> ValX<'a, Datum> {
    let head = array.items.get(..from).unwrap_or_default();
    let tail = array.items.get(to..).unwrap_or_default();
    Ok(Datum::array(head.iter().chain(new).chain(tail).cloned()))
}

/// The whole value as JSON text.
pub(super) fn json_text(value: &Datum) -> String {
    let (text, whole) = write_at_most(value, TEXT_BYTES_MAX);
    if !whole {
        meter::stop(Stop::TooLarge { bytes: TEXT_BYTES_MAX, max: TEXT_BYTES_MAX });
    }
    text
}

impl jaq_std::ValT for Datum {
    fn into_seq<S: FromIterator<Datum>>(self) -> Result<S, Datum> {
        match self {
            Datum::Array(array) => {
                meter::allocate(size_of::<Datum>() * array.items.len());
                Ok(take_items(array).into_iter().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Datum::Number(number) if number.to_wide().is_some())
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Datum::Number(number) => isize::try_from(number.to_wide()?).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Datum::Number(number) => Some(number.to_double()),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Datum::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Datum::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn as_sub_str(&self, part: &[u8]) -> Datum {
        Datum::text(String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Datum {
        Datum::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
