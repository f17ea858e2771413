//! When a commit applies: one rule for every engine. Pure; the engine brings what it read.

use std::collections::BTreeSet;

use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::time::Timestamp;
use crate::store::commit::{Commit, CommitOutcome};
use crate::store::error::StoreError;

/// What the store holds of the job before the commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Events in its journal.
    pub version: u64,
    /// Its fence.
    pub fence: u64,
    /// Version after the commit of the same id, if that is on disk.
    pub replayed: Option<u64>,
}

/// An idempotency key as the store holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UsedKey {
    /// The job that it created.
    pub job: JobId,
    /// Digest of the request.
    pub digest: ContentHash,
    /// When it was used.
    pub used_at: Timestamp,
}

/// Is the commit well formed? What is not would leave rows that contradict the journal.
pub(crate) fn check_form(commit: &Commit) -> Result<(), StoreError> {
    let version = commit.expect_version.saturating_add(commit.events.len() as u64);
    let reason = if commit.events.is_empty() {
        "a commit needs an event".to_owned()
    } else if commit.row.id != commit.job {
        format!("its row is of job {}", commit.row.id)
    } else if commit.row.version != version {
        format!("its row has version {}, its journal {version}", commit.row.version)
    } else if let Some(row) = commit.checkpoints.iter().find(|row| row.job != commit.job) {
        format!("checkpoint {} belongs to job {}", row.id, row.job)
    } else if commit.checkpoints.iter().map(|row| row.id).collect::<BTreeSet<_>>().len()
        < commit.checkpoints.len()
    {
        "it changes one checkpoint twice".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::Corrupt { table: "jobs", key: commit.job.to_string(), reason })
}

/// The version after a commit, from the commit ids of the journal after `expect_version`: only
/// there can a replay of it be found.
pub(crate) fn replayed_version(
    commit: &Commit,
    ids_after: impl Iterator<Item = CommitId>,
) -> Option<u64> {
    let events = ids_after.take_while(|id| *id == commit.commit_id).count() as u64;
    (events > 0).then(|| commit.expect_version.saturating_add(events))
}

/// Why the commit does not apply; nothing when it does.
///
/// A replay comes first: the caller did not see the first answer, so everything else may have
/// moved on. A fence comes before the version: who lost a job learns that, not that it is late.
pub(crate) fn refuse(
    commit: &Commit,
    standing: Option<Standing>,
    used: Option<UsedKey>,
) -> Option<CommitOutcome> {
    if let Some(version) = standing.and_then(|job| job.replayed) {
        return Some(CommitOutcome::Replayed { version });
    }
    if let (Some(used), Some(key)) = (used, &commit.key)
        && used.used_at >= key.forget_before
    {
        let same_request = used.digest == key.digest;
        return Some(CommitOutcome::Duplicate { job: used.job, same_request });
    }
    match standing {
        None if commit.expect_version == 0 => None,
        None => Some(CommitOutcome::Conflict { version: 0 }),
        Some(job) if commit.expect_version == 0 => {
            Some(CommitOutcome::Conflict { version: job.version })
        }
        Some(job) if job.fence != commit.fence => Some(CommitOutcome::Fenced { fence: job.fence }),
        Some(job) if job.version != commit.expect_version => {
            Some(CommitOutcome::Conflict { version: job.version })
        }
        Some(_) => None,
    }
}
