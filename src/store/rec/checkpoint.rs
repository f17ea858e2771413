//! The row of a checkpoint as a record, and back.

use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::row::CheckpointRow;
use crate::model::time::Timestamp;
use crate::model::voter::Delegate;
use crate::store::code::Coded;
use crate::store::codec::{self, BadRecord};
use crate::store::rec::convert::word;
use crate::store::rec::{v1, v2};

fn texts(names: &[String]) -> Vec<v1::Text<'_>> {
    names.iter().map(|name| name.as_str().into()).collect()
}

fn strings(names: Vec<v1::Text<'_>>) -> Vec<String> {
    names.into_iter().map(v1::Text::into_owned).collect()
}

/// The record of a checkpoint.
pub(crate) fn write_checkpoint(row: &CheckpointRow) -> Result<Vec<u8>, BadRecord> {
    let first = v1::CheckpointRow {
        id: row.id.as_u128(),
        job: row.job.as_u128(),
        job_type: row.job_type.as_str().into(),
        job_name: row.job_name.as_str().into(),
        owner: row.owner.as_str().into(),
        reference: row.reference.as_str().into(),
        purpose: row.purpose.code(),
        title: row.title.as_str().into(),
        status: row.status.code(),
        digest: row.digest.0,
        assignees: texts(&row.assignees),
        opened_at: row.opened_at.0,
        expires_at: row.expires_at.map(|at| at.0),
        closed_at: row.closed_at.map(|at| at.0),
        decided_by: row.decided_by.as_deref().map(Into::into),
        comment: row.comment.as_deref().map(Into::into),
    };
    let delegates = row.delegates.iter().map(|right| v2::Delegate {
        from: right.from.as_str().into(),
        to: right.to.as_str().into(),
        until: right.until.map(|at| at.0),
    });
    let record = v2::CheckpointRow {
        row: first,
        quorum: row.quorum,
        voters: texts(&row.voters),
        excluded: texts(&row.excluded),
        delegates: delegates.collect(),
        claim: row.claim.as_ref().map(|(by, until)| (by.as_str().into(), until.0)),
        escalates_at: row.escalates_at.map(|at| at.0),
    };
    codec::encode(codec::CHECKPOINT, &record, 256)
}

/// The checkpoint in a record. In version 1 one person decided, and nobody was asked later.
pub(crate) fn read_checkpoint(record: &[u8]) -> Result<CheckpointRow, BadRecord> {
    let record = match codec::open(codec::CHECKPOINT, record)? {
        (1, body) => v2::CheckpointRow {
            row: codec::decode_body(body)?,
            quorum: 1,
            voters: Vec::new(),
            excluded: Vec::new(),
            delegates: Vec::new(),
            claim: None,
            escalates_at: None,
        },
        (_, body) => codec::decode_body(body)?,
    };
    let row = record.row;
    let delegates = record.delegates.into_iter().map(|right| Delegate {
        from: right.from.into_owned(),
        to: right.to.into_owned(),
        until: right.until.map(Timestamp),
    });
    Ok(CheckpointRow {
        id: CheckpointId::from_u128(row.id),
        job: JobId::from_u128(row.job),
        job_type: row.job_type.into_owned(),
        job_name: row.job_name.into_owned(),
        owner: row.owner.into_owned(),
        reference: row.reference.into_owned(),
        purpose: word("purpose", row.purpose)?,
        title: row.title.into_owned(),
        status: word("checkpoint status", row.status)?,
        digest: ContentHash(row.digest),
        assignees: strings(row.assignees),
        opened_at: Timestamp(row.opened_at),
        expires_at: row.expires_at.map(Timestamp),
        closed_at: row.closed_at.map(Timestamp),
        decided_by: row.decided_by.map(v1::Text::into_owned),
        comment: row.comment.map(v1::Text::into_owned),
        quorum: record.quorum,
        voters: strings(record.voters),
        excluded: strings(record.excluded),
        delegates: delegates.collect(),
        claim: record.claim.map(|(by, until)| (by.into_owned(), Timestamp(until))),
        escalates_at: record.escalates_at.map(Timestamp),
    })
}
