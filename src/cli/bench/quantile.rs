//! Times in order: the middle one and the slow ones. A quantile is one of the times that were
//! measured, never something between two of them.

use std::time::Duration;

/// The time that `share` (0 to 1) of the times do not exceed; nothing when there are none.
pub(super) fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let place = (share * times.len() as f64).ceil() as usize;
    times.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_times() {
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        let mut at = |share| quantile(&mut times, share).as_millis();
        assert_eq!((at(0.5), at(0.99), at(1.0), at(0.0)), (50, 99, 100, 1));
        assert_eq!(quantile(&mut [], 0.5), Duration::ZERO);
    }
}
