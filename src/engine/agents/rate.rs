//! How many calls a period takes: the generic cell rate algorithm (ITU-T I.371, annex A). The calls
//! of a period may come all at once; the next one comes when the first of them has aged out. It
//! reads no clock.

use crate::model::agent::RateLimit;
use crate::model::time::{Span, Timestamp};

/// What is known of the calls so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// When the calls so far would be through if they came evenly.
    through_at: Timestamp,
}

impl Rate {
    /// The earliest time at which a call fits under the limit.
    pub fn free_at(&self, limit: &RateLimit) -> Timestamp {
        let burst = spacing(limit).saturating_mul(u64::from(limit.requests.saturating_sub(1)));
        let burst = i64::try_from(burst).unwrap_or(i64::MAX);
        Timestamp(self.through_at.0.saturating_sub(burst))
    }

    /// A call leaves.
    pub fn count(&mut self, limit: &RateLimit, now: Timestamp) {
        self.through_at = self.through_at.max(now).after(Span(spacing(limit)));
    }
}

/// Microseconds between two calls that come evenly.
fn spacing(limit: &RateLimit) -> u64 {
    Span::from_millis(limit.per_ms).0.div_ceil(u64::from(limit.requests.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE_A_SECOND: RateLimit = RateLimit { requests: 3, per_ms: 1_000 };

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_000_000_000 + millis * 1_000)
    }

    #[test]
    fn a_period_takes_its_calls_at_once_and_then_one_by_one() {
        let mut rate = Rate::default();
        let mut now = at(0);
        let mut left = Vec::new();
        for _ in 0..6 {
            now = now.max(rate.free_at(&THREE_A_SECOND));
            left.push((now.0 - at(0).0) / 1_000);
            rate.count(&THREE_A_SECOND, now);
        }
        assert_eq!(left, [0, 0, 0, 333, 666, 1_000]);
    }

    #[test]
    fn what_was_not_used_is_not_saved_up() {
        let mut rate = Rate::default();
        rate.count(&THREE_A_SECOND, at(0));
        let later = at(60_000);
        for _ in 0..3 {
            assert!(rate.free_at(&THREE_A_SECOND) <= later);
            rate.count(&THREE_A_SECOND, later);
        }
        assert!(rate.free_at(&THREE_A_SECOND) > later);
    }

    #[test]
    fn senseless_limits_do_no_harm() {
        for limit in [
            RateLimit { requests: 0, per_ms: 0 },
            RateLimit { requests: u32::MAX, per_ms: u64::MAX },
            RateLimit { requests: 1, per_ms: u64::MAX },
        ] {
            let mut rate = Rate::default();
            rate.count(&limit, at(0));
            rate.count(&limit, Timestamp(i64::MAX));
            let _ = rate.free_at(&limit);
        }
    }
}
