//! Who carries out a job: the agent must exist and be in use, and what it gets must fit what it
//! takes. The rest is the job's own matter.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::schema::Violation;
use crate::engine::submit::defused;
use crate::engine::{Engine, EngineError, IdempotencyKey, NewJob, Submitted};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::AgentId;

/// The version of a job that was created and nothing else.
const VERSION_CREATED: u64 = 1;

impl Engine {
    /// Creates a job and assigns it to an agent (its id or name), which gets the input of the job.
    /// A repetition with the same key finds the job, and assigns it if a crash came in between.
    ///
    /// # Errors
    /// As [`Engine::submit`] and [`Engine::assign_agent`]; `NoAgentNeeded` when the workflow starts
    /// without one.
    pub async fn submit_assigned(
        &self,
        job: NewJob,
        agent: &str,
        by: impl Into<Author>,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted, EngineError> {
        let by = by.into();
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

    /// Checks that an agent could take this: its id, and the inputs as a journal may hold them.
    ///
    /// # Errors
    /// `UnknownAgent`, `InactiveAgent`, `InvalidAgentInputs` with every violation.
    pub fn check_assignment(
        &self,
        agent: &str,
        inputs: &Value,
    ) -> Result<(String, Data), EngineError> {
        let unknown = || EngineError::UnknownAgent { agent: agent.to_owned() };
        let target = self.shared.registry.resolve(agent).ok_or_else(unknown)?;
        let agent = target.agent.name.clone();
        if !target.agent.is_active {
            return Err(EngineError::InactiveAgent { agent });
        }
        let inputs = defused(&Arc::new(inputs.clone()));
        let violations = target.input.violations(&inputs);
        match violations.is_empty() {
            true => Ok((target.agent.id.to_string(), inputs)),
            false => Err(EngineError::InvalidAgentInputs { agent, violations }),
        }
    }

    /// What is wrong with these inputs of an agent, by its input schema; nothing when they fit.
    ///
    /// # Errors
    /// `UnknownAgent`.
    pub fn check_agent_inputs(
        &self,
        agent: AgentId,
        inputs: &Value,
    ) -> Result<Vec<Violation>, EngineError> {
        let unknown = || EngineError::UnknownAgent { agent: agent.to_string() };
        let target = self.shared.registry.find(agent).ok_or_else(unknown)?;
        Ok(target.input.violations(inputs))
    }
}
