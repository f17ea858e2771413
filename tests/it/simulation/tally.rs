//! How often what happened: what a run reached, and the proof that its weather was bad enough.

use std::collections::BTreeMap;

/// Everything that a run of many seeds must have met at least once.
const SOMETIMES: &[&str] = &[
    "lives",
    "crash by time",
    "crash at a point",
    "crash in the disk",
    "crash in the opening",
    "orderly restart",
    "panic at a point",
    "panic in the store's answer",
    "commit unavailable",
    "commit done unseen",
    "commit lost unseen",
    "commit in conflict",
    "commit found after a crash",
    "disk full",
    "disk error",
    "clock set forwards",
    "clock set backwards",
    "call",
    "call repeated with its key",
    "call answered late",
    "call never answered",
    "call failed",
    "call panicked",
    "call answered with a lie",
    "call in doubt made again",
    "submit repeated",
    "submit replayed",
    "key reused",
    "click",
    "click approved",
    "click rejected",
    "click sent back",
    "click refused: already-decided",
    "click refused: wrong-digest",
    "click without an answer",
    "click at the expiry",
    "event delivered",
    "event delivered again",
    "command suspended",
    "command resumed",
    "command terminated",
    "command resubmitted",
    "command refused",
    "worker stopped",
    "checkpoint expired",
    "checkpoint escalated",
    "call interrupted",
    "snapshot",
    "job COMPLETED",
    "job FAILED",
    "job REJECTED",
    "job CANCELLED",
];

#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub fn add(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    pub fn merge(&mut self, other: &Tally) {
        other.0.iter().for_each(|(what, times)| self.add(what, *times));
    }

    pub fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// What should have happened at least once and did not.
    pub fn never(&self) -> Vec<&'static str> {
        SOMETIMES.iter().copied().filter(|what| self.get(what) == 0).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>9}  {what}"))
    }
}
