//! Complaints about values that have the right type and still make no sense. Checking never stops
//! at the first: an operator should have to start the server only once more.

use std::ops::RangeInclusive;

/// An hour in milliseconds: no pause or limit of a single step is longer.
pub(super) const HOUR_MS: u64 = 3_600_000;

/// One senseless value.
#[derive(Debug)]
pub(super) struct Complaint {
    /// The dotted key.
    pub(super) key: &'static str,
    /// What is wrong with it.
    pub(super) problem: String,
    /// What would be right.
    pub(super) expected: String,
}

/// The complaints so far.
#[derive(Debug, Default)]
pub(super) struct Complaints(Vec<Complaint>);

impl Complaints {
    pub(super) fn add(
        &mut self,
        key: &'static str,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.0.push(Complaint { key, problem: problem.into(), expected: expected.into() });
    }

    pub(super) fn range(&mut self, key: &'static str, value: u64, allowed: RangeInclusive<u64>) {
        if !allowed.contains(&value) {
            let expected = format!("a whole number from {} to {}", allowed.start(), allowed.end());
            self.add(key, format!("{value} is out of range"), expected);
        }
    }

    pub(super) fn into_inner(self) -> Vec<Complaint> {
        self.0
    }
}
