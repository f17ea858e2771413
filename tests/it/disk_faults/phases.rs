//! A transaction has two phases: its pages are synced before the header is written that names them,
//! and that one is synced before anybody is answered. With one sync for both, two crashes that meet
//! lose what was acknowledged (redb 4.2).

use holdpoint::store::{Operation, Random, Redb, RedbOptions, SimDisk};

use super::asking::{ask, is_done};
use super::cast::Cast;
use super::ledger::Ledger;
use super::runtime;

const ROUNDS: u64 = 12;

#[test]
fn every_transaction_syncs_its_pages_and_then_the_header_that_names_them() {
    let disk = SimDisk::default();
    Redb::found_on(&disk).expect("a disk that works");
    let store = Redb::on_disk(RedbOptions::on_disk(), &disk).expect("a disk that works");
    let (mut random, mut cast, mut ledger) = (Random(7), Cast::new(7), Ledger::default());
    let mut transactions = 0;
    runtime().block_on(async {
        for _ in 0..ROUNDS {
            for wish in cast.wishes(&ledger, &mut random, 2) {
                let (before, next_feed) = (disk.operations(), ledger.next_feed());
                let answer = ask(&store, &wish).await.expect("a disk that works");
                // The file may grow before and shrink behind it: that writes nothing.
                let mut trace = disk.trace(before);
                trace.retain(|operation| *operation != Operation::SetLength);
                if trace.is_empty() {
                    continue;
                }
                let phases: Vec<&[Operation]> =
                    trace.split_inclusive(|operation| *operation == Operation::Sync).collect();
                assert_eq!(phases.len(), 2, "{trace:?}");
                for phase in phases {
                    assert!(phase.contains(&Operation::Write), "{trace:?}");
                    assert_eq!(phase.last(), Some(&Operation::Sync), "{trace:?}");
                }
                transactions += 1;
                if is_done(&wish, &answer, next_feed) {
                    ledger.take(&wish);
                }
            }
        }
    });
    assert!(transactions > ROUNDS, "only {transactions} transactions");
}
