//! The figures to reach, all in one place. Each is for the machine that it was set on: two cores
//! and a virtual disk; the ratios hold on any.

/// What a figure is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// The target in words.
    pub(super) words: &'static str,
    /// What the measured value is to be, if that is the target.
    pub(super) value: Option<Bound>,
    /// What its share of the baseline is to be, if that is the target.
    pub(super) ratio: Option<Bound>,
}

/// One side of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub(super) fn is_met(self, found: f64) -> bool {
        match self {
            Self::AtLeast(least) => found >= least,
            Self::AtMost(most) => found <= most,
        }
    }
}

const fn value(words: &'static str, bound: Bound) -> Target {
    Target { words, value: Some(bound), ratio: None }
}

const fn ratio(words: &'static str, bound: Bound) -> Target {
    Target { words, value: None, ratio: Some(bound) }
}

use Bound::{AtLeast, AtMost};

const MIB: f64 = 1024.0 * 1024.0;

pub(super) const W0_TRANSITIONS: Target = ratio("at least 50 % of the bare loop", AtLeast(0.5));
pub(super) const W0_JOBS: Target = value("5,000 /s and more", AtLeast(5_000.0));
pub(super) const W1_JOBS: Target = Target {
    words: "2,100 /s and more, at least 40 % of the bare loop",
    value: Some(AtLeast(2_100.0)),
    ratio: Some(AtLeast(0.4)),
};
pub(super) const W1_CPU: Target = value("under 0.7 ms", AtMost(0.7));
pub(super) const W1_ALONE: Target = Target {
    words: "under 3 ms, under 1.5x its own commits and calls",
    value: Some(AtMost(3.0)),
    ratio: Some(AtMost(1.5)),
};
pub(super) const W1_SYNCS: Target = value("at most 0.5", AtMost(0.5));
pub(super) const W1_SYNCS_ALONE: Target = value("at most 10", AtMost(10.0));
pub(super) const W2_PARK: Target = value("4,900 /s", AtLeast(4_900.0));
pub(super) const W2_APPROVE: Target = value("6,900 /s", AtLeast(6_900.0));
pub(super) const W2_DONE: Target = value("under 15 ms", AtMost(15.0));
pub(super) const PARKED_MEMORY: Target = value("under 200 B", AtMost(200.0));
pub(super) const PARKED_DISK: Target = value("under 2 KiB", AtMost(2_048.0));
pub(super) const W3_RESTART: Target = value("under 0.2 s with 10,000 parked", AtMost(200.0));
pub(super) const W3_RESTART_MANY: Target = value("under 15 s with 1,000,000", AtMost(15_000.0));
pub(super) const W4_JOBS: Target = ratio("at least 95 % of the empty store", AtLeast(0.95));
/// "Flat": a tenth of what the server takes anyway is the noise of an allocator.
pub(super) const W4_MEMORY: Target = ratio("flat: at most 1.1x", AtMost(1.1));
pub(super) const W4_PAGE: Target = value("under 20 ms server time", AtMost(20.0));
pub(super) const COLD_START: Target = value("under 200 ms", AtMost(200.0));
pub(super) const BINARY: Target = value("under 40 MiB", AtMost(40.0 * MIB));
pub(super) const IDLE_MEMORY: Target = value("under 40 MiB", AtMost(40.0 * MIB));
