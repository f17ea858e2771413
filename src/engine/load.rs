//! A job as its journal tells it: the last snapshot and the events after it, folded.

use crate::engine::EngineError;
use crate::engine::shared::Shared;
use crate::machine::evolve;
use crate::model::id::{CommitId, JobId};
use crate::model::job::Job;
use crate::store::{Loaded, StoreError};

/// Why a job could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The store cannot answer now.
    #[error("{0}")]
    Unavailable(String),
    /// The journal cannot be read or folded: no retry will help.
    #[error("{0}")]
    Poisoned(String),
}

impl LoadError {
    /// The same, of this job, at the border.
    pub fn of(self, job: JobId) -> EngineError {
        match self {
            LoadError::Unavailable(reason) => EngineError::Unavailable(reason),
            LoadError::Poisoned(reason) => EngineError::Corrupt { job, reason },
        }
    }
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => LoadError::Poisoned(error.to_string()),
            other => LoadError::Unavailable(other.to_string()),
        }
    }
}

/// The folded job and the id of its last commit; nothing when there is no such job.
pub(crate) async fn load(shared: &Shared, id: JobId) -> Result<Option<(Job, CommitId)>, LoadError> {
    let store = &shared.parts.store;
    let Some(loaded) = store.load(id).await? else { return Ok(None) };
    let last_commit = loaded.last_commit;
    let folded = match fold(id, loaded) {
        Ok(job) => Ok(job),
        // A snapshot is only a short cut: what it cannot give, the whole journal can.
        Err(_) => whole(shared, id).await,
    };
    match folded? {
        Some(job) => Ok(Some((job, last_commit))),
        None => Err(LoadError::Poisoned("the journal is empty".to_owned())),
    }
}

fn fold(id: JobId, loaded: Loaded) -> Result<Option<Job>, LoadError> {
    let poisoned = |reason: String| LoadError::Poisoned(reason);
    let mut job = match loaded.snapshot {
        Some((version, bytes)) => {
            let job: Job = serde_json::from_slice(&bytes)
                .map_err(|error| poisoned(format!("the snapshot cannot be read: {error}")))?;
            if job.version != version || job.id != id {
                return Err(poisoned("the snapshot is of another job or version".to_owned()));
            }
            Some(job)
        }
        None => None,
    };
    for fact in &loaded.tail {
        let next = evolve(job, id, &fact.event, fact.at);
        job = Some(next.map_err(|corrupt| poisoned(corrupt.to_string()))?);
    }
    Ok(job)
}

async fn whole(shared: &Shared, id: JobId) -> Result<Option<Job>, LoadError> {
    const PAGE: usize = 1_000;
    let (mut job, mut after) = (None, 0);
    loop {
        let page = shared.parts.store.journal(id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(job) };
        after = last.seq;
        for fact in &page {
            let next = evolve(job, id, &fact.event, fact.at);
            job = Some(next.map_err(|corrupt| LoadError::Poisoned(corrupt.to_string()))?);
        }
    }
}
