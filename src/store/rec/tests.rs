//! Records: golden bytes of every version, round trips of anything, and no damage that goes unseen.

use std::borrow::Cow;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use self::checkpoint::{any_checkpoint, checkpoint, checkpoint_v1};
use crate::model::checkpoint::{CheckpointStatus, Purpose};
use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::problem::Problem;
use crate::model::row::{JobRow, Place};
use crate::model::status::{Phase, Status, WaitCode, WaitingFor};
use crate::model::time::Timestamp;
use crate::store::answer::Document;
use crate::store::code::Coded;
use crate::store::codec::BadRecord;
use crate::store::rec::{self, Append, HeldJob, Key};

mod checkpoint;

fn job_id() -> JobId {
    JobId::from_u128(0x0192_7f4e_8a11_7000_8000_0000_0000_002a)
}

fn append() -> Append<'static> {
    Append {
        first_seq: 3,
        at: Timestamp(1_795_000_000_000_000),
        by: Cow::Owned(Principal::Agent("writer".to_owned())),
        commit_id: CommitId::from_u128(7),
        previous_hash: ContentHash::of(b"before"),
        events: vec![
            br#"{"type":"suspended","reason":"look"}"#.to_vec(),
            br#"{"type":"resumed"}"#.to_vec(),
        ]
        .into(),
    }
}

/// As version 1 kept it: one event, alone.
fn envelope() -> Append<'static> {
    let alone = append().events[..1].to_vec().into();
    Append { events: alone, ..append() }
}

fn held_job() -> HeldJob {
    let row = JobRow {
        id: job_id(),
        version: 3,
        fence: 1,
        job_type: "code-generation".to_owned(),
        definition: ContentHash::of(b"definition"),
        name: "A name".to_owned(),
        description: "Ein längerer Text".to_owned(),
        status: Status::InProgress,
        phase: Phase::Waiting,
        waiting_for: Some(WaitingFor {
            code: WaitCode::Checkpoint,
            text: "a decision".to_owned(),
            since: Timestamp(-1),
            until: Some(Timestamp(i64::MAX)),
        }),
        place: Place::Parked(Some(Timestamp(i64::MAX))),
        priority: 9,
        labels: [("team".to_owned(), "red".to_owned())].into(),
        owner: "ann".to_owned(),
        agent: Some("writer".to_owned()),
        parent: Some(JobId::from_u128(1)),
        run_number: 2,
        attempts: 70_000,
        pending_checkpoints: 1,
        error: Some(Problem {
            kind: "urn:holdpoint:errors:expired".to_owned(),
            status: 408,
            title: Some("Checkpoint expired".to_owned()),
            detail: None,
            instance: Some("/do/2/review".to_owned()),
        }),
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
        started_at: Some(Timestamp(3)),
        completed_at: None,
        due_at: Some(Timestamp(5)),
    };
    HeldJob {
        row: Arc::new(row),
        head_hash: ContentHash::of(b"head"),
        last_commit: CommitId::from_u128(u128::MAX),
        subscriptions: vec!["order".to_owned(), "*".to_owned()],
    }
}

fn key() -> Key {
    Key {
        owner: "ann".to_owned(),
        key: "k-1".to_owned(),
        job: job_id(),
        digest: ContentHash::of(b"request"),
        used_at: Timestamp(9),
    }
}

fn document() -> Document {
    let body = br#"{"name":"Ann"}"#.to_vec();
    Document { id: "ann".to_owned(), version: 4, updated_at: Timestamp(8), body }
}

/// One record of a kind: its bytes, and what reading some bytes as that kind gives, as text.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    value: String,
    read: fn(&[u8]) -> Result<String, BadRecord>,
}

fn sample<T: Debug>(
    name: &'static str,
    value: T,
    bytes: Result<Vec<u8>, BadRecord>,
    read: fn(&[u8]) -> Result<String, BadRecord>,
) -> Sample {
    Sample { name, bytes: bytes.expect("bug: it is sound"), value: format!("{value:?}"), read }
}

fn shown<T: Debug>(read: Result<T, BadRecord>) -> Result<String, BadRecord> {
    read.map(|value| format!("{value:?}"))
}

fn samples() -> Vec<Sample> {
    vec![
        sample("append-v2", append(), append().to_record(), |bytes| {
            shown(Append::from_record(bytes))
        }),
        sample("job-v1", held_job(), held_job().to_record(), |bytes| {
            shown(HeldJob::from_record(bytes))
        }),
        sample("checkpoint-v2", checkpoint(), rec::write_checkpoint(&checkpoint()), |bytes| {
            shown(rec::read_checkpoint(bytes))
        }),
        sample("key-v1", key(), key().to_record(), |bytes| shown(Key::from_record(bytes))),
        sample("document-v1", document(), rec::write_document("user", &document()), |bytes| {
            shown(rec::read_document("user", bytes))
        }),
        sample(
            "snapshot-v1",
            (256u64, b"folded".to_vec()),
            rec::write_snapshot(job_id(), 256, b"folded"),
            |bytes| shown(rec::read_snapshot(job_id(), bytes)),
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(32)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n");
    lines.collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).expect("bug: it is sound"))
        .collect()
}

/// Every record that was ever written must be read as what it was. A change of these files is a
/// change of what is on people's disks: a new version gets a new file, an old file never changes.
#[test]
fn golden_records_are_read_and_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records");
    for sample in samples() {
        let path = folder.join(format!("{}.hex", sample.name));
        let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; a new record would be:\n{}", path.display(), hex(&sample.bytes))
        });
        assert_eq!(
            (sample.read)(&unhex(&golden)).expect("bug: it is sound"),
            sample.value,
            "{}",
            sample.name
        );
        assert_eq!(hex(&sample.bytes), golden, "{}", sample.name);
    }
}

/// What earlier versions wrote is written no more and read for ever.
#[test]
fn golden_records_of_earlier_versions_are_read() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/records");
    let golden = std::fs::read_to_string(folder.join("envelope-v1.hex"))
        .expect("bug: a golden record is gone");
    assert_eq!(Append::from_record(&unhex(&golden)), Ok(envelope()));
    let golden = std::fs::read_to_string(folder.join("checkpoint-v1.hex"))
        .expect("bug: a golden record is gone");
    assert_eq!(rec::read_checkpoint(&unhex(&golden)), Ok(checkpoint_v1()));
}

#[test]
fn every_flipped_byte_and_every_cut_is_seen() {
    for sample in samples() {
        for at in 0..sample.bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = sample.bytes.clone();
                damaged[at] ^= flip;
                let read = (sample.read)(&damaged);
                assert!(matches!(read, Err(BadRecord::Damaged(_))), "{} at {at}", sample.name);
            }
            assert!((sample.read)(&sample.bytes[..at]).is_err(), "{} cut at {at}", sample.name);
        }
        let longer = [sample.bytes.as_slice(), &[0]].concat();
        assert!((sample.read)(&longer).is_err(), "{}", sample.name);
    }
}

#[test]
fn a_record_of_another_kind_is_not_read() {
    let samples = samples();
    for sample in &samples {
        for other in samples.iter().filter(|other| other.name != sample.name) {
            assert!((sample.read)(&other.bytes).is_err(), "{} as {}", other.name, sample.name);
        }
    }
    assert!(rec::read_snapshot(JobId::from_u128(9), &samples[5].bytes).is_err());
    assert!(rec::read_document("agent", &samples[4].bytes).is_err());
}

/// The header as `codec` lays it out, with another schema version and a checksum that holds.
fn with_version(record: &[u8], version: u16) -> Vec<u8> {
    let mut record = record.to_vec();
    record[3..5].copy_from_slice(&version.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..9]);
    hasher.update(&record[13..]);
    record[9..13].copy_from_slice(&hasher.finalize().to_le_bytes());
    record
}

#[test]
fn a_newer_record_names_both_versions() {
    for sample in samples() {
        let supported = u16::from_le_bytes([sample.bytes[3], sample.bytes[4]]);
        let error = (sample.read)(&with_version(&sample.bytes, 9)).unwrap_err();
        assert_eq!(error, BadRecord::Newer { found: 9, supported });
        let text = error.to_string();
        assert!(text.contains('9') && text.contains(&supported.to_string()), "{text}");
        let error = (sample.read)(&with_version(&sample.bytes, 0)).unwrap_err();
        assert!(matches!(error, BadRecord::Damaged(_)), "{error}");
    }
}

#[test]
fn codes_are_one_to_one() {
    fn check<T: Coded + Copy + PartialEq + Debug>(all: &[T]) {
        let codes: std::collections::BTreeSet<u8> = all.iter().map(|word| word.code()).collect();
        assert_eq!(codes.len(), all.len());
        assert!(all.iter().all(|word| T::from_code(word.code()) == Some(*word)));
        let known = (0..=u8::MAX).filter(|code| T::from_code(*code).is_some()).count();
        assert_eq!(known, all.len());
    }
    check(Status::ALL);
    check(Phase::ALL);
    check(WaitCode::ALL);
    check(CheckpointStatus::ALL);
    check(Purpose::ALL);
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn maybe<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(strategy)
}

fn hash() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 32]>().prop_map(ContentHash)
}

fn word<T: Copy + Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        any::<i64>().prop_map(Place::Queue),
        Just(Place::Active),
        maybe(time()).prop_map(Place::Parked),
        Just(Place::Ended),
    ]
}

fn any_waiting() -> impl Strategy<Value = WaitingFor> {
    (word(WaitCode::ALL), ".*", time(), maybe(time()))
        .prop_map(|(code, text, since, until)| WaitingFor { code, text, since, until })
}

fn any_problem() -> impl Strategy<Value = Problem> {
    (".*", any::<u16>(), maybe(".*"), maybe(".*"), maybe(".*")).prop_map(
        |(kind, status, title, detail, instance)| Problem { kind, status, title, detail, instance },
    )
}

fn any_job() -> impl Strategy<Value = HeldJob> {
    let texts = (".*", ".*", ".*", ".*", maybe(".*"));
    let numbers = (any::<u128>(), any::<u64>(), any::<u64>(), any::<u8>(), any::<[u32; 3]>());
    let words = (word(Status::ALL), word(Phase::ALL), any_place(), hash(), hash());
    let times = (time(), time(), maybe(time()), maybe(time()), maybe(time()));
    let parts = (
        maybe(any_waiting()),
        proptest::collection::btree_map(".*", ".*", 0..4),
        maybe(any::<u128>()),
        maybe(any_problem()),
        (any::<u128>(), proptest::collection::vec(".*", 0..4)),
    );
    (texts, numbers, words, times, parts).prop_map(|(texts, numbers, words, times, parts)| {
        let (job_type, name, description, owner, agent) = texts;
        let (id, version, fence, priority, [run_number, attempts, pending_checkpoints]) = numbers;
        let (status, phase, place, definition, head_hash) = words;
        let (created_at, updated_at, started_at, completed_at, due_at) = times;
        let (waiting_for, labels, parent, error, (last_commit, subscriptions)) = parts;
        let (id, parent) = (JobId::from_u128(id), parent.map(JobId::from_u128));
        let row = JobRow {
            id,
            version,
            fence,
            job_type,
            definition,
            name,
            description,
            status,
            phase,
            waiting_for,
            place,
            priority,
            labels,
            owner,
            agent,
            parent,
            run_number,
            attempts,
            pending_checkpoints,
            error,
            created_at,
            updated_at,
            started_at,
            completed_at,
            due_at,
        };
        let last_commit = CommitId::from_u128(last_commit);
        HeldJob { row: Arc::new(row), head_hash, last_commit, subscriptions }
    })
}

proptest! {
    #[test]
    fn every_job_comes_back(job in any_job()) {
        let record = job.to_record().expect("bug: it is sound");
        prop_assert_eq!(HeldJob::from_record(&record).expect("bug: it is sound"), job);
    }

    #[test]
    fn every_checkpoint_comes_back(row in any_checkpoint()) {
        let record = rec::write_checkpoint(&row).expect("bug: it is sound");
        prop_assert_eq!(rec::read_checkpoint(&record).expect("bug: it is sound"), row);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for sample in samples() {
            prop_assert!((sample.read)(&bytes).is_err());
        }
    }

    #[test]
    fn a_number_in_an_event_comes_back(
        number in any::<f64>().prop_filter("JSON", |n| n.is_finite()),
    ) {
        let event = crate::model::event::Event::RunCompleted {
            output: std::sync::Arc::new(serde_json::json!({ "n": number })),
        };
        let json = crate::store::chain::event_json(&event).expect("bug: it is sound");
        let read: crate::model::event::Event =
            serde_json::from_slice(&json).expect("bug: it is sound");
        prop_assert_eq!(read, event);
    }
}
