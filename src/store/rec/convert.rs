//! The way between records and the model. Whatever a record says that the model cannot, is damage.

use crate::model::id::{CheckpointId, CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::problem::Problem;
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::status::WaitingFor;
use crate::model::time::Timestamp;
use crate::store::answer::Document;
use crate::store::code::Coded;
use crate::store::codec::{self, BadRecord};
use crate::store::rec::v1;

/// An event in a journal: everything but its place in the tree of tables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Envelope {
    pub seq: u64,
    pub at: Timestamp,
    pub by: Principal,
    pub commit_id: CommitId,
    pub kind: String,
    pub previous_hash: ContentHash,
    pub body: Vec<u8>,
}

/// A job as the table `jobs` holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeldJob {
    pub row: JobRow,
    pub head_hash: ContentHash,
    pub last_commit: CommitId,
    pub subscriptions: Vec<String>,
}

/// A used idempotency key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub owner: String,
    pub key: String,
    pub job: JobId,
    pub digest: ContentHash,
    pub used_at: Timestamp,
}

fn word<T: Coded>(what: &str, code: u8) -> Result<T, BadRecord> {
    T::from_code(code).ok_or_else(|| BadRecord::Damaged(format!("{what} {code} does not exist")))
}

impl Envelope {
    /// The bytes that are hashed.
    pub(crate) fn to_body(&self) -> Result<Vec<u8>, BadRecord> {
        let kind = match self.by {
            Principal::Person(_) => 1,
            Principal::Agent(_) => 2,
            Principal::System(_) => 3,
        };
        codec::encode_body(&v1::Envelope {
            seq: self.seq,
            at: self.at.0,
            by: v1::Author { kind, id: self.by.id().to_owned() },
            commit_id: self.commit_id.as_u128(),
            kind: self.kind.clone(),
            previous_hash: self.previous_hash.0,
            body: v1::Bytes(self.body.clone()),
        })
    }

    /// The envelope in the bytes that are hashed.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, BadRecord> {
        let record: v1::Envelope = codec::decode_body(body)?;
        let by = match record.by.kind {
            1 => Principal::Person(record.by.id),
            2 => Principal::Agent(record.by.id),
            3 => Principal::System(record.by.id),
            other => return Err(BadRecord::Damaged(format!("author {other} does not exist"))),
        };
        Ok(Self {
            seq: record.seq,
            at: Timestamp(record.at),
            by,
            commit_id: CommitId::from_u128(record.commit_id),
            kind: record.kind,
            previous_hash: ContentHash(record.previous_hash),
            body: record.body.0,
        })
    }
}

impl HeldJob {
    /// The record of a job.
    pub(crate) fn to_record(&self) -> Result<Vec<u8>, BadRecord> {
        let job = v1::Job {
            row: write_row(&self.row),
            head_hash: self.head_hash.0,
            last_commit: self.last_commit.as_u128(),
            subscriptions: self.subscriptions.clone(),
        };
        codec::encode(codec::JOB, &job)
    }

    /// The job in a record.
    pub(crate) fn from_record(record: &[u8]) -> Result<Self, BadRecord> {
        let job: v1::Job = codec::decode(codec::JOB, record)?;
        Ok(Self {
            row: read_row(job.row)?,
            head_hash: ContentHash(job.head_hash),
            last_commit: CommitId::from_u128(job.last_commit),
            subscriptions: job.subscriptions,
        })
    }
}

fn write_place(place: Place) -> v1::Place {
    match place {
        Place::Queue(key) => v1::Place { kind: 1, at: Some(key) },
        Place::Active => v1::Place { kind: 2, at: None },
        Place::Parked(wake) => v1::Place { kind: 3, at: wake.map(|at| at.0) },
        Place::Ended => v1::Place { kind: 4, at: None },
    }
}

fn read_place(place: &v1::Place) -> Result<Place, BadRecord> {
    match (place.kind, place.at) {
        (1, Some(key)) => Ok(Place::Queue(key)),
        (2, None) => Ok(Place::Active),
        (3, wake) => Ok(Place::Parked(wake.map(Timestamp))),
        (4, None) => Ok(Place::Ended),
        (kind, at) => Err(BadRecord::Damaged(format!("place {kind} with {at:?} does not exist"))),
    }
}

fn write_row(row: &JobRow) -> v1::JobRow {
    v1::JobRow {
        id: row.id.as_u128(),
        version: row.version,
        fence: row.fence,
        job_type: row.job_type.clone(),
        definition: row.definition.0,
        name: row.name.clone(),
        description: row.description.clone(),
        status: row.status.code(),
        phase: row.phase.code(),
        waiting_for: row.waiting_for.as_ref().map(|waiting| v1::WaitingFor {
            code: waiting.code.code(),
            text: waiting.text.clone(),
            since: waiting.since.0,
            until: waiting.until.map(|at| at.0),
        }),
        place: write_place(row.place),
        priority: row.priority,
        labels: row.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        owner: row.owner.clone(),
        agent: row.agent.clone(),
        parent: row.parent.map(JobId::as_u128),
        run_number: row.run_number,
        attempts: row.attempts,
        pending_checkpoints: row.pending_checkpoints,
        error: row.error.as_ref().map(|problem| v1::Problem {
            kind: problem.kind.clone(),
            status: problem.status,
            title: problem.title.clone(),
            detail: problem.detail.clone(),
            instance: problem.instance.clone(),
        }),
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
        started_at: row.started_at.map(|at| at.0),
        completed_at: row.completed_at.map(|at| at.0),
        due_at: row.due_at.map(|at| at.0),
    }
}

fn read_waiting(waiting: v1::WaitingFor) -> Result<WaitingFor, BadRecord> {
    Ok(WaitingFor {
        code: word("wait code", waiting.code)?,
        text: waiting.text,
        since: Timestamp(waiting.since),
        until: waiting.until.map(Timestamp),
    })
}

fn read_row(row: v1::JobRow) -> Result<JobRow, BadRecord> {
    Ok(JobRow {
        id: JobId::from_u128(row.id),
        version: row.version,
        fence: row.fence,
        job_type: row.job_type,
        definition: ContentHash(row.definition),
        name: row.name,
        description: row.description,
        status: word("status", row.status)?,
        phase: word("phase", row.phase)?,
        waiting_for: row.waiting_for.map(read_waiting).transpose()?,
        place: read_place(&row.place)?,
        priority: row.priority,
        labels: row.labels.into_iter().collect(),
        owner: row.owner,
        agent: row.agent,
        parent: row.parent.map(JobId::from_u128),
        run_number: row.run_number,
        attempts: row.attempts,
        pending_checkpoints: row.pending_checkpoints,
        error: row.error.map(|problem| Problem {
            kind: problem.kind,
            status: problem.status,
            title: problem.title,
            detail: problem.detail,
            instance: problem.instance,
        }),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        started_at: row.started_at.map(Timestamp),
        completed_at: row.completed_at.map(Timestamp),
        due_at: row.due_at.map(Timestamp),
    })
}

/// The record of a checkpoint.
pub(crate) fn write_checkpoint(row: &CheckpointRow) -> Result<Vec<u8>, BadRecord> {
    let record = v1::CheckpointRow {
        id: row.id.as_u128(),
        job: row.job.as_u128(),
        job_type: row.job_type.clone(),
        job_name: row.job_name.clone(),
        owner: row.owner.clone(),
        reference: row.reference.clone(),
        purpose: row.purpose.code(),
        title: row.title.clone(),
        status: row.status.code(),
        digest: row.digest.0,
        assignees: row.assignees.clone(),
        opened_at: row.opened_at.0,
        expires_at: row.expires_at.map(|at| at.0),
        closed_at: row.closed_at.map(|at| at.0),
        decided_by: row.decided_by.clone(),
        comment: row.comment.clone(),
    };
    codec::encode(codec::CHECKPOINT, &record)
}

/// The checkpoint in a record.
pub(crate) fn read_checkpoint(record: &[u8]) -> Result<CheckpointRow, BadRecord> {
    let row: v1::CheckpointRow = codec::decode(codec::CHECKPOINT, record)?;
    Ok(CheckpointRow {
        id: CheckpointId::from_u128(row.id),
        job: JobId::from_u128(row.job),
        job_type: row.job_type,
        job_name: row.job_name,
        owner: row.owner,
        reference: row.reference,
        purpose: word("purpose", row.purpose)?,
        title: row.title,
        status: word("checkpoint status", row.status)?,
        digest: ContentHash(row.digest),
        assignees: row.assignees,
        opened_at: Timestamp(row.opened_at),
        expires_at: row.expires_at.map(Timestamp),
        closed_at: row.closed_at.map(Timestamp),
        decided_by: row.decided_by,
        comment: row.comment,
    })
}

/// The record of a folded job.
pub(crate) fn write_snapshot(job: JobId, version: u64, body: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let body = v1::Bytes(body.to_vec());
    codec::encode(codec::SNAPSHOT, &v1::Snapshot { job: job.as_u128(), version, body })
}

/// The folded job in a record, and the version it stands at.
pub(crate) fn read_snapshot(job: JobId, record: &[u8]) -> Result<(u64, Vec<u8>), BadRecord> {
    let snapshot: v1::Snapshot = codec::decode(codec::SNAPSHOT, record)?;
    if snapshot.job != job.as_u128() {
        return Err(BadRecord::damaged("it belongs to another job"));
    }
    Ok((snapshot.version, snapshot.body.0))
}

impl Key {
    /// The record of a used key.
    pub(crate) fn to_record(&self) -> Result<Vec<u8>, BadRecord> {
        let key = v1::Key {
            owner: self.owner.clone(),
            key: self.key.clone(),
            job: self.job.as_u128(),
            digest: self.digest.0,
            used_at: self.used_at.0,
        };
        codec::encode(codec::KEY, &key)
    }

    /// The key in a record.
    pub(crate) fn from_record(record: &[u8]) -> Result<Self, BadRecord> {
        let key: v1::Key = codec::decode(codec::KEY, record)?;
        Ok(Self {
            owner: key.owner,
            key: key.key,
            job: JobId::from_u128(key.job),
            digest: ContentHash(key.digest),
            used_at: Timestamp(key.used_at),
        })
    }
}

/// The record of a document.
pub(crate) fn write_document(kind: &str, document: &Document) -> Result<Vec<u8>, BadRecord> {
    let record = v1::Document {
        kind: kind.to_owned(),
        id: document.id.clone(),
        version: document.version,
        updated_at: document.updated_at.0,
        body: v1::Bytes(document.body.clone()),
    };
    codec::encode(codec::DOCUMENT, &record)
}

/// The document in a record, which must be of this kind.
pub(crate) fn read_document(kind: &str, record: &[u8]) -> Result<Document, BadRecord> {
    let document: v1::Document = codec::decode(codec::DOCUMENT, record)?;
    if document.kind != kind {
        return Err(BadRecord::Damaged(format!("it is a {:?}", document.kind)));
    }
    Ok(Document {
        id: document.id,
        version: document.version,
        updated_at: Timestamp(document.updated_at),
        body: document.body.0,
    })
}
