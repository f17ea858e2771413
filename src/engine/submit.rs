//! Creation of jobs: the workflow is pinned, the input checked, an id drawn. What follows is the
//! job's own matter.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::calls::defuse;
use crate::dsl::definition::Definition;
use crate::engine::job::{JobMsg, Wish};
use crate::engine::jobs::JobsMsg;
use crate::engine::obey::Obeyed;
use crate::engine::{Engine, EngineError, IdempotencyKey, NewJob, Submitted};
use crate::model::audit::Author;
use crate::model::cloud_event::CloudEvent;
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::JobId;
use crate::model::job::JobSpec;
use crate::model::time::Span;

/// Subscribers that get an event at a time.
const SUBSCRIBERS_PAGE: usize = 500;

impl Engine {
    /// Creates a job; it is on disk when this returns.
    ///
    /// # Errors
    /// When the workflow is unknown or broken, the input does not fit its schema, the key was used
    /// with another request, or the engine or its store cannot take it now.
    pub async fn submit(
        &self,
        job: NewJob,
        by: impl Into<Author>,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, EngineError> {
        let definition = self.shared.catalog.current(&job.job_type)?;
        let id = JobId(self.shared.parts.clock.new_id());
        self.submit_as(id, definition, job, by.into(), key).await
    }

    /// The same with an id that was drawn before, and a document that was found before.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub(crate) async fn submit_as(
        &self,
        id: JobId,
        definition: Arc<Definition>,
        job: NewJob,
        by: Author,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, EngineError> {
        let input = defused(&job.input);
        if let Some(schema) = &definition.input.schema {
            let violations = schema.violations(&input);
            if !violations.is_empty() {
                return Err(EngineError::InvalidInput { workflow: job.job_type, violations });
            }
        }
        let queued = self.shared.parts.store.counts().await?.queued;
        if queued >= self.shared.parts.options.queue_max {
            let retry_after = Span::from_secs(10);
            return Err(EngineError::Busy { what: "the queue is full", retry_after });
        }
        let spec = JobSpec {
            job_type: job.job_type,
            definition: definition.hash,
            name: job.name,
            description: job.description,
            acceptance_criteria: job.acceptance_criteria,
            acceptance_rules: defused(&job.acceptance_rules),
            input,
            priority: job.priority,
            labels: job.labels,
            owner: job.owner,
            due_at: job.due_at,
            auto_execute: job.auto_execute,
            needs_agent: definition.needs_agent,
            parent: None,
            requested_by: None,
        };
        let created = self.wish(id, Command::Create(Arc::new(spec)), by, key).await?;
        Ok(Submitted { job: created.view, replayed: created.replayed })
    }

    /// Sends a wish to a job and waits for its answer.
    pub(crate) async fn wish(
        &self,
        job: JobId,
        command: Command,
        by: Author,
        key: Option<IdempotencyKey>,
    ) -> Result<Obeyed, EngineError> {
        if self.shared.is_stopping() {
            return Err(EngineError::Stopping);
        }
        let (reply, answer) = oneshot::channel();
        let message = Box::new(JobMsg::Wish(Wish { command, by, key, reply }));
        if !self.shared.jobs.cast(JobsMsg::Deliver { job, message }) {
            return Err(EngineError::Stopping);
        }
        let lost = || {
            if self.shared.is_stopping() {
                return EngineError::Stopping;
            }
            let reason = "the job's actor ended before it answered; ask again";
            EngineError::Unavailable(reason.to_owned())
        };
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Delivers an event to every job that listens to it; says how many took it.
    ///
    /// # Errors
    /// When one of them could not be reached: deliver it again, those that have it take it once.
    pub async fn deliver(
        &self,
        event: CloudEvent,
        by: impl Into<Author>,
    ) -> Result<u64, EngineError> {
        let by = by.into();
        let event = CloudEvent::parse(defuse((**event.envelope()).clone())).unwrap_or(event);
        let event_type = event.attribute("type").to_owned();
        let (mut after, mut taken) = (None, 0);
        loop {
            let store = &self.shared.parts.store;
            let page = store.subscribers(&event_type, after, SUBSCRIBERS_PAGE).await?;
            let Some(last) = page.last() else { return Ok(taken) };
            after = Some(*last);
            for job in page {
                let command = Command::Deliver(event.clone());
                match self.wish(job, command, by.clone(), None).await {
                    Ok(obeyed) => taken += u64::from(obeyed.changed),
                    Err(EngineError::Refused(_)) => {}
                    // It will never take it; the others shall.
                    Err(EngineError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Text from outside must never pass for the placeholder of a secret.
pub(crate) fn defused(value: &Data) -> Data {
    Arc::new(defuse((**value).clone()))
}
