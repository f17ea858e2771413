//! Batches.

use crate::api::batch::{Batch, BatchFailure};
use crate::engine::{self, BatchAction, ItemOutcome};
use crate::http::present::time;

/// A batch and how far it is.
pub fn batch(batch: engine::Batch) -> Batch {
    let done = |item: &&engine::BatchItem| item.outcome == Some(ItemOutcome::Done);
    let job_ids: Vec<String> = batch
        .items
        .iter()
        .filter(done)
        .filter_map(|item| item.job.map(|job| job.to_string()))
        .collect();
    let failure = |(index, item): (usize, &engine::BatchItem)| match &item.outcome {
        Some(ItemOutcome::Failed(reason)) => Some(BatchFailure {
            index: index as u64,
            job_id: item.job.map(|job| job.to_string()),
            reason: reason.clone(),
        }),
        _ => None,
    };
    let failures: Vec<BatchFailure> = batch.items.iter().enumerate().filter_map(failure).collect();
    Batch {
        id: batch.id.to_string(),
        action: word(&batch.action).to_owned(),
        total: batch.items.len() as u64,
        done: job_ids.len() as u64,
        failed: failures.len() as u64,
        job_ids,
        failures,
        created_at: time(batch.created_at),
        ended_at: batch.ended_at.map(time),
    }
}

fn word(action: &BatchAction) -> &'static str {
    match action {
        BatchAction::Create => "create",
        BatchAction::Assign { .. } => "assign",
        BatchAction::AutoAssign => "auto-assign",
        BatchAction::Execute => "execute",
        BatchAction::Cancel { .. } => "cancel",
        BatchAction::Terminate { .. } => "terminate",
    }
}
