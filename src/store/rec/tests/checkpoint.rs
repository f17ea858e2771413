//! Rows of checkpoints to be written and read: one of each version, and any.

use proptest::prelude::*;

use super::{hash, job_id, maybe, time, word};
use crate::model::checkpoint::{CheckpointStatus, Purpose};
use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::row::CheckpointRow;
use crate::model::time::Timestamp;
use crate::model::voter::Delegate;

pub(super) fn checkpoint() -> CheckpointRow {
    CheckpointRow {
        id: CheckpointId::from_u128(5),
        job: job_id(),
        job_type: "code-generation".to_owned(),
        job_name: "A name".to_owned(),
        owner: "ann".to_owned(),
        reference: "/do/2/review".to_owned(),
        purpose: Purpose::InDoubt,
        title: "Publish?".to_owned(),
        status: CheckpointStatus::SentBack,
        digest: ContentHash::of(b"shown"),
        assignees: vec!["reviewer".to_owned()],
        opened_at: Timestamp(10),
        expires_at: Some(Timestamp(20)),
        closed_at: Some(Timestamp(15)),
        decided_by: Some("bob".to_owned()),
        comment: Some("again".to_owned()),
        quorum: 3,
        voters: vec!["bob".to_owned(), "eve".to_owned()],
        excluded: vec!["ann".to_owned()],
        delegates: vec![Delegate {
            from: "bob".to_owned(),
            to: "cy@example.com".to_owned(),
            until: Some(Timestamp(19)),
        }],
        claim: Some(("eve".to_owned(), Timestamp(18))),
        escalates_at: Some(Timestamp(17)),
    }
}

/// The same as version 1 kept it.
pub(super) fn checkpoint_v1() -> CheckpointRow {
    let (voters, excluded, delegates) = (Vec::new(), Vec::new(), Vec::new());
    let (claim, escalates_at) = (None, None);
    CheckpointRow { quorum: 1, voters, excluded, delegates, claim, escalates_at, ..checkpoint() }
}

fn any_people() -> impl Strategy<Value = CheckpointRow> {
    let names = || proptest::collection::vec(".*", 0..3);
    let delegate =
        (".*", ".*", maybe(time())).prop_map(|(from, to, until)| Delegate { from, to, until });
    let delegates = proptest::collection::vec(delegate, 0..3);
    (any::<u32>(), names(), names(), delegates, maybe((".*", time())), maybe(time())).prop_map(
        |(quorum, voters, excluded, delegates, claim, escalates_at)| CheckpointRow {
            quorum,
            voters,
            excluded,
            delegates,
            claim,
            escalates_at,
            ..checkpoint()
        },
    )
}

pub(super) fn any_checkpoint() -> impl Strategy<Value = CheckpointRow> {
    let texts = (".*", ".*", ".*", ".*", ".*");
    let words = (word(Purpose::ALL), word(CheckpointStatus::ALL), hash());
    let rest = (proptest::collection::vec(".*", 0..4), maybe(".*"), maybe(".*"));
    let times = (time(), maybe(time()), maybe(time()));
    let of_both = (any::<[u128; 2]>(), any_people());
    (of_both, texts, words, rest, times).prop_map(|((ids, people), texts, words, rest, times)| {
        let (job_type, job_name, owner, reference, title) = texts;
        let (purpose, status, digest) = words;
        let (assignees, decided_by, comment) = rest;
        let (opened_at, expires_at, closed_at) = times;
        let (id, job) = (CheckpointId::from_u128(ids[0]), JobId::from_u128(ids[1]));
        CheckpointRow {
            id,
            job,
            job_type,
            job_name,
            owner,
            reference,
            purpose,
            title,
            status,
            digest,
            assignees,
            opened_at,
            expires_at,
            closed_at,
            decided_by,
            comment,
            ..people
        }
    })
}
