//! Chance from a seed: a stream of numbers for each purpose, so that one more throw in one place
//! changes nothing in the others.

use std::hash::{DefaultHasher, Hash, Hasher};

use holdpoint::store::Random;

#[derive(Clone, Debug)]
pub struct Dice(Random);

impl Dice {
    /// The stream of this purpose.
    pub fn new(seed: u64, purpose: impl Hash) -> Self {
        // Without keys of its own it gives the same number in every process.
        let mut hasher = DefaultHasher::new();
        (seed, purpose).hash(&mut hasher);
        Self(Random(hasher.finish()))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0.below(limit)
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times of a thousand.
    pub fn per_mille(&mut self, parts: u64) -> bool {
        self.below(1_000) < parts
    }

    pub fn percent(&mut self, parts: u64) -> bool {
        self.below(100) < parts
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len() as u64) as usize) }
    }

    /// One of these, as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in from {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        unreachable!("the weights add up")
    }
}
