//! A job obeys: decide, append, and take what was appended for the job from then on. When somebody
//! else wrote in between, it decides once more on what that one left.

use std::sync::Arc;

use crate::engine::commit::{Append, Deliberation, append, deliberate};
use crate::engine::job::JobState;
use crate::engine::load::{LoadError, load};
use crate::engine::{EngineError, JobView};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::event::Event;
use crate::model::id::{FrameId, JobId};
use crate::model::refusal::Refusal;
use crate::store::IdempotencyKey;

/// What became of a wish.
#[derive(Clone, Debug)]
pub(crate) struct Obeyed {
    /// The job after it.
    pub view: JobView,
    /// Did it change anything?
    pub changed: bool,
    /// Was it created by an earlier request with the same key?
    pub replayed: bool,
}

pub(crate) type Answer = Result<Obeyed, EngineError>;

/// Decisions made anew after other writers before the caller is told to try again.
const DECISIONS_MAX: u32 = 4;

impl JobState {
    /// Reads the job unless it is known as it stands on disk.
    pub async fn ensure_loaded(&mut self) -> Result<(), LoadError> {
        if self.loaded {
            return Ok(());
        }
        if let Some((job, _)) = load(&self.shared, self.id).await? {
            self.definition = Some(self.shared.catalog.by_hash(job.spec.definition).await?);
            // Whoever wrote the end may have died before the parent was told of it.
            if job.status.is_ended()
                && let Some(parent) = job.spec.parent.filter(|parent| parent.awaited)
            {
                self.shared.activate(parent.job);
            }
            self.job = Some(Arc::new(job));
        }
        self.loaded = true;
        Ok(())
    }

    /// What is on disk is not known here any more: it is read before the next decision.
    pub fn unload(&mut self) {
        (self.job, self.definition, self.loaded) = (None, None, false);
    }

    /// Decides and appends; what is answered is on disk.
    pub async fn obey(
        &mut self,
        command: &Command,
        by: Author,
        key: Option<IdempotencyKey>,
    ) -> Answer {
        for _ in 0..DECISIONS_MAX {
            self.ensure_loaded().await.map_err(|error| error.of(self.id))?;
            if let Some(answer) = self.try_to_obey(command, &by, key.clone()).await? {
                return Ok(answer);
            }
            self.unload();
        }
        Err(EngineError::Unavailable("somebody else writes to the same job".to_owned()))
    }

    /// Nothing when somebody else wrote in between.
    async fn try_to_obey(
        &mut self,
        command: &Command,
        by: &Author,
        key: Option<IdempotencyKey>,
    ) -> Result<Option<Obeyed>, EngineError> {
        let definition = match (&self.definition, command) {
            (Some(definition), _) => definition.clone(),
            (None, Command::Create(spec)) => {
                let found = self.shared.catalog.by_hash(spec.definition).await;
                found.map_err(|error| error.of(self.id))?
            }
            (None, _) => return Err(Refusal::NoSuchJob.into()),
        };
        let now = self.shared.parts.clock.now();
        let wish = Deliberation {
            id: self.id,
            job: self.job.clone(),
            definition: definition.clone(),
            command: command.clone(),
            by: by.by.clone(),
            now,
        };
        let decided = deliberate(&self.shared, wish).await?;
        if decided.events.is_empty() {
            return Ok(self.job.clone().map(|job| self.obeyed(job, false)));
        }
        // Also if the append is never answered: what it starts can only leave from here.
        self.hands.know(decided.events.iter().filter_map(|event| started_call(event)));
        match append(&self.shared, self.job.as_deref(), decided, by.clone(), now, key).await {
            Ok(Append::Done(done)) => {
                self.definition = Some(definition);
                self.job = Some(done.job.clone());
                let view = JobView { row: done.row, job: done.job };
                Ok(Some(Obeyed { view, changed: true, replayed: false }))
            }
            Ok(Append::Overtaken) => Ok(None),
            Ok(Append::Duplicate { job, same_request }) => self.duplicate(job, same_request).await,
            Err(error) => {
                self.unload();
                Err(error)
            }
        }
    }

    /// The job that the same request created before.
    async fn duplicate(
        &self,
        job: JobId,
        same_request: bool,
    ) -> Result<Option<Obeyed>, EngineError> {
        if !same_request {
            return Err(EngineError::KeyReused { job });
        }
        let loaded = load(&self.shared, job).await.map_err(|error| error.of(job))?;
        let (found, _) = loaded.ok_or(Refusal::NoSuchJob)?;
        let mut obeyed = self.obeyed(Arc::new(found), false);
        obeyed.replayed = true;
        Ok(Some(obeyed))
    }
}

fn started_call(event: &Event) -> Option<(FrameId, u32)> {
    match event {
        Event::CallStarted { frame, attempt, .. } | Event::CallPolled { frame, attempt } => {
            Some((*frame, *attempt))
        }
        _ => None,
    }
}
