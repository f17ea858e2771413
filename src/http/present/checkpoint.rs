//! Checkpoints, and the decision that stands.

use std::sync::Arc;

use crate::api::checkpoint::Checkpoint;
use crate::api::problem::EarlierDecision;
use crate::engine::{CheckpointView, JobView};
use crate::http::present::time;
use crate::model::checkpoint::{Checkpoint as Folded, CheckpointStatus, Purpose};
use crate::model::row::CheckpointRow;

/// A checkpoint in a list.
pub fn row(row: CheckpointRow) -> Checkpoint {
    let is_approved = row.status == CheckpointStatus::Approved;
    let is_refused = matches!(row.status, CheckpointStatus::Rejected | CheckpointStatus::SentBack);
    let closed_at = row.closed_at.map(time);
    Checkpoint {
        id: row.id.to_string(),
        job_id: row.job.to_string(),
        job_type: row.job_type,
        job_name: row.job_name,
        status: row.status.as_str().to_owned(),
        purpose: row.purpose.as_str().to_owned(),
        blocking: row.purpose != Purpose::Review,
        title: row.title,
        digest: row.digest.to_string(),
        assignees: row.assignees,
        reference: row.reference,
        created_at: time(row.opened_at),
        expires_at: row.expires_at.map(time),
        approved_by: row.decided_by.clone().filter(|_| is_approved),
        approved_at: closed_at.clone().filter(|_| is_approved),
        rejected_by: row.decided_by.filter(|_| is_refused),
        rejection_reason: row.comment.clone().filter(|_| is_refused),
        comment: row.comment,
        decided_at: closed_at,
        summary: None,
        shown: None,
        run: None,
        on_expiry: None,
        input: None,
    }
}

/// A checkpoint in full.
pub fn full(view: CheckpointView) -> Checkpoint {
    with_detail(row(view.row), &view.checkpoint)
}

fn with_detail(checkpoint: Checkpoint, folded: &Folded) -> Checkpoint {
    Checkpoint {
        summary: folded.summary.clone(),
        shown: Some(Arc::clone(&folded.shown)),
        run: Some(folded.run),
        on_expiry: Some(folded.on_expiry.as_str().to_owned()),
        input: folded.decision.as_ref().and_then(|decision| decision.input.clone()),
        ..checkpoint
    }
}

/// Every checkpoint of a job, in the order in which they opened.
pub fn of_job(view: &JobView) -> Vec<Checkpoint> {
    let mut folded: Vec<&Arc<Folded>> = view.job.checkpoints.values().collect();
    folded.sort_by_key(|checkpoint| (checkpoint.opened_at, checkpoint.run, checkpoint.frame));
    folded
        .into_iter()
        .map(|checkpoint| with_detail(row(row_of(view, checkpoint)), checkpoint))
        .collect()
}

fn row_of(view: &JobView, checkpoint: &Folded) -> CheckpointRow {
    let decision = checkpoint.decision.as_ref();
    CheckpointRow {
        id: checkpoint.id,
        job: view.row.id,
        job_type: view.row.job_type.clone(),
        job_name: view.row.name.clone(),
        owner: view.row.owner.clone(),
        reference: checkpoint.reference.to_string(),
        purpose: checkpoint.purpose,
        title: checkpoint.title.clone(),
        status: checkpoint.status,
        digest: checkpoint.digest,
        assignees: checkpoint.assignees.clone(),
        opened_at: checkpoint.opened_at,
        expires_at: checkpoint.expires_at,
        closed_at: checkpoint.closed_at,
        decided_by: decision.map(|decision| decision.by.to_string()),
        comment: decision.and_then(|decision| decision.comment.clone()),
    }
}

/// The decision that stands, for who decides too late.
pub fn earlier(view: &CheckpointView) -> EarlierDecision {
    EarlierDecision {
        status: view.row.status.as_str().to_owned(),
        by: view.row.decided_by.clone(),
        at: view.row.closed_at.map(time),
        comment: view.row.comment.clone(),
    }
}
