//! Drawers against a plain map: the same entries whatever was put and taken out, in either
//! direction, from any place to any other; golden bytes; and no damage that goes unseen.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ::redb::backends::InMemoryBackend;
use ::redb::{Database, ReadableDatabase, TableDefinition};
use proptest::prelude::*;

use super::*;

const TABLE: TableDefinition<'static, Place, Held> = TableDefinition::new("cards");

fn database() -> Database {
    Database::builder().create_with_backend(InMemoryBackend::new()).expect("bug: it is memory")
}

/// What is done in one transaction: an entry of this many bytes, or none any more.
type Change = (Place, Option<u16>);

fn content_of((created, id): Place, length: u16) -> Vec<u8> {
    vec![(created as u8).wrapping_mul(31).wrapping_add(id as u8); usize::from(length)]
}

fn apply(database: &Database, model: &mut BTreeMap<Place, Vec<u8>>, changes: &[Change]) {
    let transaction = database.begin_write().expect("bug: it is memory");
    {
        let mut table = transaction.open_table(TABLE).expect("bug: it is there");
        let mut drawers = Drawers::new(codec::CARDS);
        for (place, length) in changes {
            match length {
                Some(length) => {
                    let content = content_of(*place, *length);
                    drawers.put(&table, *place, &content).expect("bug: it fits");
                    model.insert(*place, content);
                }
                None => {
                    let was_there = drawers.remove(&table, *place).expect("bug: it is sound");
                    assert_eq!(was_there, model.remove(place).is_some());
                }
            }
        }
        drawers.write(&mut table).expect("bug: it is memory");
    }
    transaction.commit().expect("bug: it is memory");
}

fn entries(table: &ReadOnlyTable<Place, Held>, stretch: Stretch) -> Vec<(Place, Vec<u8>)> {
    let mut found = Vec::new();
    let walked = each_entry(table, codec::CARDS, stretch, &mut |entry| {
        found.push((entry.place, entry.content.to_vec()));
        Ok(ControlFlow::Continue(()))
    });
    walked.expect("bug: it is sound");
    found
}

/// The bodies are whole, in order and no larger than they may be.
fn check_all(table: &ReadOnlyTable<Place, Held>) {
    let mut until = None;
    for entry in table.iter().expect("bug: it is memory").rev() {
        let (first, record) = entry.expect("bug: it is memory");
        let first = first.value();
        let body = body(codec::CARDS, first, record.value()).expect("bug: it is sound");
        let count = check(body, first, until).expect("bug: it is sound");
        assert!(count > 0, "an empty drawer was left");
        assert!(body.len() <= BYTES_MAX || count == 1, "{} bytes, {count} entries", body.len());
        until = Some(first);
    }
}

fn compare(database: &Database, model: &BTreeMap<Place, Vec<u8>>, bounds: &[Place]) {
    let read = database.begin_read().expect("bug: it is memory");
    let table = read.open_table(TABLE).expect("bug: it is there");
    check_all(&table);
    for from in bounds {
        assert_eq!(
            content(&table, codec::CARDS, *from).expect("bug: it is sound").as_ref(),
            model.get(from)
        );
        for to in bounds {
            let starts = [Bound::Unbounded, Bound::Included(*from), Bound::Excluded(*from)];
            let ends = [Bound::Unbounded, Bound::Included(*to), Bound::Excluded(*to)];
            for (from, to) in starts.into_iter().flat_map(|from| ends.map(|to| (from, to))) {
                let stretch = Stretch { from, to, backwards: false };
                let holds = |place: &Place| stretch.holds(*place);
                let held = model.iter().filter(|(place, _)| holds(place));
                let mut expected: Vec<_> =
                    held.map(|(place, content)| (*place, content.clone())).collect();
                assert_eq!(entries(&table, stretch), expected);
                expected.reverse();
                assert_eq!(entries(&table, Stretch { backwards: true, ..stretch }), expected);
            }
        }
    }
}

fn place() -> impl Strategy<Value = Place> {
    // Few times and many ids, so that a time begins and ends within a drawer.
    (-3i64..4, 0u128..60)
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let length = prop_oneof![
        6 => (0u16..90).prop_map(Some),
        1 => (1_000u16..4_500).prop_map(Some),
        4 => Just(None),
    ];
    proptest::collection::vec((place(), length), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn drawers_hold_what_a_map_holds(
        transactions in proptest::collection::vec(changes(), 1..6),
        bounds in proptest::collection::vec(place(), 2),
    ) {
        let (database, mut model) = (database(), BTreeMap::new());
        for changes in &transactions {
            apply(&database, &mut model, changes);
            compare(&database, &model, &bounds);
        }
        let all: Vec<Change> = model.keys().map(|place| (*place, None)).collect();
        apply(&database, &mut model, &all);
        compare(&database, &model, &bounds);
    }
}

#[test]
fn entries_that_come_in_order_leave_full_drawers() {
    let (database, mut model) = (database(), BTreeMap::new());
    for round in 0..100i64 {
        let changes: Vec<Change> = (0..20).map(|n| ((round * 20 + n, 7), Some(44))).collect();
        apply(&database, &mut model, &changes);
    }
    let read = database.begin_read().expect("bug: it is memory");
    let table = read.open_table(TABLE).expect("bug: it is there");
    let drawers = table.iter().expect("bug: it is memory").count();
    let bytes = model.len() * (HEAD_BYTES + 44);
    assert!(drawers <= bytes / BYTES_MAX + 2, "{drawers} drawers for {bytes} bytes");
    assert_eq!(
        entries(&table, Stretch { from: Bound::Unbounded, to: Bound::Unbounded, backwards: false })
            .len(),
        2_000
    );
}

/// The entries of two jobs, as every later program must read them.
fn golden_record() -> Vec<u8> {
    let mut bytes = entry_bytes((-5, 1), b"one").expect("bug: it is short");
    bytes.extend(entry_bytes((1_795_000_000_000_000, u128::MAX), &[]).expect("bug: it is short"));
    codec::seal(codec::CARDS, &bytes).expect("bug: it is short")
}

#[test]
fn a_golden_drawer_is_read_and_written() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records/cards-v1.hex");
    let written = golden_record();
    let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; a new record would be:\n{hex}", path.display())
    });
    assert_eq!(hex, golden.trim());
    let body = body(codec::CARDS, FIRST, &written).expect("bug: it is sound");
    assert_eq!(check(body, FIRST, None), Ok(2));
}

#[test]
fn every_flipped_byte_and_every_cut_is_seen() {
    let record = golden_record();
    for at in 0..record.len() {
        let mut damaged = record.clone();
        damaged[at] ^= 0x40;
        assert!(body(codec::CARDS, FIRST, &damaged).is_err(), "byte {at}");
        assert!(body(codec::CARDS, FIRST, &record[..at]).is_err(), "cut at {at}");
    }
    assert!(body(codec::TEXTS, FIRST, &record).is_err(), "cards are no texts");
    // Without the checksum the form is checked all the same: nothing of it is indexed blindly.
    let sound = body(codec::CARDS, FIRST, &record).expect("bug: it is sound");
    for at in (1..sound.len()).filter(|at| *at != HEAD_BYTES + 3) {
        assert!(check(&sound[..at], FIRST, None).is_err(), "body cut at {at}");
    }
    assert!(check(sound, (0, 0), None).is_err(), "an entry before its drawer");
    assert!(check(sound, FIRST, Some((0, 0))).is_err(), "an entry after its drawer");
}
