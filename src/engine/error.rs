//! Why the engine did not do what it was asked: a refusal of the model, or a fault of the world.

use crate::dsl::schema::Violation;
use crate::model::refusal::Refusal;
use crate::model::time::Span;
use crate::store::{ReadError, StoreError};

/// The engine's border error. One table in `http` maps it to status codes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The model said no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// No workflow of this name is registered.
    #[error("no workflow {name:?} is registered; there are: {known}")]
    UnknownWorkflow {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The workflow's document has defects.
    #[error("workflow {name:?} cannot run: its document has defects: {defects}")]
    BrokenWorkflow {
        /// Which workflow.
        name: String,
        /// Its defects, one line each.
        defects: String,
    },
    /// The input does not fit the workflow's schema.
    #[error("the input does not fit the schema of workflow {workflow:?}")]
    InvalidInput {
        /// Which workflow.
        workflow: String,
        /// Everything that is wrong, with pointers into `inputData`.
        violations: Vec<Violation>,
    },
    /// No agent has this id or name.
    #[error("no agent {agent:?} is registered")]
    UnknownAgent {
        /// What was asked for.
        agent: String,
    },
    /// The card of an agent cannot be read.
    #[error("the agent card cannot be read: {reason}")]
    UnreachableCard {
        /// Why.
        reason: String,
    },
    /// The workflow starts without an agent.
    #[error("workflow {workflow:?} needs no agent: leave `agentId` out")]
    NoAgentNeeded {
        /// Its name.
        workflow: String,
    },
    /// The registration of an agent has defects.
    #[error("the agent cannot be registered like this: {}", all_of(violations))]
    InvalidAgent {
        /// Every defect, with pointers into the request.
        violations: Vec<Violation>,
    },
    /// The inputs do not fit the agent.
    #[error("the inputs do not fit the input schema of agent {agent:?}: {}", all_of(violations))]
    InvalidAgentInputs {
        /// The name of the agent.
        agent: String,
        /// Everything that is wrong, with pointers into the inputs.
        violations: Vec<Violation>,
    },
    /// The agent is not to be asked.
    #[error("agent {agent:?} is inactive; activate it, or choose another one")]
    InactiveAgent {
        /// Its name.
        agent: String,
    },
    /// Another agent has this name.
    #[error("the name {name:?} belongs to agent {agent}; names are unique")]
    AgentNameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        agent: crate::model::id::AgentId,
    },
    /// Somebody else changed the agent.
    #[error("the agent was changed meanwhile: it is at version {version} now; read it again")]
    AgentChanged {
        /// Its version now.
        version: u64,
    },
    /// There is no room for another agent.
    #[error(
        "there are {} agents, which is the most; change one that is inactive instead",
        crate::model::limits::AGENTS_MAX
    )]
    TooManyAgents,
    /// A token that was never given out.
    #[error("this is no callback of a call: the token is not one that this server gave out")]
    BadCallback,
    /// The call of the token has its outcome.
    #[error("the call has its outcome already, or nobody waits for it any more")]
    CallbackOver,
    /// The result of a callback does not fit the output schema of the agent.
    #[error("the result does not fit the output schema: {}; the call failed", all_of(violations))]
    InvalidResult {
        /// Everything that is wrong, with pointers into the body.
        violations: Vec<Violation>,
    },
    /// The gate cannot be opened like this.
    #[error("the gate cannot be opened like this: {}", all_of(violations))]
    InvalidGate {
        /// Every defect, with pointers into the request.
        violations: Vec<Violation>,
    },
    /// There is no such link.
    #[error("there is no such link")]
    NoSuchLink,
    /// There can be no link.
    #[error("there can be no link: {why}")]
    LinkOver {
        /// Why not.
        why: &'static str,
    },
    /// There is no such rule.
    #[error("there is no such approval rule")]
    NoSuchRule,
    /// The rule cannot stand like this.
    #[error("the rule cannot stand like this: {}", all_of(violations))]
    InvalidRule {
        /// Every defect, with pointers into the request.
        violations: Vec<Violation>,
    },
    /// Somebody else changed the rule.
    #[error("the rule was changed meanwhile: it is at version {version} now; read it again")]
    RuleChanged {
        /// Its version now.
        version: u64,
    },
    /// There is no such batch.
    #[error("there is no such batch")]
    NoSuchBatch,
    /// The idempotency key came with another request before.
    #[error("the idempotency key was used with another request, for job {job}")]
    KeyReused {
        /// The job that it created.
        job: crate::model::id::JobId,
    },
    /// The cursor is not one of this list.
    #[error("{0}")]
    Cursor(#[from] crate::store::BadCursor),
    /// Too much at once.
    #[error("the engine is full: {what}; try again in {} s", retry_after.0 / 1_000_000)]
    Busy {
        /// What is full.
        what: &'static str,
        /// When to try again.
        retry_after: Span,
    },
    /// The store cannot answer.
    #[error("{0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("{0}")]
    DiskFull(String),
    /// The job's journal cannot be read by this program.
    #[error("job {job} cannot be loaded: {reason}")]
    Corrupt {
        /// Which job.
        job: crate::model::id::JobId,
        /// Why.
        reason: String,
    },
    /// The store is a copy that was not released yet.
    #[error(
        "the store is held since {since}: {reason}. Nothing starts before an admin releases it: \
         `holdpoint release --reason …` or POST /api/admin/release"
    )]
    Held {
        /// Since when.
        since: crate::model::time::Timestamp,
        /// Why.
        reason: String,
    },
    /// There is nothing to release.
    #[error("the store is not held: it works already")]
    NotHeld,
    /// There is no backup, and what was begun of it is gone.
    #[error("{0}")]
    BackupFailed(String),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

fn all_of(violations: &[Violation]) -> String {
    let lines = violations.iter().map(|v| format!("{}: {}", v.pointer, v.message));
    lines.collect::<Vec<_>>().join("; ")
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(reason) => EngineError::DiskFull(reason),
            other => EngineError::Unavailable(other.to_string()),
        }
    }
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cursor(cursor) => EngineError::Cursor(cursor),
            ReadError::Store(store) => store.into(),
        }
    }
}
