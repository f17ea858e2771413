//! Reads: from the store's read model and journals, never through a mailbox.

use std::sync::{Arc, PoisonError};

use crate::engine::load::load;
use crate::engine::{
    ActorNode, Change, CheckpointQuery, CheckpointView, Counts, Engine, EngineError, Health,
    JobQuery, JobView, LogRow, Page, RecoveryReport, TimelineRow,
};
use crate::machine::{TimelineEntry, changed_checkpoints, job_row, log_entry, timeline};
use crate::model::event::{Event, Recorded};
use crate::model::id::{CheckpointId, FrameId, JobId};
use crate::model::job::Job;
use crate::model::refusal::Refusal;
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::status::LogStatus;

/// Events read at a time.
const PAGE: usize = 1_000;

impl Engine {
    /// A job in full.
    ///
    /// # Errors
    /// `NoSuchJob`; `Corrupt` when its journal cannot be folded.
    pub async fn job(&self, job: JobId) -> Result<JobView, EngineError> {
        let loaded = load(&self.shared, job).await.map_err(|error| error.of(job))?;
        let (job, _) = loaded.ok_or(Refusal::NoSuchJob)?;
        let row = self.shared.with_pause(job_row(&job));
        Ok(JobView { row: Arc::new(row), job: Arc::new(job) })
    }

    /// The row of a job: all that can be said of one whose journal cannot be read.
    ///
    /// # Errors
    /// `NoSuchJob`.
    pub async fn job_row(&self, job: JobId) -> Result<JobRow, EngineError> {
        let row = self.shared.parts.store.job(job).await?.ok_or(Refusal::NoSuchJob)?;
        Ok(self.shared.with_pause(row))
    }

    /// A page of jobs.
    ///
    /// # Errors
    /// When the cursor is not one of this list.
    pub async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, EngineError> {
        let mut page = self.shared.parts.store.jobs(query).await?;
        page.rows = page.rows.into_iter().map(|row| self.shared.with_pause(row)).collect();
        Ok(page)
    }

    /// The log of a job after this event: at most `max` rows, and how many there are in all.
    ///
    /// # Errors
    /// `NoSuchJob`.
    pub async fn logs(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<(Vec<LogRow>, u64), EngineError> {
        let journal = self.journal(job).await?;
        let mut status = LogStatus::Pending;
        let mut rows = Vec::new();
        let mut total = 0;
        for fact in &journal {
            let Some(entry) = log_entry(&fact.event) else { continue };
            status = entry.status.unwrap_or(status);
            total += 1;
            if fact.seq > after_seq && rows.len() < max {
                rows.push(LogRow {
                    seq: fact.seq,
                    at: fact.at,
                    by: fact.by.clone(),
                    status: status.to_string(),
                    event: fact.event.name(),
                    message: entry.message,
                    reference: entry.reference,
                    agent: entry.agent,
                    request_payload: entry.request,
                    response_payload: entry.response,
                });
            }
        }
        Ok((rows, total))
    }

    /// The tasks of all runs of a job, in order of start.
    ///
    /// # Errors
    /// `NoSuchJob`.
    pub async fn timeline(&self, job: JobId) -> Result<Vec<TimelineRow>, EngineError> {
        let journal = self.journal(job).await?;
        Ok(timeline(&journal).into_iter().map(timeline_row).collect())
    }

    async fn journal(&self, job: JobId) -> Result<Vec<Recorded>, EngineError> {
        let mut journal: Vec<Recorded> = Vec::new();
        loop {
            let after = journal.last().map_or(0, |fact| fact.seq);
            let page = self.shared.parts.store.journal(job, after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            journal.extend(page);
        }
        if journal.is_empty() {
            return Err(Refusal::NoSuchJob.into());
        }
        Ok(journal)
    }

    /// A checkpoint in full.
    ///
    /// # Errors
    /// `NoSuchCheckpoint`.
    pub async fn checkpoint(&self, id: CheckpointId) -> Result<CheckpointView, EngineError> {
        let row = self.shared.parts.store.checkpoint(id).await?;
        let row = row.ok_or(Refusal::NoSuchCheckpoint)?;
        checkpoint_view(&self.job(row.job).await?.job, id)
    }

    /// A page of checkpoints.
    ///
    /// # Errors
    /// When the cursor is not one of this list.
    pub async fn checkpoints(
        &self,
        query: &CheckpointQuery,
    ) -> Result<Page<CheckpointRow>, EngineError> {
        Ok(self.shared.parts.store.checkpoints(query).await?)
    }

    /// The live actor tree.
    ///
    /// # Errors
    /// `Stopping` when there is none any more.
    pub async fn actors(&self) -> Result<ActorNode, EngineError> {
        self.shared.table.tree().ok_or(EngineError::Stopping)
    }

    /// How many actors of each kind live.
    pub fn actor_counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.table.counts()
    }

    /// What the last start found and did.
    pub fn recovery(&self) -> Arc<RecoveryReport> {
        self.shared.report.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What stands where.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn counts(&self) -> Result<Counts, EngineError> {
        Ok(self.shared.parts.store.counts().await?)
    }

    /// How the store is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn health(&self) -> Result<Health, EngineError> {
        Ok(self.shared.parts.store.health().await?)
    }

    /// Wakes whenever something was committed; the value is the end of the feed.
    pub fn feed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared.feed.subscribe()
    }

    /// The feed after this place, at most `max`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, EngineError> {
        Ok(self.shared.parts.store.changes(after, max).await?)
    }
}

impl JobView {
    /// Every checkpoint of the job, in the order in which they opened.
    pub fn checkpoints(&self) -> Vec<CheckpointView> {
        let mut folded: Vec<_> = self.job.checkpoints.values().collect();
        folded.sort_by_key(|checkpoint| (checkpoint.opened_at, checkpoint.run, checkpoint.frame));
        let ids = folded.into_iter().map(|checkpoint| checkpoint.id);
        ids.filter_map(|id| checkpoint_view(&self.job, id).ok()).collect()
    }
}

/// A checkpoint of a folded job.
pub(crate) fn checkpoint_view(job: &Job, id: CheckpointId) -> Result<CheckpointView, EngineError> {
    let checkpoint = job.checkpoints.get(&id).cloned().ok_or(Refusal::NoSuchCheckpoint)?;
    // The row of one checkpoint is what its opening would have changed.
    let opened =
        Event::CheckpointOpened { frame: checkpoint.frame, checkpoint: checkpoint.clone() };
    let row = changed_checkpoints(job, &[Arc::new(opened)]).pop();
    let row = row.ok_or(Refusal::NoSuchCheckpoint)?;
    Ok(CheckpointView { row, checkpoint })
}

fn timeline_row(entry: TimelineEntry) -> TimelineRow {
    let name = entry.reference.rsplit('/').next().unwrap_or_default().to_owned();
    TimelineRow {
        run: entry.run,
        frame: entry.frame.unwrap_or(FrameId(0)),
        reference: entry.reference,
        name,
        phase: entry.phase,
        attempt: entry.attempt,
        iteration: entry.iteration,
        started_at: entry.started_at,
        ended_at: entry.ended_at,
        waited_ms: entry.waited_micros / 1_000,
        output: entry.output,
        error: entry.error,
    }
}
