//! What a callback says and how it is signed. It is read from the gate for every attempt: a
//! decision never changes, so every attempt says the same.

use serde_json::{Value, json};

use crate::calls::WebhookDirections;
use crate::engine::gates::view::{approved_value, checkpoint_of, is_gate, status_of};
use crate::engine::gates::{GateStatus, secrets};
use crate::engine::load::{LoadError, load};
use crate::engine::shared::Shared;
use crate::model::checkpoint::Checkpoint;
use crate::model::id::JobId;
use crate::model::job::Job;
use crate::model::problem::{Kind, Problem};

/// Why there are no directions for an attempt.
pub(crate) enum Told {
    /// It would be the same the next time.
    Never(Problem),
    /// The store cannot say.
    Later(Problem),
}

/// The directions of one attempt. A call that says itself what is sent needs none of ours.
pub(crate) async fn directions(
    shared: &Shared,
    job: JobId,
    arguments: &Value,
) -> Result<WebhookDirections, Told> {
    let at = shared.parts.clock.now();
    let text = |name: &str| arguments.get(name).and_then(Value::as_str);
    let Some(gate) = text("gate") else {
        return Ok(WebhookDirections { payload: None, secret: None, at });
    };
    let wrong = |detail: &str| Told::Never(Problem::new(Kind::Configuration, detail));
    let gate: JobId = gate.parse().map_err(|_| wrong("`gate` is no id of a gate"))?;
    let url = text("url").ok_or_else(|| wrong("`url` is missing or no text"))?;
    // Only the job that a gate itself started speaks for it.
    let speaker = loaded(shared, job).await?;
    let is_its = speaker.is_some_and(|job| job.spec.parent.is_some_and(|it| it.job == gate));
    let subject = loaded(shared, gate).await?.filter(|job| is_gate(&job.spec.job_type));
    let Some(subject) = subject.filter(|_| is_its) else {
        return Err(wrong("only the callback of a gate speaks for it"));
    };
    let later = |error: crate::engine::EngineError| {
        Told::Later(Problem::new(Kind::Runtime, error.to_string()))
    };
    let secret = secrets::of(shared, gate, url).await.map_err(later)?;
    let (secret, _) = secret.map_err(|reason| wrong(&format!("the callback: {reason}")))?;
    let base = shared.parts.options.public_url.as_deref().unwrap_or_default();
    let payload = message(&subject, base);
    Ok(WebhookDirections { payload: Some(payload), secret: Some(secret), at })
}

async fn loaded(shared: &Shared, job: JobId) -> Result<Option<Job>, Told> {
    match load(shared, job).await {
        Ok(loaded) => Ok(loaded.map(|(job, _)| job)),
        Err(LoadError::Unavailable(reason)) => {
            Err(Told::Later(Problem::new(Kind::Runtime, reason)))
        }
        Err(LoadError::Poisoned(reason)) => Err(Told::Never(Problem::new(Kind::Poisoned, reason))),
    }
}

/// The message: `{type, timestamp, data: {gate}}` (Standard Webhooks, "Payload structure").
fn message(job: &Job, base: &str) -> Value {
    let checkpoint = checkpoint_of(job);
    let status = status_of(job, checkpoint);
    let word = match status {
        GateStatus::Pending => "gate.pending",
        GateStatus::Approved => "gate.approved",
        GateStatus::Rejected => "gate.rejected",
        GateStatus::SentBack => "gate.sent-back",
        GateStatus::Expired => "gate.expired",
        GateStatus::Cancelled => "gate.cancelled",
    };
    let closed_at = checkpoint.and_then(|row| row.closed_at).unwrap_or(job.updated_at);
    json!({
        "type": word,
        "timestamp": closed_at.to_rfc3339(),
        "data": {"gate": {
            "id": job.id,
            "status": status.as_str(),
            "title": job.spec.name,
            "checkpointId": checkpoint.map(|row| row.id),
            "digest": checkpoint.map(|row| row.digest),
            "decision": checkpoint.map(|row| decision(row)),
            "createdAt": job.created_at.to_rfc3339(),
            "expiresAt": checkpoint.and_then(|row| row.expires_at).map(|at| at.to_rfc3339()),
            "url": format!("{base}/api/gates/{}", job.id),
        }},
    })
}

/// The decision, with what was approved.
fn decision(row: &Checkpoint) -> Value {
    let Some(decision) = &row.decision else {
        let closed_at = row.closed_at.map(|at| at.to_rfc3339());
        return json!({
            "by": null, "at": closed_at, "comment": null, "input": null,
            "value": approved_value(row),
        });
    };
    json!({
        "by": decision.by.to_string(),
        "at": decision.at.to_rfc3339(),
        "comment": decision.comment,
        "input": decision.input.as_deref(),
        "value": approved_value(row),
    })
}
