//! How long jobs stay after their end: those whose time is over are written to the archive, synced,
//! and only then removed. A live job never goes, nor one whose parent is live.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::model::event::{Event, Recorded};
use crate::model::id::{ContentHash, JobId};
use crate::model::limits::PAGE_MAX;
use crate::model::principal::Principal;
use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::model::status::Status;
use crate::model::time::{Span, Timestamp};
use crate::store::durable_file::sync_folder;
use crate::store::{CheckpointQuery, JobQuery, JobSort, ReadError, Store, StoreError};

/// Jobs that are removed in one transaction.
const JOBS_AT_ONCE: usize = 64;
/// Events that are removed in one transaction, unless one job has more.
const EVENTS_AT_ONCE: u64 = 10_000;
/// Events that are read at a time.
const EVENTS_READ: usize = 1_000;
/// Entries of the feed that are looked at in one transaction.
const CHANGES_AT_ONCE: usize = 10_000;

/// Which jobs stay how long, and where the archive is.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long jobs of a final status stay.
    pub kept: Vec<(Status, Span)>,
    /// The folder of the archive.
    pub archive: PathBuf,
}

impl Rules {
    /// The rules of the configuration: what stays for ever has none.
    pub fn of(config: &Config) -> Self {
        let retention = &config.retention;
        let days = [
            (Status::Completed, retention.completed_days),
            (Status::Failed, retention.failed_days),
            (Status::Rejected, retention.rejected_days),
            (Status::Cancelled, retention.terminated_days),
        ];
        let kept = days.into_iter().filter(|(_, days)| *days > 0);
        let kept = kept.map(|(status, days)| (status, Span::from_secs(u64::from(days) * 86_400)));
        Self { kept: kept.collect(), archive: retention.archive_dir.clone() }
    }
}

/// Why a sweep stopped. What it removed is in the archive; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The archive cannot be written: nothing more is removed.
    #[error("cannot write the archive {}: {source}", path.display())]
    Archive {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A list could not be paged.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Archives and removes every job whose time is over; answers how many.
///
/// # Errors
/// Why it stopped.
pub async fn sweep(store: &dyn Store, rules: &Rules, now: Timestamp) -> Result<u64, SweepError> {
    let mut removed = 0;
    for (status, kept) in &rules.kept {
        let before = Timestamp(now.0.saturating_sub_unsigned(kept.0));
        removed += sweep_status(store, rules, *status, before, now).await?;
    }
    if removed > 0 {
        let mut after = Some(0);
        while let Some(place) = after {
            after = store.prune_feed(place, CHANGES_AT_ONCE).await?;
        }
    }
    Ok(removed)
}

async fn sweep_status(
    store: &dyn Store,
    rules: &Rules,
    status: Status,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, SweepError> {
    let mut query = JobQuery {
        statuses: vec![status],
        created_to: Some(before),
        sort: JobSort::CreatedAscending,
        limit: PAGE_MAX,
        ..JobQuery::default()
    };
    let mut removed = 0;
    loop {
        let page = store.jobs(&query).await?;
        let mut batch: Vec<JobRow> = Vec::new();
        let mut events = 0;
        for row in page.rows {
            let is_over = row.completed_at.is_some_and(|at| at <= before);
            if !is_over || row.place != Place::Ended || has_live_parent(store, &row).await? {
                continue;
            }
            if batch.len() >= JOBS_AT_ONCE || events >= EVENTS_AT_ONCE {
                removed += remove(store, rules, std::mem::take(&mut batch), now).await?;
                events = 0;
            }
            events += row.version;
            batch.push(row);
        }
        removed += remove(store, rules, batch, now).await?;
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(removed),
        }
    }
}

async fn has_live_parent(store: &dyn Store, row: &JobRow) -> Result<bool, SweepError> {
    let Some(parent) = row.parent else { return Ok(false) };
    Ok(store.job(parent).await?.is_some_and(|parent| !parent.status.is_ended()))
}

async fn remove(
    store: &dyn Store,
    rules: &Rules,
    rows: Vec<JobRow>,
    now: Timestamp,
) -> Result<u64, SweepError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let mut archive = Archive::open(&rules.archive, now)?;
    for row in &rows {
        archive.add(store, row, now).await?;
    }
    archive.close()?;
    let jobs: Vec<(JobId, u64)> = rows.iter().map(|row| (row.id, row.version)).collect();
    let removed = store.remove_jobs(jobs, now).await?;
    tracing::info!(jobs = removed.len(), "jobs whose time is over are in the archive and removed");
    Ok(removed.len() as u64)
}

/// An event as the archive shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedEvent<'a> {
    seq: u64,
    at: String,
    by: &'a Principal,
    event: &'a Event,
    hash: ContentHash,
}

/// The file of a day. A line is a job: its row, its checkpoints, its journal, and a SHA-256 of all
/// that, by which the same job is recognised that a crash made the archive hold twice.
struct Archive {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Archive {
    fn open(folder: &Path, now: Timestamp) -> Result<Self, SweepError> {
        let day: String = now.to_rfc3339().chars().take(10).collect();
        let path = folder.join(format!("{day}.jsonl"));
        let opened = || {
            fs::create_dir_all(folder)?;
            let mut options = OpenOptions::new();
            let mut file = options.create(true).read(true).append(true).mode(0o600).open(&path)?;
            // A crash may have cut the last line off; the next one must not continue it.
            if !ends_with_newline(&mut file)? {
                file.write_all(b"\n")?;
            }
            sync_folder(&path)?;
            Ok(file)
        };
        match opened() {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(SweepError::Archive { path, source }),
        }
    }

    async fn add(
        &mut self,
        store: &dyn Store,
        row: &JobRow,
        now: Timestamp,
    ) -> Result<(), SweepError> {
        let mut hash = Sha256::new();
        let start = format!("{{\"archivedAt\":\"{}\",", now.to_rfc3339());
        self.write(start.as_bytes(), None)?;
        self.write(format!("\"job\":{}", json(row)).as_bytes(), Some(&mut hash))?;
        let checkpoints = checkpoints(store, row.id).await?;
        let checkpoints = format!(",\"checkpoints\":{},\"events\":[", json(&checkpoints));
        self.write(checkpoints.as_bytes(), Some(&mut hash))?;
        let mut after = 0;
        loop {
            let part = store.journal(row.id, after, EVENTS_READ).await?;
            let Some(last) = part.last() else { break };
            for fact in &part {
                let comma = if fact.seq > 1 { "," } else { "" };
                let text = format!("{comma}{}", json(&archived(fact)));
                self.write(text.as_bytes(), Some(&mut hash))?;
            }
            after = last.seq;
        }
        self.write(b"]", Some(&mut hash))?;
        let hash = ContentHash(hash.finalize().into());
        self.write(format!(",\"sha256\":\"{hash}\"}}\n").as_bytes(), None)
    }

    fn write(&mut self, bytes: &[u8], hash: Option<&mut Sha256>) -> Result<(), SweepError> {
        if let Some(hash) = hash {
            hash.update(bytes);
        }
        let written = self.file.write_all(bytes);
        written.map_err(|source| SweepError::Archive { path: self.path.clone(), source })
    }

    /// When this returns, everything is on disk.
    fn close(mut self) -> Result<(), SweepError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|source| SweepError::Archive { path: self.path, source })
    }
}

fn archived(fact: &Recorded) -> ArchivedEvent<'_> {
    let Recorded { seq, at, by, event, hash, .. } = fact;
    ArchivedEvent { seq: *seq, at: at.to_rfc3339(), by, event, hash: *hash }
}

fn json(value: &impl Serialize) -> String {
    // Rows and events have text keys only, so they always serialise.
    serde_json::to_string(value).unwrap_or_default()
}

async fn checkpoints(store: &dyn Store, job: JobId) -> Result<Vec<CheckpointRow>, SweepError> {
    let mut query =
        CheckpointQuery { job: Some(job), limit: PAGE_MAX, ..CheckpointQuery::default() };
    let mut rows = Vec::new();
    loop {
        let page = store.checkpoints(&query).await?;
        rows.extend(page.rows);
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(rows),
        }
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
