//! The way between records and the model. Whatever a record says that the model cannot, is damage.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::problem::Problem;
use crate::model::row::{JobRow, Place};
use crate::model::status::WaitingFor;
use crate::model::time::Timestamp;
use crate::store::answer::Document;
use crate::store::code::Coded;
use crate::store::codec::{self, BadRecord};
use crate::store::rec::{v1, v2};

/// The events of one append, as a journal keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Append<'a> {
    pub first_seq: u64,
    pub at: Timestamp,
    pub by: Cow<'a, Principal>,
    pub commit_id: CommitId,
    pub previous_hash: ContentHash,
    /// Each as JSON; never empty.
    pub events: Cow<'a, [Vec<u8>]>,
}

/// A job as the table `jobs` holds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeldJob {
    pub row: Arc<JobRow>,
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

pub(super) fn word<T: Coded>(what: &str, code: u8) -> Result<T, BadRecord> {
    T::from_code(code).ok_or_else(|| BadRecord::Damaged(format!("{what} {code} does not exist")))
}

pub(super) fn write_author(by: &Principal) -> v1::Author<'_> {
    let kind = match by {
        Principal::Person(_) => 1,
        Principal::Agent(_) => 2,
        Principal::System(_) => 3,
    };
    v1::Author { kind, id: by.id().into() }
}

pub(super) fn read_author(by: v1::Author<'_>) -> Result<Principal, BadRecord> {
    let id = by.id.into_owned();
    match by.kind {
        1 => Ok(Principal::Person(id)),
        2 => Ok(Principal::Agent(id)),
        3 => Ok(Principal::System(id)),
        other => Err(BadRecord::Damaged(format!("author {other} does not exist"))),
    }
}

impl Append<'_> {
    /// The record of an append.
    pub(crate) fn to_record(&self) -> Result<Vec<u8>, BadRecord> {
        let events: Vec<_> =
            self.events.iter().map(|json| v1::Bytes(json.as_slice().into())).collect();
        let bytes_about = 96 + self.by.id().len() + self.events.iter().map(Vec::len).sum::<usize>();
        let record = v2::Append {
            first_seq: self.first_seq,
            at: self.at.0,
            by: write_author(&self.by),
            commit_id: self.commit_id.as_u128(),
            previous_hash: self.previous_hash.0,
            events,
        };
        codec::encode(codec::APPEND, &record, bytes_about)
    }

    /// The append in a record.
    pub(crate) fn from_record(record: &[u8]) -> Result<Self, BadRecord> {
        let (version, body) = codec::open(codec::APPEND, record)?;
        Self::from_body(version, body)
    }

    /// The append in the body of a record of this schema version.
    pub(crate) fn from_body(version: u16, body: &[u8]) -> Result<Self, BadRecord> {
        if version == 1 { Self::from_v1(body) } else { Self::from_v2(body) }
    }

    /// In version 1 an event was alone, and its place was that of its record.
    fn from_v1(body: &[u8]) -> Result<Self, BadRecord> {
        let record: v1::Envelope<'_> = codec::decode_body(body)?;
        Ok(Self {
            first_seq: record.seq,
            at: Timestamp(record.at),
            by: Cow::Owned(read_author(record.by)?),
            commit_id: CommitId::from_u128(record.commit_id),
            previous_hash: ContentHash(record.previous_hash),
            events: vec![record.body.0.into_owned()].into(),
        })
    }

    fn from_v2(body: &[u8]) -> Result<Self, BadRecord> {
        let record: v2::Append<'_> = codec::decode_body(body)?;
        if record.events.is_empty() {
            return Err(BadRecord::damaged("it is an append without an event"));
        }
        Ok(Self {
            first_seq: record.first_seq,
            at: Timestamp(record.at),
            by: Cow::Owned(read_author(record.by)?),
            commit_id: CommitId::from_u128(record.commit_id),
            previous_hash: ContentHash(record.previous_hash),
            events: record.events.into_iter().map(|json| json.0.into_owned()).collect(),
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
            subscriptions: self.subscriptions.iter().map(|name| name.as_str().into()).collect(),
        };
        codec::encode(codec::JOB, &job, 256 + self.row.name.len() + self.row.description.len())
    }

    /// The job in a record.
    pub(crate) fn from_record(record: &[u8]) -> Result<Self, BadRecord> {
        let job: v1::Job<'_> = codec::decode(codec::JOB, record)?;
        Ok(Self {
            row: Arc::new(read_row(job.row)?),
            head_hash: ContentHash(job.head_hash),
            last_commit: CommitId::from_u128(job.last_commit),
            subscriptions: job.subscriptions.into_iter().map(v1::Text::into_owned).collect(),
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

fn text(text: &str) -> v1::Text<'_> {
    text.into()
}

fn owned(text: Option<v1::Text<'_>>) -> Option<String> {
    text.map(v1::Text::into_owned)
}

fn write_row(row: &JobRow) -> v1::JobRow<'_> {
    v1::JobRow {
        id: row.id.as_u128(),
        version: row.version,
        fence: row.fence,
        job_type: row.job_type.as_str().into(),
        definition: row.definition.0,
        name: row.name.as_str().into(),
        description: row.description.as_str().into(),
        status: row.status.code(),
        phase: row.phase.code(),
        waiting_for: row.waiting_for.as_ref().map(|waiting| v1::WaitingFor {
            code: waiting.code.code(),
            text: waiting.text.as_str().into(),
            since: waiting.since.0,
            until: waiting.until.map(|at| at.0),
        }),
        place: write_place(row.place),
        priority: row.priority,
        labels: row.labels.iter().map(|(key, value)| (text(key), text(value))).collect(),
        owner: row.owner.as_str().into(),
        agent: row.agent.as_deref().map(text),
        parent: row.parent.map(JobId::as_u128),
        run_number: row.run_number,
        attempts: row.attempts,
        pending_checkpoints: row.pending_checkpoints,
        error: row.error.as_ref().map(|problem| v1::Problem {
            kind: text(&problem.kind),
            status: problem.status,
            title: problem.title.as_deref().map(text),
            detail: problem.detail.as_deref().map(text),
            instance: problem.instance.as_deref().map(text),
        }),
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
        started_at: row.started_at.map(|at| at.0),
        completed_at: row.completed_at.map(|at| at.0),
        due_at: row.due_at.map(|at| at.0),
    }
}

fn read_waiting(waiting: v1::WaitingFor<'_>) -> Result<WaitingFor, BadRecord> {
    Ok(WaitingFor {
        code: word("wait code", waiting.code)?,
        text: waiting.text.into_owned(),
        since: Timestamp(waiting.since),
        until: waiting.until.map(Timestamp),
    })
}

fn read_row(row: v1::JobRow<'_>) -> Result<JobRow, BadRecord> {
    Ok(JobRow {
        id: JobId::from_u128(row.id),
        version: row.version,
        fence: row.fence,
        job_type: row.job_type.into_owned(),
        definition: ContentHash(row.definition),
        name: row.name.into_owned(),
        description: row.description.into_owned(),
        status: word("status", row.status)?,
        phase: word("phase", row.phase)?,
        waiting_for: row.waiting_for.map(read_waiting).transpose()?,
        place: read_place(&row.place)?,
        priority: row.priority,
        labels: (row.labels.into_iter())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect(),
        owner: row.owner.into_owned(),
        agent: owned(row.agent),
        parent: row.parent.map(JobId::from_u128),
        run_number: row.run_number,
        attempts: row.attempts,
        pending_checkpoints: row.pending_checkpoints,
        error: row.error.map(|problem| Problem {
            kind: problem.kind.into_owned(),
            status: problem.status,
            title: owned(problem.title),
            detail: owned(problem.detail),
            instance: owned(problem.instance),
        }),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        started_at: row.started_at.map(Timestamp),
        completed_at: row.completed_at.map(Timestamp),
        due_at: row.due_at.map(Timestamp),
    })
}

/// The record of a folded job.
pub(crate) fn write_snapshot(job: JobId, version: u64, body: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let record = v1::Snapshot { job: job.as_u128(), version, body: v1::Bytes(body.into()) };
    codec::encode(codec::SNAPSHOT, &record, 32 + body.len())
}

/// The folded job in a record, and the version it stands at.
pub(crate) fn read_snapshot(job: JobId, record: &[u8]) -> Result<(u64, Vec<u8>), BadRecord> {
    let snapshot: v1::Snapshot<'_> = codec::decode(codec::SNAPSHOT, record)?;
    if snapshot.job != job.as_u128() {
        return Err(BadRecord::damaged("it belongs to another job"));
    }
    Ok((snapshot.version, snapshot.body.0.into_owned()))
}

impl Key {
    /// The record of a used key.
    pub(crate) fn to_record(&self) -> Result<Vec<u8>, BadRecord> {
        let key = v1::Key {
            owner: text(&self.owner),
            key: text(&self.key),
            job: self.job.as_u128(),
            digest: self.digest.0,
            used_at: self.used_at.0,
        };
        codec::encode(codec::KEY, &key, 128)
    }

    /// The key in a record.
    pub(crate) fn from_record(record: &[u8]) -> Result<Self, BadRecord> {
        let key: v1::Key<'_> = codec::decode(codec::KEY, record)?;
        Ok(Self {
            owner: key.owner.into_owned(),
            key: key.key.into_owned(),
            job: JobId::from_u128(key.job),
            digest: ContentHash(key.digest),
            used_at: Timestamp(key.used_at),
        })
    }
}

/// The record of a document.
pub(crate) fn write_document(kind: &str, document: &Document) -> Result<Vec<u8>, BadRecord> {
    let record = v1::Document {
        kind: text(kind),
        id: text(&document.id),
        version: document.version,
        updated_at: document.updated_at.0,
        body: v1::Bytes(document.body.as_slice().into()),
    };
    codec::encode(codec::DOCUMENT, &record, 64 + document.body.len())
}

/// The document in a record, which must be of this kind.
pub(crate) fn read_document(kind: &str, record: &[u8]) -> Result<Document, BadRecord> {
    let document: v1::Document<'_> = codec::decode(codec::DOCUMENT, record)?;
    if document.kind != kind {
        return Err(BadRecord::Damaged(format!("it is a {:?}", document.kind)));
    }
    Ok(Document {
        id: document.id.into_owned(),
        version: document.version,
        updated_at: Timestamp(document.updated_at),
        body: document.body.0.into_owned(),
    })
}
