//! The registry of agents, as the handle of the engine offers it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::calls::AgentTarget;
use crate::engine::agents::draft::{Checked, Defects, check};
use crate::engine::agents::{AgentEdit, AgentView, AgentsMsg, NewAgent, NewAuth};
use crate::engine::{Engine, EngineError, JobView};
use crate::model::agent::{Agent, AgentAuth};
use crate::model::audit::{Author, Fact};
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::{AgentId, JobId};
use crate::model::limits::AGENTS_MAX;
use crate::store::ChangeOutcome;

impl Engine {
    /// Every registered agent, by name.
    pub fn agents(&self) -> Vec<AgentView> {
        self.shared.registry.views(self.now())
    }

    /// An agent.
    ///
    /// # Errors
    /// `UnknownAgent`.
    pub fn agent(&self, id: AgentId) -> Result<AgentView, EngineError> {
        let found = self.shared.registry.view(id, self.now());
        found.ok_or_else(|| EngineError::UnknownAgent { agent: id.to_string() })
    }

    /// An agent by its id or its name: what a document or a request may say.
    ///
    /// # Errors
    /// `UnknownAgent`.
    pub fn find_agent(&self, id_or_name: &str) -> Result<AgentView, EngineError> {
        match self.shared.registry.resolve(id_or_name) {
            Some(target) => self.agent(target.agent.id),
            None => Err(EngineError::UnknownAgent { agent: id_or_name.to_owned() }),
        }
    }

    /// Assigns an agent, by its id or name, to a job; the journal names the id.
    ///
    /// # Errors
    /// `UnknownAgent`; `InactiveAgent`; `InvalidAgentInputs` with every violation; the job's
    /// refusal.
    pub async fn assign_agent(
        &self,
        job: JobId,
        agent: &str,
        inputs: Data,
        reason: Option<String>,
        by: impl Into<Author>,
    ) -> Result<JobView, EngineError> {
        let (agent, inputs) = self.check_assignment(agent, &inputs)?;
        let command = Command::Assign { agent, inputs, reason, report: None };
        self.command(job, command, by).await
    }

    /// Gives a job to another agent; the one that had it is fenced.
    ///
    /// # Errors
    /// As [`Engine::assign_agent`].
    pub async fn reassign_agent(
        &self,
        job: JobId,
        agent: &str,
        inputs: Data,
        reason: String,
        by: impl Into<Author>,
    ) -> Result<JobView, EngineError> {
        let (agent, inputs) = self.check_assignment(agent, &inputs)?;
        self.command(job, Command::Reassign { agent, inputs, reason }, by).await
    }

    /// Registers an agent; it is active. Its endpoint is resolved and checked by the egress guard,
    /// now and again at every call.
    ///
    /// # Errors
    /// `InvalidAgent` with every defect (pointers as the HTTP API spells the members),
    /// `AgentNameTaken`, `TooManyAgents`.
    pub async fn create_agent(
        &self,
        new: NewAgent,
        by: impl Into<Author>,
    ) -> Result<AgentView, EngineError> {
        let mut defects = Defects::default();
        let checked = check(&new, &mut defects);
        self.check_endpoint(&new.endpoint, &mut defects).await;
        if new.auth.as_ref().is_some_and(|auth| auth.secret.is_none()) {
            defects.add("/auth/secret", "missing");
        }
        let checked = passed(checked, defects)?;
        let registry = &self.shared.registry;
        let _alone = registry.writing.lock().await;
        if registry.count() >= AGENTS_MAX {
            return Err(EngineError::TooManyAgents);
        }
        let id = AgentId(self.shared.parts.clock.new_id());
        self.check_name(&new.name, id)?;
        let auth = match new.auth {
            Some(auth) => Some(self.sealed(id, auth, None)?),
            None => None,
        };
        let now = self.now();
        let agent = Agent {
            id,
            name: new.name,
            description: new.description,
            tags: new.tags,
            endpoint: new.endpoint,
            auth,
            input_schema: new.input_schema,
            output_schema: new.output_schema,
            timeouts: new.timeouts,
            retry: new.retry,
            concurrency_max: new.concurrency_max,
            rate_limit: new.rate_limit,
            mode: new.mode,
            idempotent: new.idempotent,
            is_active: true,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let fact = Fact::new(by, "agent.create", id.to_string()).with(told(&agent));
        self.put_agent(agent, checked, 0, fact).await
    }

    /// Changes a registration. `version`: the one that the change is about; none: whatever is
    /// there. Calls under way keep what they started with.
    ///
    /// # Errors
    /// As [`Engine::create_agent`]; `UnknownAgent`; `AgentChanged` when it has another version.
    pub async fn edit_agent(
        &self,
        id: AgentId,
        edit: AgentEdit,
        version: Option<u64>,
        by: impl Into<Author>,
    ) -> Result<AgentView, EngineError> {
        let registry = &self.shared.registry;
        let _alone = registry.writing.lock().await;
        let unknown = || EngineError::UnknownAgent { agent: id.to_string() };
        let old = registry.find(id).ok_or_else(unknown)?.agent.clone();
        if version.is_some_and(|version| version != old.version) {
            return Err(EngineError::AgentChanged { version: old.version });
        }
        let moves = edit.endpoint.as_ref().is_some_and(|endpoint| *endpoint != old.endpoint);
        let keeps_auth = edit.auth.is_none();
        let is_active = edit.is_active.unwrap_or(old.is_active);
        let new = edited(&old, edit);
        let mut defects = Defects::default();
        let checked = check(&new, &mut defects);
        if moves {
            self.check_endpoint(&new.endpoint, &mut defects).await;
            let is_given = new.auth.as_ref().is_none_or(|auth| auth.secret.is_some());
            if !is_given && !crate::calls::same_origin(&old.endpoint, &new.endpoint) {
                let why = "the endpoint is on another server now: give its secret again";
                defects.add("/auth/secret", why);
            }
        }
        let same_scheme =
            |auth: &NewAuth| old.auth.as_ref().is_some_and(|old| old.scheme == auth.scheme);
        let lacks = |auth: &NewAuth| auth.secret.is_none() && !same_scheme(auth);
        if !keeps_auth && new.auth.as_ref().is_some_and(lacks) {
            defects.add("/auth/secret", "missing");
        }
        let checked = passed(checked, defects)?;
        self.check_name(&new.name, id)?;
        let auth = match new.auth {
            Some(_) if keeps_auth => old.auth.clone(),
            Some(auth) => Some(self.sealed(id, auth, old.auth.as_ref())?),
            None => None,
        };
        let agent = Agent {
            id,
            name: new.name,
            description: new.description,
            tags: new.tags,
            endpoint: new.endpoint,
            auth,
            input_schema: new.input_schema,
            output_schema: new.output_schema,
            timeouts: new.timeouts,
            retry: new.retry,
            concurrency_max: new.concurrency_max,
            rate_limit: new.rate_limit,
            mode: new.mode,
            idempotent: new.idempotent,
            is_active,
            version: old.version + 1,
            created_at: old.created_at,
            updated_at: self.now(),
        };
        let action = match (old.is_active, agent.is_active) {
            (true, false) => "agent.deactivate",
            (false, true) => "agent.activate",
            _ => "agent.update",
        };
        let fact = Fact::new(by, action, id.to_string()).with(told(&agent));
        self.put_agent(agent, checked, old.version, fact).await
    }

    /// Takes an agent out of use: it is matched no more, and calls of it wait until it is active
    /// again. Nothing is deleted, because journals name it.
    ///
    /// # Errors
    /// `UnknownAgent`.
    pub async fn deactivate_agent(
        &self,
        id: AgentId,
        by: impl Into<Author>,
    ) -> Result<AgentView, EngineError> {
        let edit = AgentEdit { is_active: Some(false), ..AgentEdit::default() };
        self.edit_agent(id, edit, None, by).await
    }

    async fn check_endpoint(&self, endpoint: &str, defects: &mut Defects) {
        if let Err(error) = self.shared.parts.caller.check_endpoint(endpoint).await {
            defects.add("/endpointURL", error.to_string());
        }
    }

    fn check_name(&self, name: &str, id: AgentId) -> Result<(), EngineError> {
        match self.shared.registry.resolve(name) {
            Some(other) if other.agent.id != id => Err(EngineError::AgentNameTaken {
                name: other.agent.name.clone(),
                agent: other.agent.id,
            }),
            _ => Ok(()),
        }
    }

    fn sealed(
        &self,
        id: AgentId,
        auth: NewAuth,
        old: Option<&AgentAuth>,
    ) -> Result<AgentAuth, EngineError> {
        let sealed = match (auth.secret, old) {
            (Some(secret), _) => {
                let sealed = self.shared.parts.caller.seal(&secret, &id.to_string());
                sealed.map_err(|error| EngineError::Unavailable(error.to_string()))?
            }
            (None, Some(old)) => old.sealed.clone(),
            (None, None) => String::new(),
        };
        Ok(AgentAuth { scheme: auth.scheme, header: auth.header, sealed })
    }

    async fn put_agent(
        &self,
        agent: Agent,
        checked: Checked,
        read_at: u64,
        fact: Fact,
    ) -> Result<AgentView, EngineError> {
        let registry = &self.shared.registry;
        let written = registry.put(&agent, read_at, fact).await?;
        if let ChangeOutcome::Conflict { version, .. } = written {
            return Err(EngineError::AgentChanged { version });
        }
        let (id, name) = (agent.id, agent.name.clone());
        tracing::info!(agent = %id, name, version = agent.version, "an agent is registered");
        let Checked { input, output } = checked;
        registry.take(Arc::new(AgentTarget { agent: Arc::new(agent), input, output }));
        self.shared.agents.cast(AgentsMsg::Look { agent: id, newcomer: None });
        self.agent(id)
    }
}

/// What the audit trail says of a registration: all of it but the secret, by its digest.
fn told(agent: &Agent) -> Value {
    let shown = Agent {
        auth: agent.auth.clone().map(|auth| AgentAuth { sealed: String::new(), ..auth }),
        ..agent.clone()
    };
    let whole = serde_json::to_value(&shown).unwrap_or_default();
    json!({
        "name": agent.name,
        "endpoint": agent.endpoint,
        "version": agent.version,
        "active": agent.is_active,
        "sha256": crate::dsl::canonical_hash(&whole),
    })
}

fn passed(checked: Option<Checked>, defects: Defects) -> Result<Checked, EngineError> {
    match checked {
        Some(checked) if defects.0.is_empty() => Ok(checked),
        _ => Err(EngineError::InvalidAgent { violations: defects.0 }),
    }
}

/// The registration with the change in it. Credentials that stay have no secret here.
fn edited(old: &Agent, edit: AgentEdit) -> NewAgent {
    let kept = old.auth.as_ref().map(|auth| NewAuth {
        scheme: auth.scheme,
        header: auth.header.clone(),
        secret: None,
    });
    NewAgent {
        name: edit.name.unwrap_or_else(|| old.name.clone()),
        description: edit.description.unwrap_or_else(|| old.description.clone()),
        tags: edit.tags.unwrap_or_else(|| old.tags.clone()),
        endpoint: edit.endpoint.unwrap_or_else(|| old.endpoint.clone()),
        auth: edit.auth.unwrap_or(kept),
        input_schema: edit.input_schema.unwrap_or_else(|| old.input_schema.clone()),
        output_schema: edit.output_schema.unwrap_or_else(|| old.output_schema.clone()),
        timeouts: edit.timeouts.unwrap_or(old.timeouts),
        retry: edit.retry.unwrap_or(old.retry),
        concurrency_max: edit.concurrency_max.unwrap_or(old.concurrency_max),
        rate_limit: edit.rate_limit.unwrap_or(old.rate_limit),
        mode: edit.mode.unwrap_or(old.mode),
        idempotent: edit.idempotent.unwrap_or(old.idempotent),
    }
}
