//! The audit trail as both engines keep it: what a commit or a fact becomes, how entries are
//! linked, which of them a list is about. Pure; it writes nothing.

use serde_json::Value;

use crate::model::audit::{self, AuditEntry, AuditHead, CommitPlace, Fact};
use crate::model::event::Event;
use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::row::CheckpointRow;
use crate::model::time::Timestamp;
use crate::store::answer::Document;
use crate::store::codec::{self, BadRecord};
use crate::store::commit::Commit;
use crate::store::error::StoreError;
use crate::store::rec::{self, Draft};

/// Entries that one page of a list looks at before it says where to go on: about 50 ms of reading.
pub(crate) const LOOKED_AT_MAX: usize = 20_000;

/// One change of a document in a group of them.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentChange {
    /// Writes it. `expect_version` 0: it must not exist; `None`: whatever is there.
    Put {
        /// Its kind.
        kind: String,
        /// The document; its version is given by the store.
        document: Document,
        /// The version that it must have.
        expect_version: Option<u64>,
    },
    /// Removes it. `expect_version` `None`: whatever is there, if anything.
    Remove {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
        /// The version that it must have.
        expect_version: Option<u64>,
    },
}

/// What became of a group of changes. Data, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// All of them are on disk, and the entry of the fact with them.
    Applied,
    /// None of them is.
    Conflict {
        /// Which of them stands against what is held.
        index: usize,
        /// The version that is held; 0 when there is none.
        version: u64,
    },
}

/// Which entries of the trail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditQuery {
    /// By this principal: its id, or as it is shown (`agent:…`, `system:…`).
    pub by: Option<String>,
    /// This action, or any below it: `login` also finds `login.failed`.
    pub action: Option<String>,
    /// To this target: the id of a job, a user, a name.
    pub target: Option<String>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Only entries before this place.
    pub before: Option<u64>,
    /// Rows on the page.
    pub limit: usize,
}

/// A page of the trail, newest first. It may be short although more follow: a page looks at a
/// bounded number of entries.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// The entries.
    pub rows: Vec<AuditEntry>,
    /// Entries in the whole trail.
    pub total: u64,
    /// Where the next page begins; none at the end.
    pub next_before: Option<u64>,
}

/// The appends of one commit, as the journals have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendSeal {
    /// Its place in the feed.
    pub feed: u64,
    /// The job.
    pub job: JobId,
    /// Its last event.
    pub last_seq: u64,
    /// The hash of its last record; none when the job is no longer there, the reason when its
    /// records are not what was written.
    pub hash: Result<Option<ContentHash>, String>,
}

/// What a commit is remembered as. Taken from it before its events are let go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub action: &'static str,
    pub has_reason: bool,
    pub shown: Option<ContentHash>,
}

impl Told {
    /// What these events are remembered as, with the checkpoints that they changed.
    pub(crate) fn of<'e>(
        events: impl IntoIterator<Item = &'e Event>,
        checkpoints: &[CheckpointRow],
    ) -> Self {
        let Some(telling) = audit::telling(events) else {
            return Self { action: "none", has_reason: false, shown: None };
        };
        let checkpoint = checkpoint_of(telling.event);
        let row = checkpoints.iter().find(|row| Some(row.id) == checkpoint);
        let shown = row.map(|row| row.digest);
        Self { action: telling.action, has_reason: telling.has_reason, shown }
    }
}

/// The checkpoint that an event is about.
pub(crate) fn checkpoint_of(event: &Event) -> Option<CheckpointId> {
    match event {
        Event::Decided { checkpoint, .. }
        | Event::Voted { checkpoint, .. }
        | Event::Edited { checkpoint, .. }
        | Event::Claimed { checkpoint, .. }
        | Event::Released { checkpoint }
        | Event::Delegated { checkpoint, .. }
        | Event::Commented { checkpoint, .. }
        | Event::Rearmed { checkpoint, .. }
        | Event::Reminded { checkpoint }
        | Event::Expired { checkpoint, .. }
        | Event::Escalated { checkpoint, .. } => Some(*checkpoint),
        Event::CheckpointOpened { checkpoint, .. } => Some(checkpoint.id),
        _ => None,
    }
}

/// The record of the entry of a commit, and the head after it.
pub(crate) fn link_commit(
    head: AuditHead,
    commit: &Commit,
    told: &Told,
    feed: u64,
    append: ContentHash,
) -> Result<(Vec<u8>, AuditHead), StoreError> {
    let place = CommitPlace { job: commit.job, feed, last_seq: commit.row.version };
    let draft = Draft {
        at: commit.at,
        by: &commit.by,
        action: told.action,
        target: "",
        commit: Some(place),
        digest: append,
        shown: told.shown,
        has_reason: told.has_reason,
        detail: None,
        origin: commit.origin.as_ref(),
    };
    draft.link(head).map_err(|bad| bad.at(codec::AUDIT, head.count + 1))
}

/// The record of the entry of a fact, and the head after it.
pub(crate) fn link_fact(
    head: AuditHead,
    fact: &Fact,
    at: Timestamp,
) -> Result<(Vec<u8>, AuditHead), StoreError> {
    let bad = |bad: BadRecord| bad.at(codec::AUDIT, head.count + 1);
    let detail = match &fact.detail {
        Value::Null => None,
        detail => Some(serde_json::to_vec(detail).map_err(|e| bad(BadRecord::damaged(e)))?),
    };
    let draft = Draft {
        at,
        by: &fact.by,
        action: &fact.action,
        target: &fact.target,
        commit: None,
        digest: ContentHash::of(detail.as_deref().unwrap_or_default()),
        shown: None,
        has_reason: fact.detail.get("reason").is_some_and(|reason| !reason.is_null()),
        detail: detail.as_deref(),
        origin: fact.origin.as_ref(),
    };
    draft.link(head).map_err(bad)
}

/// The fact that jobs were removed because their time was over.
pub(crate) fn removal(jobs: &[JobId]) -> Fact {
    let ids: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    Fact::new(Principal::system("retention"), JOBS_REMOVED, format!("{} jobs", jobs.len()))
        .with(serde_json::json!({ "jobs": ids }))
}

/// The action of the entry that names the jobs that were removed.
pub const JOBS_REMOVED: &str = "jobs.removed";

/// The fact that the entries before it were made of the journals of an earlier format.
pub(crate) fn raised(from: &str, entries: u64) -> Fact {
    Fact::new(Principal::system("store"), "store.raised", "audit")
        .with(serde_json::json!({ "fromFormat": from, "entriesMade": entries }))
}

/// The entry in a record at this place.
pub(crate) fn read(seq: u64, record: &[u8]) -> Result<AuditEntry, StoreError> {
    rec::read_audit(seq, record).map_err(|bad| bad.at(codec::AUDIT, seq))
}

/// The head after an entry that must be the next one.
pub(crate) fn follow(before: AuditHead, entry: &AuditEntry) -> Result<AuditHead, String> {
    if entry.seq != before.count + 1 {
        return Err(format!("entry {} is where entry {} belongs", entry.seq, before.count + 1));
    }
    if entry.previous_hash != before.hash {
        return Err(format!(
            "it carries {} as the link of the entry before it, which has {}",
            entry.previous_hash, before.hash
        ));
    }
    Ok(AuditHead { count: entry.seq, hash: entry.hash })
}

/// The head as the table `meta` holds it.
pub(crate) fn head_text(head: AuditHead) -> String {
    format!("{} {}", head.count, head.hash)
}

/// The head in that text; a store that has none yet has no entries.
pub(crate) fn read_head(text: Option<&str>) -> Option<AuditHead> {
    let Some(text) = text else { return Some(AuditHead::genesis()) };
    let (count, hash) = text.split_once(' ')?;
    Some(AuditHead { count: count.parse().ok()?, hash: hash.parse().ok()? })
}

/// Is this entry one of the list?
pub(crate) fn matches(query: &AuditQuery, entry: &AuditEntry) -> bool {
    let by = |by: &String| entry.by.id() == by || entry.by.to_string() == *by;
    let action = |action: &String| {
        let rest = entry.action.strip_prefix(action.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    query.by.as_ref().is_none_or(by)
        && query.action.as_ref().is_none_or(action)
        && query.target.as_ref().is_none_or(|target| *target == entry.target)
        && query.from.is_none_or(|from| entry.at >= from)
        && query.to.is_none_or(|to| entry.at < to)
}

/// A page of entries that come newest first.
pub(crate) fn page<E>(
    query: &AuditQuery,
    total: u64,
    newest_first: impl Iterator<Item = Result<AuditEntry, E>>,
) -> Result<AuditPage, E> {
    let (mut rows, mut last) = (Vec::new(), 0);
    let mut looked_at = 0;
    for entry in newest_first {
        let entry = entry?;
        if rows.len() >= query.limit || looked_at >= LOOKED_AT_MAX {
            return Ok(AuditPage { rows, total, next_before: Some(last) });
        }
        (looked_at, last) = (looked_at + 1, entry.seq);
        if matches(query, &entry) {
            rows.push(entry);
        }
    }
    Ok(AuditPage { rows, total, next_before: None })
}
