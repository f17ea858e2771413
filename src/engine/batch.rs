//! The same wish for many jobs: written down, answered, then done one after the other. What a crash
//! interrupts goes on after it; how each ended is kept.

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::engine::{Engine, EngineError, IdempotencyKey, NewJob};
use crate::model::audit::{Author, Origin};
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::{BatchId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::{Document, DocumentOutcome};

const KIND: &str = "batch";
/// The kind of the marks of batches that are not through: a start looks at these alone.
const OPEN: &str = "batch-open";
/// Wishes of a batch that are under way at once: they share commits and leave room for others.
const AT_ONCE: usize = 8;
/// Wishes between two notes of how far it is. A crash repeats at most so many.
const NOTED_EVERY: usize = 32;
/// Batches read at a time when unfinished ones are looked for.
const PAGE: usize = 100;

/// What is wished for each job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum BatchAction {
    /// To be created.
    Create,
    /// To be assigned to this agent, with these inputs.
    Assign { agent: String, inputs: Data },
    /// To be matched with an agent.
    AutoAssign,
    /// To start.
    Execute,
    /// To lose its assignment.
    Cancel { reason: Option<String> },
    /// To end.
    Terminate { reason: String },
}

/// One wish of a batch and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItem {
    /// The job; of a creation once it exists.
    pub job: Option<JobId>,
    /// The job to be created.
    pub new: Option<NewJob>,
    /// How it ended; nothing before.
    pub outcome: Option<ItemOutcome>,
}

/// How one wish ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ItemOutcome {
    /// It was done.
    Done,
    /// It was refused, for this reason.
    Failed(String),
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Which batch.
    pub id: BatchId,
    /// Who wished it.
    pub by: Principal,
    /// From where; unknown of older batches.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Whose jobs may be touched and created; none: anybody's.
    pub owner: Option<String>,
    /// What is wished.
    pub action: BatchAction,
    /// The wishes, in order.
    pub items: Vec<BatchItem>,
    /// When it was taken.
    pub created_at: Timestamp,
    /// When its last wish ended.
    pub ended_at: Option<Timestamp>,
}

/// A batch to be done.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// Who wishes it, and from where.
    pub by: Author,
    /// Whose jobs may be touched and created; none: anybody's.
    pub owner: Option<String>,
    /// What is wished.
    pub action: BatchAction,
    /// The wishes, in order.
    pub items: Vec<BatchItem>,
}

impl Engine {
    /// Takes a batch; it is on disk when this returns, and is done after that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn submit_batch(&self, new: NewBatch) -> Result<Batch, EngineError> {
        let NewBatch { by, owner, action, items } = new;
        let id = BatchId(self.shared.parts.clock.new_id());
        let (Author { by, origin }, created_at) = (by, self.now());
        let batch = Batch { id, by, origin, owner, action, items, created_at, ended_at: None };
        self.write_batch(&batch, Some(0)).await?;
        // The mark comes second: a crash in between leaves a batch that nobody was told of.
        self.put_document(OPEN, &id.to_string(), Vec::new(), Some(0)).await?;
        self.start_batch(batch.clone());
        Ok(batch)
    }

    /// A batch and how far it is.
    ///
    /// # Errors
    /// `NoSuchBatch`.
    pub async fn batch(&self, id: BatchId) -> Result<Batch, EngineError> {
        let found = self.shared.parts.store.document(KIND, &id.to_string()).await?;
        read(&found.ok_or(EngineError::NoSuchBatch)?)
    }

    /// Goes on with every batch that is not through. After a start, and after the release of a held
    /// store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resume_batches(&self) -> Result<(), EngineError> {
        if self.hold().is_some() {
            return Ok(());
        }
        let mut after: Option<String> = None;
        loop {
            let page = self.documents(OPEN, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for mark in &page {
                let batch = match self.document(KIND, &mark.id).await? {
                    Some(document) => read(&document),
                    None => Err(EngineError::NoSuchBatch),
                };
                match batch {
                    Ok(batch) => self.start_batch(batch),
                    Err(error) => tracing::error!(batch = mark.id, %error, "left alone"),
                }
            }
        }
    }

    fn start_batch(&self, batch: Batch) {
        let engine = self.clone();
        tokio::spawn(async move {
            let id = batch.id;
            if let Err(error) = engine.run_batch(batch).await {
                tracing::warn!(batch = %id, %error, "a batch stopped; it goes on after a restart");
            }
        });
    }

    async fn run_batch(&self, mut batch: Batch) -> Result<(), EngineError> {
        let waiting: Vec<usize> = batch.items.iter().enumerate().filter_map(open).collect();
        for part in waiting.chunks(NOTED_EVERY) {
            let mut running = JoinSet::new();
            let mut rest = part.iter();
            loop {
                while running.len() < AT_ONCE
                    && let Some(index) = rest.next()
                {
                    self.begin_item(&mut running, &batch, *index);
                }
                let Some(ended) = running.join_next().await else { break };
                let Ok((index, outcome)) = ended else { return Err(EngineError::Stopping) };
                note(&mut batch, index, outcome)?;
            }
            let is_last = batch.items.iter().all(|item| item.outcome.is_some());
            batch.ended_at = is_last.then(|| self.now());
            self.write_batch(&batch, None).await?;
        }
        self.remove_document(OPEN, &batch.id.to_string()).await?;
        Ok(())
    }

    fn begin_item(
        &self,
        running: &mut JoinSet<(usize, Result<JobId, EngineError>)>,
        batch: &Batch,
        index: usize,
    ) {
        let engine = self.clone();
        let by = Author { by: batch.by.clone(), origin: batch.origin.clone() };
        let (owner, action) = (batch.owner.clone(), batch.action.clone());
        let Some(item) = batch.items.get(index).cloned() else { return };
        let key = format!("batch/{}/{index}", batch.id);
        running.spawn(async move {
            let done = engine.do_item(item, action, owner.as_deref(), by, key).await;
            (index, done)
        });
    }

    async fn do_item(
        &self,
        item: BatchItem,
        action: BatchAction,
        owner: Option<&str>,
        by: Author,
        key: String,
    ) -> Result<JobId, EngineError> {
        if let (BatchAction::Create, Some(new)) = (&action, item.new) {
            // The key makes a repetition after a crash find the job that it made before.
            let key = IdempotencyKey {
                owner: new.owner.clone(),
                digest: ContentHash::of(key.as_bytes()),
                key,
                forget_before: Timestamp::default(),
            };
            return Ok(self.submit(new, by, Some(key)).await?.job.row.id);
        }
        let job = item.job.ok_or(crate::model::refusal::Refusal::NoSuchJob)?;
        let row = self.job_row(job).await?;
        if owner.is_some_and(|owner| owner != row.owner) {
            // What is somebody else's does not exist.
            return Err(crate::model::refusal::Refusal::NoSuchJob.into());
        }
        match action {
            BatchAction::Create => return Err(crate::model::refusal::Refusal::NoSuchJob.into()),
            BatchAction::Assign { agent, inputs } => {
                self.assign_agent(job, &agent, inputs, None, by).await?
            }
            BatchAction::AutoAssign => self.command(job, Command::Match, by).await?,
            BatchAction::Execute => self.command(job, Command::Execute, by).await?,
            BatchAction::Cancel { reason } => {
                self.command(job, Command::Unassign { reason }, by).await?
            }
            BatchAction::Terminate { reason } => {
                self.command(job, Command::Terminate { reason }, by).await?
            }
        };
        Ok(job)
    }

    async fn write_batch(&self, batch: &Batch, expect: Option<u64>) -> Result<(), EngineError> {
        let body = serde_json::to_vec(batch)
            .map_err(|error| EngineError::Unavailable(error.to_string()))?;
        let document =
            Document { id: batch.id.to_string(), version: 0, updated_at: self.now(), body };
        match self.shared.parts.store.put_document(KIND, document, expect).await? {
            DocumentOutcome::Written(_) => Ok(()),
            DocumentOutcome::Conflict(_) => {
                Err(EngineError::Unavailable("the id of the batch is taken; ask again".to_owned()))
            }
        }
    }
}

fn open((index, item): (usize, &BatchItem)) -> Option<usize> {
    item.outcome.is_none().then_some(index)
}

/// Notes how a wish ended. Weather is no end: then the batch stops and goes on later.
fn note(
    batch: &mut Batch,
    index: usize,
    ended: Result<JobId, EngineError>,
) -> Result<(), EngineError> {
    let Some(item) = batch.items.get_mut(index) else { return Ok(()) };
    match ended {
        Ok(job) => {
            item.job = Some(job);
            item.outcome = Some(ItemOutcome::Done);
        }
        Err(weather @ (EngineError::Stopping | EngineError::Held { .. })) => return Err(weather),
        Err(error) => item.outcome = Some(ItemOutcome::Failed(error.to_string())),
    }
    Ok(())
}

fn read(document: &Document) -> Result<Batch, EngineError> {
    serde_json::from_slice(&document.body).map_err(|error| {
        let reason = format!("the batch {} cannot be read: {error}", document.id);
        EngineError::Unavailable(reason)
    })
}

/// The jobs of a batch as items.
pub fn items_of(jobs: impl IntoIterator<Item = JobId>) -> Vec<BatchItem> {
    let item = |job| BatchItem { job: Some(job), new: None, outcome: None };
    jobs.into_iter().map(item).collect()
}
