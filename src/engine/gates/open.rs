//! How a gate is opened and withdrawn. The policy goes into the job's input as data; who decides is
//! judged where every checkpoint is judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::calls::WebhookSecret;
use crate::dsl::schema::Violation;
use crate::engine::gates::documents::GATE;
use crate::engine::gates::{GateView, secrets};
use crate::engine::{Engine, EngineError, IdempotencyKey, NewJob};
use crate::model::audit::{Author, Fact};
use crate::model::command::Command;
use crate::model::event::Data;
use crate::model::id::JobId;
use crate::model::refusal::Refusal;

/// How long the opening of a gate waits for its checkpoint, so that the answer can name it. A busy
/// or stopped worker is no reason to wait longer: the gate is on disk.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(1);
/// The priority of a gate: a person waits behind it.
const PRIORITY: u8 = 5;

/// A gate to be opened. Texts are checked by whoever takes them from outside.
#[derive(Clone, Debug)]
pub struct NewGate {
    /// What is asked, one line.
    pub title: String,
    /// What is asked, as Markdown text.
    pub summary: Option<String>,
    /// What is shown.
    pub show: Data,
    /// The members of the policy as the function `checkpoint` takes them, where they are given:
    /// `assignees`, `quorum`, `fourEyes`, `form`, `editable`, `expiresAfter`, `onExpiry`,
    /// `remindAfter`, `escalateAfter`, `escalateTo`, `linkConfirm`.
    pub policy: BTreeMap<&'static str, Value>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The user or program that will own it.
    pub owner: String,
    /// Who is told of the decision.
    pub callback: Option<NewCallback>,
}

/// Who is told of the decision.
#[derive(Clone, Debug)]
pub struct NewCallback {
    /// Where the message goes.
    pub url: String,
    /// The secret that it is signed with; one is drawn when absent.
    pub secret: Option<WebhookSecret>,
}

/// A gate that was opened.
#[derive(Clone, Debug)]
pub struct OpenedGate {
    /// The gate.
    pub gate: GateView,
    /// Did an earlier request with the same key open it?
    pub replayed: bool,
    /// The secret that was drawn for its callback, to be shown to who opened it and nobody else.
    pub drawn_secret: Option<WebhookSecret>,
}

impl Engine {
    /// Opens a gate; it is on disk when this returns.
    ///
    /// # Errors
    /// When the address of its callback may not be called, the key was used with another request,
    /// or the engine or its store cannot take it now.
    pub async fn open_gate(
        &self,
        new: NewGate,
        by: impl Into<Author>,
        key: Option<IdempotencyKey>,
    ) -> Result<OpenedGate, EngineError> {
        let by: Author = by.into();
        let shared = &self.shared;
        let (namespace, name, version) = GATE;
        let found = shared.catalog.find(namespace, name, version);
        let definition = found.map_err(EngineError::Unavailable)?;
        let id = JobId(shared.parts.clock.new_id());
        let mut drawn = None;
        if let Some(NewCallback { url, secret }) = &new.callback {
            shared.parts.caller.check_url(url).map_err(|error| refused_url(&error.to_string()))?;
            let unavailable =
                |bad: crate::calls::BadSecret| EngineError::Unavailable(bad.to_string());
            let (secret, is_drawn) = match secret {
                Some(secret) => (secret.clone(), false),
                None => (WebhookSecret::draw().map_err(unavailable)?, true),
            };
            // First the secret: a gate must never be decided that cannot be told of.
            secrets::keep(shared, id, url, &secret, is_drawn).await?;
            drawn = Some(secret).filter(|_| is_drawn);
        }
        let url = new.callback.as_ref().map(|callback| callback.url.clone());
        let submitted = self.submit_as(id, definition, job_of(new), by.clone(), key).await;
        let is_new = submitted.as_ref().is_ok_and(|submitted| !submitted.replayed);
        // Whether an append is on disk may be unknown; then the secret stays, and is swept later.
        let is_certain = !matches!(submitted, Err(EngineError::Unavailable(_)));
        if url.is_some() && !is_new && is_certain {
            secrets::forget(shared, id).await?;
        }
        let submitted = submitted?;
        let gate = submitted.job.row.id;
        if is_new {
            let fact = Fact::new(by, "gate.open", gate.to_string());
            self.note(fact.with(json!({ "callback": url }))).await;
        }
        if submitted.replayed {
            drawn = match url {
                Some(url) => self.drawn_secret(gate, &url).await?,
                None => None,
            };
        }
        let gate = self.gate_with_checkpoint(gate).await?;
        Ok(OpenedGate { gate, replayed: submitted.replayed, drawn_secret: drawn })
    }

    /// The same answer to the same request: who lost the first one has not lost the secret.
    async fn drawn_secret(
        &self,
        gate: JobId,
        url: &str,
    ) -> Result<Option<WebhookSecret>, EngineError> {
        let secret = secrets::of(&self.shared, gate, url).await?.ok();
        Ok(secret.filter(|(_, is_drawn)| *is_drawn).map(|(secret, _)| secret))
    }

    /// The gate once its checkpoint is open, or as it is after a while.
    async fn gate_with_checkpoint(&self, id: JobId) -> Result<GateView, EngineError> {
        let opened = async {
            let mut watch = self.watch_job(id);
            loop {
                let gate = self.gate(id).await?;
                if gate.checkpoint.is_some() || gate.is_settled() {
                    return Ok(gate);
                }
                watch.changed().await;
            }
        };
        match tokio::time::timeout(CHECKPOINT_WAIT, opened).await {
            Ok(gate) => gate,
            Err(_) => self.gate(id).await,
        }
    }

    /// Where this server is reached, without a slash at the end, when that is known.
    pub fn public_url(&self) -> Option<&str> {
        self.shared.parts.options.public_url.as_deref()
    }

    /// Withdraws a gate: nobody decides any more, and nobody is told.
    ///
    /// # Errors
    /// A refusal when it was decided, with the status of its job; `NoSuchJob`.
    pub async fn withdraw_gate(
        &self,
        id: JobId,
        reason: String,
        by: impl Into<Author>,
    ) -> Result<GateView, EngineError> {
        let by: Author = by.into();
        let gate = self.gate(id).await?;
        if gate.is_settled() {
            let status = gate.job.row.status;
            let hint = format!("it is {} already", gate.status);
            return Err(Refusal::Illegal { status, wish: "be withdrawn", hint }.into());
        }
        let fact = Fact::new(by.clone(), "gate.withdraw", id.to_string());
        let fact = fact.with(json!({ "reason": reason }));
        self.command(id, Command::Terminate { reason }, by).await?;
        self.note(fact).await;
        self.gate(id).await
    }

    /// Writes a fact beside the commit that it is about, which has an entry of its own: what was
    /// done stays done when the store is away for this one.
    async fn note(&self, fact: Fact) {
        if let Err(error) = self.record(fact).await {
            tracing::warn!(%error, "the trail has the commit of a gate, and no fact beside it");
        }
    }
}

fn refused_url(reason: &str) -> EngineError {
    let pointer = "/callback/url".to_owned();
    EngineError::InvalidGate { violations: vec![Violation { pointer, message: reason.to_owned() }] }
}

/// The job of a gate: the policy is its input.
fn job_of(new: NewGate) -> NewJob {
    let mut input = json!({
        "title": new.title,
        "summary": new.summary,
        "show": *new.show,
        "exclude": [new.owner],
        "callback": new.callback.map(|callback| json!({ "url": callback.url })),
    });
    if let Value::Object(members) = &mut input {
        members.extend(new.policy.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    NewJob {
        job_type: GATE.1.to_owned(),
        name: new.title,
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(input),
        priority: PRIORITY,
        labels: new.labels,
        owner: new.owner,
        due_at: None,
        auto_execute: true,
    }
}
