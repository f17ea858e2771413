//! An engine without a listener or an outside: a function stands in for every agent. For measuring
//! the engine alone and for filling stores; it serves nobody and sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::app::{AppError, settings};
use crate::calls::{Call, Caller, Outcome, StandIn};
use crate::clock::System;
use crate::config::Config;
use crate::engine::{Engine, NewJob, Parts};
use crate::http::accounts;
use crate::model::principal::Principal;
use crate::telemetry::metrics::Metrics;

/// Answers the rendered arguments of a call with its output.
pub type Answer = dyn Fn(&Value) -> Value + Send + Sync;

/// A running engine of this process alone; whoever has it stops the engine.
pub struct Rehearsal {
    /// The engine.
    pub engine: Engine,
}

/// A job to rehearse.
pub struct RehearsedJob<'a> {
    /// The name of its workflow.
    pub job_type: &'a str,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: &'a str,
    /// The user who owns it.
    pub owner: &'a str,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its input.
    pub input: Value,
}

struct Function(Arc<Answer>);

#[async_trait]
impl StandIn for Function {
    async fn run(&self, call: &Call) -> Outcome {
        Outcome::Succeeded((self.0)(&call.arguments))
    }
}

impl Rehearsal {
    /// Starts the store and the engine of this configuration; `answer` stands in for agents.
    ///
    /// # Errors
    /// Names the part that does not start, and what to do.
    pub async fn start(config: &Config, answer: Arc<Answer>) -> Result<Self, AppError> {
        // Metrics cost what they cost in a server.
        Metrics::install().map_err(|error| AppError::setting("metrics", &error))?;
        let store = settings::open_store(config).await?;
        let failed = |error: &dyn std::fmt::Display| AppError::Engine(error.to_string());
        let clock = System::new();
        clock.raise(store.last_time().await.map_err(|error| failed(&error))?);
        let parts = Parts {
            store,
            clock: Arc::new(clock),
            caller: Caller::standing_in(Arc::new(Function(answer))),
            workflows: Some(config.workflows.dir.clone()),
            options: settings::engine(config, None),
        };
        let engine = Engine::start(parts).await.map_err(|error| failed(&error))?;
        Ok(Self { engine })
    }

    /// Creates a job; it is on disk when this returns.
    ///
    /// # Errors
    /// What the engine says against it.
    pub async fn submit(&self, job: RehearsedJob<'_>) -> Result<(), AppError> {
        let new = NewJob {
            job_type: job.job_type.to_owned(),
            name: job.name,
            description: job.description.to_owned(),
            acceptance_criteria: String::new(),
            acceptance_rules: Arc::new(json!([])),
            input: Arc::new(job.input),
            priority: 5,
            labels: job.labels,
            owner: job.owner.to_owned(),
            due_at: None,
            auto_execute: true,
        };
        let by = Principal::Person(job.owner.to_owned());
        let submitted = self.engine.submit(new, by, None).await;
        submitted.map(drop).map_err(|error| AppError::Engine(error.to_string()))
    }

    /// Makes an admin with this e-mail, or gives the one that is there a new password, and answers
    /// the password.
    ///
    /// # Errors
    /// When the account cannot be written.
    pub async fn make_admin(&self, email: &str) -> Result<String, AppError> {
        let made = accounts::reset_admin(&self.engine, email).await;
        made.map_err(|error| AppError::Admin(error.to_string()))
    }
}
