//! Who carries out a job: the agent must exist and be in use, and what it gets must fit what it
//! takes. The rest is the job's own matter.

use std::sync::Arc;

use serde_json::Value;

use crate::engine::submit::defused;
use crate::engine::{AgentView, Engine, EngineError, IdempotencyKey, JobView, NewJob, Submitted};
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::JobId;
use crate::model::principal::Principal;

/// The version of a job that was created and nothing else.
const VERSION_CREATED: u64 = 1;

impl Engine {
    /// Creates a job and assigns it to an agent (its id or name), which gets the input of the job.
    /// A repetition with the same key finds the job, and assigns it if a crash came in between.
    ///
    /// # Errors
    /// As [`Engine::submit`] and [`Engine::assign`]; `NoAgentNeeded` when the workflow starts
    /// without one.
    pub async fn submit_assigned(
        &self,
        job: NewJob,
        agent: &str,
        by: Principal,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, EngineError> {
        if !self.shared.catalog.current(&job.job_type)?.needs_agent {
            return Err(EngineError::NoAgentNeeded { workflow: job.job_type });
        }
        let (agent, inputs) = self.check_assignment(agent, &job.input)?;
        let submitted = self.submit(job, by.clone(), key).await?;
        let row = &submitted.job.row;
        if row.version > VERSION_CREATED {
            return Ok(submitted);
        }
        let command = Command::Assign { agent, inputs, reason: None, report: None };
        let job = self.command(row.id, command, by).await?;
        Ok(Submitted { job, ..submitted })
    }

    /// Assigns a PENDING job to an agent (its id or name).
    ///
    /// # Errors
    /// `UnknownAgent`, `AgentInactive`, `InvalidInputs` with every violation of the input schema;
    /// the job's refusal.
    pub async fn assign(
        &self,
        job: JobId,
        agent: &str,
        inputs: Data,
        by: Principal,
    ) -> Result<JobView, EngineError> {
        let (agent, inputs) = self.check_assignment(agent, &inputs)?;
        let command = Command::Assign { agent, inputs, reason: None, report: None };
        self.command(job, command, by).await
    }

    /// Gives a job to another agent; what the first one still brings is refused.
    ///
    /// # Errors
    /// As [`Engine::assign`].
    pub async fn reassign(
        &self,
        job: JobId,
        agent: &str,
        inputs: Data,
        reason: String,
        by: Principal,
    ) -> Result<JobView, EngineError> {
        let (agent, inputs) = self.check_assignment(agent, &inputs)?;
        self.command(job, Command::Reassign { agent, inputs, reason }, by).await
    }

    /// Checks that an agent could take this: its id, and the inputs as a journal may hold them.
    ///
    /// # Errors
    /// `UnknownAgent`, `AgentInactive`, `InvalidInputs`.
    pub fn check_assignment(
        &self,
        agent: &str,
        inputs: &Value,
    ) -> Result<(String, Data), EngineError> {
        let AgentView { agent, .. } = self.find_agent(agent)?;
        if !agent.is_active {
            return Err(EngineError::AgentInactive { agent: agent.name.clone() });
        }
        let inputs = defused(&Arc::new(inputs.clone()));
        let violations = self.check_agent_inputs(agent.id, &inputs)?;
        if !violations.is_empty() {
            return Err(EngineError::InvalidInputs { agent: agent.name.clone(), violations });
        }
        Ok((agent.id.to_string(), inputs))
    }
}
