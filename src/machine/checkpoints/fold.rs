//! What facts about a checkpoint change in the job. Facts carry absolute values, so nothing is
//! computed here, and nothing is judged.

use std::sync::Arc;

use crate::machine::evolve::Folded;
use crate::machine::evolve_run;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus, Decision};
use crate::model::event::Event;
use crate::model::id::CheckpointId;
use crate::model::job::{Job, Lapsed};
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// Folds a fact about a checkpoint; every other one belongs to the run.
pub(in crate::machine) fn fold(job: &mut Job, event: &Event, at: Timestamp) -> Folded {
    match event {
        Event::CheckpointOpened { checkpoint, .. } => {
            job.checkpoints.insert(checkpoint.id, checkpoint.clone());
            evolve_run::fold(job, event, at)
        }
        Event::Decided { checkpoint, decision } => {
            close(job, *checkpoint, at, decision.verdict.status(), |row| {
                row.decision = Some(decision.clone());
            })?;
            evolve_run::reset_steps(job);
            Ok(())
        }
        Event::Expired { checkpoint, .. } => {
            let holds = job.checkpoints.get(checkpoint).is_some_and(|row| row.is_blocking());
            if let Some(run) = job.run.as_ref().filter(|_| holds) {
                job.lapsed = Some(Box::new(Lapsed { checkpoint: *checkpoint, run: run.clone() }));
            }
            close(job, *checkpoint, at, CheckpointStatus::Expired, |_| {})?;
            evolve_run::reset_steps(job);
            Ok(())
        }
        Event::CheckpointCancelled { checkpoint } => {
            close(job, *checkpoint, at, CheckpointStatus::Cancelled, |_| {})
        }
        Event::Rearmed { checkpoint, reopened: true, .. } => reopen(job, *checkpoint, event, at),
        other => match attend(job, other) {
            Some(folded) => folded,
            None => evolve_run::fold(job, other, at),
        },
    }
}

/// Facts that leave the checkpoint open.
fn attend(job: &mut Job, event: &Event) -> Option<Folded> {
    Some(match event {
        Event::Claimed { checkpoint, claim } => {
            change(job, *checkpoint, |row| row.claim = Some(claim.clone()))
        }
        Event::Released { checkpoint } => change(job, *checkpoint, |row| row.claim = None),
        Event::Delegated { checkpoint, delegation } => {
            change(job, *checkpoint, |row| row.delegations.push(delegation.clone()))
        }
        Event::Commented { checkpoint, comment } => {
            change(job, *checkpoint, |row| row.comments.push(comment.clone()))
        }
        Event::Edited { checkpoint, edit, shown } => change(job, *checkpoint, |row| {
            row.shown = shown.clone();
            row.digest = edit.digest;
            row.edits.push(edit.clone());
            row.votes.clear();
            row.generation += 1;
        }),
        Event::Voted { checkpoint, decision } => {
            change(job, *checkpoint, |row| vote(row, decision))
        }
        Event::Reminded { checkpoint } => change(job, *checkpoint, |row| row.remind_at = None),
        Event::Escalated { checkpoint, assignees, expires_at, step, next_at } => {
            change(job, *checkpoint, |row| {
                row.assignees = assignees.clone();
                row.expires_at = *expires_at;
                match step {
                    Some(step) => (row.escalations, row.escalate_at) = (*step, *next_at),
                    None => row.escalated = true,
                }
            })
        }
        Event::Rearmed { checkpoint, .. } => change(job, *checkpoint, |row| arm(row, event)),
        _ => return None,
    })
}

/// A vote ends the claim under which it was given, so that the next one can be.
fn vote(row: &mut Checkpoint, decision: &Decision) {
    row.claim = row.claim.take().filter(|claim| claim.by != decision.by);
    row.votes.push(decision.clone());
}

fn arm(row: &mut Checkpoint, event: &Event) {
    if let Event::Rearmed { expires_at, remind_at, escalate_at, .. } = event {
        row.expires_at = Some(*expires_at);
        (row.remind_at, row.escalate_at) = (*remind_at, *escalate_at);
        row.generation += 1;
    }
}

/// An expired checkpoint waits again, and with it the run that its expiry ended.
fn reopen(job: &mut Job, id: CheckpointId, event: &Event, at: Timestamp) -> Folded {
    let row = job.checkpoints.get_mut(&id).ok_or("there is no such checkpoint")?;
    if row.status != CheckpointStatus::Expired {
        return Err("the checkpoint has not expired");
    }
    let row = Arc::make_mut(row);
    (row.status, row.closed_at) = (CheckpointStatus::Pending, None);
    arm(row, event);
    if !row.is_blocking() {
        return Ok(());
    }
    let lapsed = job.lapsed.take().filter(|lapsed| lapsed.checkpoint == id);
    let lapsed = lapsed.ok_or("the run that waited for it is not kept")?;
    job.run = Some(lapsed.run);
    (job.status, job.since) = (Status::InProgress, at);
    (job.error, job.completed_at) = (None, None);
    evolve_run::reset_steps(job);
    Ok(())
}

fn change(job: &mut Job, id: CheckpointId, with: impl FnOnce(&mut Checkpoint)) -> Folded {
    let row = job.checkpoints.get_mut(&id).ok_or("there is no such checkpoint")?;
    if row.status != CheckpointStatus::Pending {
        return Err("the checkpoint is closed");
    }
    with(Arc::make_mut(row));
    Ok(())
}

fn close(
    job: &mut Job,
    id: CheckpointId,
    at: Timestamp,
    status: CheckpointStatus,
    with: impl FnOnce(&mut Checkpoint),
) -> Folded {
    change(job, id, |row| {
        row.status = status;
        row.closed_at = Some(at);
        row.claim = None;
        with(row);
    })
}
