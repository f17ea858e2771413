//! Gates.

use crate::api::gate::{Callback, Gate, GateDecision, GateEvent};
use crate::engine::{CallbackView, GateFact, GateView};
use crate::http::present::time;

/// A gate. `base` is where people reach this server.
pub fn gate(view: &GateView, base: &str) -> Gate {
    let (row, spec) = (&view.job.row, &view.job.job.spec);
    let checkpoint = view.checkpoint.as_ref();
    Gate {
        id: row.id.to_string(),
        title: spec.name.clone(),
        status: view.status.as_str().to_owned(),
        checkpoint_id: checkpoint.map(|row| row.id.to_string()),
        digest: checkpoint.map(|row| row.digest.to_string()),
        decision: decision(view),
        created_at: time(row.created_at),
        expires_at: checkpoint.and_then(|row| row.expires_at).map(time),
        url: format!("{base}/api/gates/{}", row.id),
        labels: spec.labels.clone(),
        callback: view.callback.as_ref().map(callback),
        error: row.error.clone().filter(|_| view.is_settled() && checkpoint.is_none()),
    }
}

fn decision(view: &GateView) -> Option<GateDecision> {
    let row = view.checkpoint.as_ref().filter(|_| view.is_settled())?;
    let decision = row.decision.as_ref();
    Some(GateDecision {
        by: decision.map(|decision| decision.by.to_string()),
        at: decision.map(|decision| decision.at).or(row.closed_at).map(time),
        comment: decision.and_then(|decision| decision.comment.clone()),
        input: decision.and_then(|decision| decision.input.clone()),
        value: view.approved_value(),
    })
}

fn callback(view: &CallbackView) -> Callback {
    Callback {
        url: view.url.clone(),
        status: view.status.as_str().to_owned(),
        attempts: view.attempts,
        last_error: view.last_error.clone(),
        job_id: view.job.map(|job| job.to_string()),
        secret: None,
    }
}

/// Something that happened to a gate.
pub fn event(gate: &str, fact: &GateFact) -> GateEvent {
    GateEvent {
        gate_id: gate.to_owned(),
        status: fact.status.as_str().to_owned(),
        at: time(fact.at),
        by: fact.by.to_string(),
        message: fact.message.clone(),
    }
}
