//! Times as counts in buckets whose width grows with the time: a quantile is right to an eighth,
//! however many times were counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bits of a time that tell buckets of one power of two apart.
const FINE_BITS: u32 = 3;

/// Times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Latency(BTreeMap<u32, u64>);

impl Latency {
    /// Counts a time.
    pub(crate) fn add(&mut self, ms: u64) {
        *self.0.entry(bucket(ms)).or_default() += 1;
    }

    /// Counts the times of another one as well.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The time that so many of a hundred do not exceed, milliseconds; none before the first.
    pub(crate) fn quantile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += count;
            (seen >= wanted).then(|| longest(*bucket))
        })
    }
}

/// The bucket of a time: times below eight have one each.
fn bucket(ms: u64) -> u32 {
    let fine = 1 << FINE_BITS;
    if ms < fine {
        return ms as u32;
    }
    let power = ms.ilog2();
    let rest = (ms >> (power - FINE_BITS)) as u32 - fine as u32;
    ((power - FINE_BITS + 1) << FINE_BITS) + rest
}

/// The longest time of a bucket.
fn longest(bucket: u32) -> u64 {
    let fine = 1u32 << FINE_BITS;
    if bucket < fine {
        return u64::from(bucket);
    }
    let shift = (bucket >> FINE_BITS) - 1;
    let rest = u64::from(bucket & (fine - 1)) + u64::from(fine);
    // In the topmost bucket the next one would begin beyond the numbers there are.
    ((u128::from(rest + 1) << shift) - 1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_its_bucket_and_a_bucket_is_an_eighth_wide() {
        for ms in (0..5_000).chain([u64::from(u32::MAX), u64::MAX / 2, u64::MAX]) {
            let top = longest(bucket(ms));
            assert!(top >= ms, "{ms}: {top}");
            assert!(top - ms <= ms / 8, "{ms}: {top}");
            assert_eq!(bucket(top), bucket(ms));
        }
    }

    #[test]
    fn quantiles_are_those_of_the_times() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(50), None);
        (1..=100).for_each(|ms| latency.add(ms));
        assert_eq!(latency.quantile(5), Some(5));
        assert!((50..=56).contains(&latency.quantile(50).unwrap_or(0)));
        assert!((95..=107).contains(&latency.quantile(95).unwrap_or(0)));
        assert_eq!(latency.quantile(100), Some(103));
    }
}
