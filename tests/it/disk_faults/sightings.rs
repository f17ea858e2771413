//! What a run really reached: a proof that never met the danger proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use holdpoint::store::{Operation, SimDisk};

use super::ledger::Wish;

/// How often each thing was seen.
#[derive(Clone, Debug, Default)]
pub struct Sightings(BTreeMap<&'static str, u64>);

impl Sightings {
    pub fn saw(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    pub fn merge(&mut self, other: Sightings) {
        for (what, times) in other.0 {
            self.add(what, times);
        }
    }

    pub fn times(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// What was acknowledged.
    pub fn saw_wish(&mut self, wish: &Wish) {
        self.saw("acknowledged");
        let Wish::Commit(draft) = wish else { return self.saw("acknowledged without a job") };
        let commit = &draft.commit;
        let parts = [
            ("acknowledged with a snapshot", commit.snapshot.is_some()),
            ("acknowledged with a checkpoint", !commit.checkpoints.is_empty()),
            ("acknowledged with a nudge", commit.nudge.is_some()),
            ("acknowledged with a key", commit.key.is_some()),
            ("acknowledged with a subscription", !commit.subscriptions.is_empty()),
        ];
        parts.iter().filter(|(_, is_there)| *is_there).for_each(|(what, _)| self.saw(what));
    }

    /// Where in a transaction a disk died that worked when the store was opened, after so many
    /// operations. A transaction of two phases syncs twice.
    pub fn saw_cut(&mut self, disk: &SimDisk, opened_after: u64) {
        let trace = disk.trace(opened_after);
        let Some((last, before)) = trace.split_last() else {
            return self.saw("cut between two transactions");
        };
        let syncs = before.iter().filter(|operation| **operation == Operation::Sync).count();
        let since_sync = before.iter().rev().take_while(|one| **one != Operation::Sync);
        let has_grown = since_sync.clone().chain([last]).any(|one| *one == Operation::SetLength);
        if has_grown {
            self.saw("cut while the file grew");
        }
        self.saw(match (syncs % 2, last, since_sync.count()) {
            (0, Operation::Sync, _) => "cut in the first sync",
            (0, _, 0) => "cut in the first write",
            (0, ..) => "cut between write and first sync",
            (_, Operation::Sync, _) => "cut in the second sync",
            (..) => "cut between the phases",
        });
    }
}

impl fmt::Display for Sightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>8} {what}"))
    }
}
