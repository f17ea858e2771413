//! Somebody with the file of a stopped store, a good knowledge of its form and no key: whatever is
//! changed, the first entry that is not what was written is named (promise D15).

use redb::ReadableTable;

use super::file::*;

/// Entries of a filled store: three creations, a fact, two events, a fact, three ends, a creation.
const LAST: u64 = 11;
/// The entries that the two heads name.
const HEADS: [u64; 2] = [6, 11];

#[tokio::test]
async fn a_trail_that_nobody_touched_holds() {
    let stopped = Stopped::filled().await;
    for with_heads in [false, true] {
        let found = stopped.verify(with_heads).await;
        assert_eq!(found.findings, []);
        assert_eq!((found.entries, found.commits, found.removed), (LAST, 9, 0));
        let heads = if with_heads { 2 * HEADS.len() } else { HEADS.len() };
        assert_eq!((found.heads, found.notes), (heads as u64, vec![]));
        assert_eq!(found.key, Some(stopped.key().public()));
    }
}

#[tokio::test]
async fn any_byte_of_an_entry_that_is_changed_names_it_also_with_its_checksum_repaired() {
    let stopped = Stopped::filled().await;
    let whole = std::fs::read(stopped.path()).unwrap();
    for seq in [1, 5, 7, LAST] {
        let record = &stopped.entries()[seq as usize - 1].1.clone();
        // Every byte would take minutes; these are in every member, and at both ends.
        for at in (HEADER..record.len()).step_by(7).chain([record.len() - 1]) {
            std::fs::write(stopped.path(), &whole).unwrap();
            stopped.edit_entry(seq, |record| {
                record[at] ^= 1;
                repair(record);
            });
            let found = stopped.verify(true).await;
            let first = found.findings.first().unwrap_or_else(|| panic!("{seq} at {at}"));
            assert_eq!(first.entry, Some(seq), "byte {at}: {:?}", found.findings);
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_without_its_checksum_is_damage() {
    let stopped = Stopped::filled().await;
    stopped.edit_entry(5, |record| record[HEADER + 3] ^= 4);
    assert_eq!(stopped.first(false).await, (Some(5), "damaged-entry"));
}

#[tokio::test]
async fn a_cut_tail_is_found_by_the_head_in_the_store() {
    let stopped = Stopped::filled().await;
    stopped.forget_heads();
    stopped.edit(AUDIT, |table| {
        for seq in 9..=LAST {
            table.remove(seq).unwrap();
        }
    });
    assert_eq!(stopped.first(false).await, (Some(9), "cut-off"));
}

#[tokio::test]
async fn a_cut_tail_with_its_head_is_found_by_a_signed_head() {
    let stopped = Stopped::filled().await;
    stopped.edit(AUDIT, |table| {
        for seq in 9..=LAST {
            table.remove(seq).unwrap();
        }
    });
    stopped.relink(LAST);
    // By the one in the store; and by one that was kept elsewhere, when that is gone too.
    assert_eq!(stopped.first(false).await, (Some(9), "cut-off"));
    stopped.forget_heads();
    assert_eq!(stopped.first(true).await, (Some(9), "cut-off"));
}

#[tokio::test]
async fn entries_that_changed_places_are_named() {
    for (places, first) in [([5, 6], 5), ([2, 9], 2)] {
        let stopped = Stopped::filled().await;
        let entries = stopped.entries();
        stopped.edit(AUDIT, |table| {
            let [one, other] = places.map(|seq| entries[seq as usize - 1].1.as_slice());
            table.insert(places[0], other).unwrap();
            table.insert(places[1], one).unwrap();
        });
        assert_eq!(stopped.first(false).await, (Some(first), "damaged-entry"));
    }
}

#[tokio::test]
async fn entries_in_another_order_are_named() {
    let stopped = Stopped::filled().await;
    let entries = stopped.entries();
    stopped.edit(AUDIT, |table| {
        // The fourth comes after the seventh, with the places that they have now written in.
        for (place, from) in [(4, 5), (5, 6), (6, 7), (7, 4)] {
            let mut record = entries[from - 1].1.clone();
            record[HEADER] = place as u8;
            repair(&mut record);
            table.insert(place as u64, record.as_slice()).unwrap();
        }
    });
    let (entry, kind) = stopped.first(false).await;
    assert_eq!((entry, kind), (Some(4), "broken-link"));
    // And with every link computed anew, by the journals and the signed heads.
    stopped.relink(4);
    let (entry, kind) = stopped.first(true).await;
    assert!(entry.is_some_and(|entry| entry <= 6), "{entry:?} {kind}");
}

#[tokio::test]
async fn an_entry_that_was_taken_out_is_named() {
    let stopped = Stopped::filled().await;
    stopped.edit(AUDIT, |table| drop(table.remove(6).unwrap().unwrap()));
    assert_eq!(stopped.first(false).await, (Some(6), "missing-entry"));
    // With the others moved up and everything computed anew only a signed head knows.
    let entries = stopped.entries();
    stopped.edit(AUDIT, |table| {
        for (seq, mut record) in entries.into_iter().filter(|(seq, _)| *seq > 6) {
            record[HEADER] = seq as u8 - 1;
            repair(&mut record);
            table.insert(seq - 1, record.as_slice()).unwrap();
        }
        table.remove(LAST).unwrap();
    });
    stopped.relink(6);
    stopped.forget_heads();
    let found = stopped.verify(true).await;
    let kinds: Vec<_> = found.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&"head-differs"), "{kinds:?}");
    assert!(kinds.contains(&"unlogged-commit"), "{kinds:?}");
}

#[tokio::test]
async fn an_old_copy_of_the_file_is_found_by_newer_heads() {
    let stopped = Stopped::filled().await;
    let aside = stopped.folder.path().join("aside");
    copy(&stopped.path(), &aside);
    let store = stopped.open();
    fact(&store, "token.revoke").await;
    stopped.sign(&store).await;
    holdpoint::store::Store::close(&store).await.unwrap();
    assert_eq!(stopped.verify(true).await.findings, []);
    copy(&aside, &stopped.path());
    assert_eq!(stopped.verify(false).await.findings, []);
    assert_eq!(stopped.first(true).await, (Some(LAST + 1), "cut-off"));
}

#[tokio::test]
async fn a_trail_that_was_written_anew_is_found_by_the_heads() {
    let stopped = Stopped::filled().await;
    // The fact after the first head, in which somebody is made another person.
    stopped.edit_entry(7, |record| {
        let at = record.windows(3).position(|three| three == b"ann").unwrap();
        record[at..at + 3].copy_from_slice(b"bob");
        repair(record);
    });
    assert_eq!(stopped.first(false).await, (Some(7), "broken-link"));
    stopped.relink(8);
    // The trail fits itself now; what it cannot fit is what was signed.
    assert_eq!(stopped.first(false).await, (Some(7), "head-differs"));
    stopped.forget_heads();
    assert_eq!(stopped.verify(false).await.findings, []);
    assert_eq!(stopped.first(true).await, (Some(7), "head-differs"));
}

#[tokio::test]
async fn a_forged_head_is_named() {
    let stopped = Stopped::filled().await;
    let text = std::fs::read_to_string(stopped.heads()).unwrap();
    // What it says was changed.
    std::fs::write(stopped.heads(), text.replace("\"generation\":0", "\"generation\":1")).unwrap();
    assert_eq!(stopped.first(true).await, (Some(6), "forged-head"));
    // It was signed anew, by another key.
    std::fs::write(stopped.heads(), &text).unwrap();
    std::fs::remove_file(stopped.folder.path().join("audit.key")).unwrap();
    let store = stopped.open();
    fact(&store, "user.delete").await;
    stopped.sign(&store).await;
    holdpoint::store::Store::close(&store).await.unwrap();
    let found = stopped.verify(true).await;
    assert!(found.findings.iter().all(|finding| finding.kind == "forged-head"), "{found:?}");
    assert!(!found.findings.is_empty());
}

#[tokio::test]
async fn a_journal_with_its_own_chain_computed_anew_is_named() {
    let stopped = Stopped::filled().await;
    // The last event of the second job: commit 8 of the feed, entry 9.
    let mut hashes = None;
    stopped.edit(JOURNAL, |table| {
        let mut record = table.get((7, 0)).unwrap().unwrap().value().to_vec();
        let before = sha256(&record[HEADER..]);
        let at = record.windows(5).position(|five| five == b"event").unwrap();
        record[at..at + 5].copy_from_slice(b"EVENT");
        repair(&mut record);
        hashes = Some((before, sha256(&record[HEADER..])));
        table.insert((7, 0), record.as_slice()).unwrap();
    });
    let (before, after) = hashes.unwrap();
    stopped.edit(JOBS, |table| {
        let mut record = table.get(job_key(2)).unwrap().unwrap().value().to_vec();
        let at = record.windows(32).position(|hash| hash == before).unwrap();
        record[at..at + 32].copy_from_slice(&after);
        repair(&mut record);
        table.insert(job_key(2), record.as_slice()).unwrap();
    });
    // The check of the store itself has nothing to say: the journal fits itself.
    assert_eq!(holdpoint::store::verify(&stopped.path()).unwrap().problems, []);
    assert_eq!(stopped.first(false).await, (Some(9), "journal-differs"));
}

#[tokio::test]
async fn a_job_that_is_gone_without_an_entry_is_named() {
    let stopped = Stopped::filled().await;
    stopped.edit(JOBS, |table| drop(table.remove(job_key(3)).unwrap().unwrap()));
    stopped.edit(JOURNAL, |table| {
        for feed in [3, 8] {
            table.remove((feed, 0)).unwrap().unwrap();
        }
    });
    assert_eq!(stopped.first(false).await, (Some(3), "journal-missing"));
}

#[tokio::test]
async fn a_commit_that_was_slipped_in_is_named() {
    let stopped = Stopped::filled().await;
    // The last commit stays, its entry goes: as if it had never had one.
    stopped.edit(AUDIT, |table| drop(table.remove(LAST).unwrap().unwrap()));
    stopped.relink(LAST);
    stopped.forget_heads();
    assert_eq!(stopped.first(false).await, (None, "unlogged-commit"));
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
