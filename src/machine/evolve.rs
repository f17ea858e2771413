//! (job, fact) -> job. Replay and progress are the same function. It computes nothing: facts carry
//! absolute values.

use crate::model::event::Event;
use crate::model::id::JobId;
use crate::model::job::{Job, JobSpec, Matching, MatchingStage};
use crate::model::limits::{FEEDBACK_BYTES_MAX, FEEDBACK_MAX};
use crate::model::problem::Problem;
use crate::model::status::Status;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::machine::{checkpoints, evolve_run};

/// The journal holds a fact that cannot follow the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({event}) cannot follow in a job that is {state}: {reason}")]
pub struct CorruptJournal {
    /// Its place in the journal.
    pub seq: u64,
    /// Its name.
    pub event: &'static str,
    /// Where the job stood.
    pub state: String,
    /// What does not fit.
    pub reason: &'static str,
}

/// Folds one fact into a job; the first one makes it.
pub fn evolve(
    job: Option<Job>,
    id: JobId,
    event: &Event,
    at: Timestamp,
) -> Result<Job, CorruptJournal> {
    match (job, event) {
        (None, Event::Created { spec }) => Ok(born(id, spec.clone(), at)),
        (None, event) => Err(CorruptJournal {
            seq: 1,
            event: event.name(),
            state: "not created".to_owned(),
            reason: "a journal begins with `created`",
        }),
        (Some(mut job), event) => apply(&mut job, event, at).map(|()| job),
    }
}

fn born(id: JobId, spec: Arc<JobSpec>, at: Timestamp) -> Job {
    Job {
        id,
        spec,
        version: 1,
        fence: 0,
        status: Status::Pending,
        suspended: None,
        agent: None,
        agent_inputs: None,
        matching: Matching::default(),
        execution_requested: false,
        run_number: 0,
        run: None,
        next_frame: 1,
        attempts: 0,
        result: None,
        error: None,
        feedback: Vec::new(),
        checkpoints: BTreeMap::new(),
        lapsed: None,
        orphans: Vec::new(),
        created_at: at,
        updated_at: at,
        started_at: None,
        completed_at: None,
        since: at,
    }
}

/// Folds one fact into a job in place.
pub(super) fn apply(job: &mut Job, event: &Event, at: Timestamp) -> Result<(), CorruptJournal> {
    let folded = fold(job, event, at);
    folded.map_err(|reason| CorruptJournal {
        seq: job.version + 1,
        event: event.name(),
        state: job.status.to_string(),
        reason,
    })?;
    job.version += 1;
    job.updated_at = at;
    Ok(())
}

/// What does not fit, when something does not.
pub(super) type Folded = Result<(), &'static str>;

fn fold(job: &mut Job, event: &Event, at: Timestamp) -> Folded {
    if leaves_lapse_behind(event) {
        job.lapsed = None;
    }
    match event {
        Event::Created { .. } => Err("the job exists already"),
        Event::Assigned { agent, inputs, .. } => {
            job.fence += 1;
            job.agent = Some(agent.clone());
            job.agent_inputs = Some(inputs.clone());
            (job.error, job.completed_at) = (None, None);
            enter(job, Status::Assigned, at);
            Ok(())
        }
        Event::AssignmentCancelled { .. } => {
            job.fence += 1;
            (job.agent, job.agent_inputs) = (None, None);
            enter(job, Status::Pending, at);
            Ok(())
        }
        Event::ExecutionRequested => {
            job.execution_requested = true;
            Ok(())
        }
        Event::Suspended { reason } => {
            job.suspended = Some((at, reason.clone()));
            Ok(())
        }
        Event::Resumed => {
            job.suspended = None;
            Ok(())
        }
        Event::Completed { result, forced } => {
            job.fence += u64::from(forced.is_some());
            job.result = Some(result.clone());
            job.error = None;
            end(job, Status::Completed, at);
            Ok(())
        }
        Event::Failed { problem } => fail(job, Status::Failed, problem, at),
        Event::Rejected { problem } => fail(job, Status::Rejected, problem, at),
        Event::ResubmissionRequired { problem } => {
            fail(job, Status::ResubmissionRequired, problem, at)
        }
        Event::Cancelled { .. } => {
            end(job, Status::Cancelled, at);
            Ok(())
        }
        Event::Resubmitted { reason } => {
            if !job.status.is_ended() {
                return Err("only an ended job is resubmitted");
            }
            job.fence += 1;
            remember(job, reason);
            (job.error, job.completed_at) = (None, None);
            let next = if job.agent.is_some() { Status::Assigned } else { Status::Pending };
            enter(job, next, at);
            Ok(())
        }
        Event::ChildTerminated { child } => {
            job.orphans.retain(|orphan| orphan != child);
            Ok(())
        }
        other => fold_board(job, other, at),
    }
}

/// Has the job gone on in another way than by the end of the run that a checkpoint's expiry ended?
fn leaves_lapse_behind(event: &Event) -> bool {
    matches!(
        event,
        Event::ErrorCaught { .. }
            | Event::TaskCompleted { .. }
            | Event::RunStarted { .. }
            | Event::Resubmitted { .. }
            | Event::Assigned { .. }
            | Event::Completed { .. }
            | Event::Cancelled { .. }
    )
}

fn fold_board(job: &mut Job, event: &Event, at: Timestamp) -> Folded {
    match event {
        Event::MatchingStarted { round } => {
            *wanted(job)? = Matching { round: *round, stage: MatchingStage::Looking { since: at } };
            Ok(())
        }
        Event::MatchingFailed { report, again_at } => {
            let (report, again_at) = (report.clone(), *again_at);
            wanted(job)?.stage = MatchingStage::Failed { since: at, report, again_at };
            Ok(())
        }
        Event::Evaluated { evaluation, .. } => {
            match evaluation.is_valid {
                // What was wrong with it is mended; the next task begins with a clean sheet.
                true => job.feedback.clear(),
                false => evaluation.reasons().iter().for_each(|reason| remember(job, reason)),
            }
            evolve_run::fold(job, event, at)
        }
        other => checkpoints::fold(job, other, at),
    }
}

/// The search for an agent of a job that may have one.
fn wanted(job: &mut Job) -> Result<&mut Matching, &'static str> {
    match job.status {
        Status::Pending => Ok(&mut job.matching),
        _ => Err("only a PENDING job is matched"),
    }
}

/// Keeps a text for the next attempt: the newest ones, each once, and no more of one than is kept.
fn remember(job: &mut Job, reason: &str) {
    let reason = reason.get(..reason.floor_char_boundary(FEEDBACK_BYTES_MAX)).unwrap_or(reason);
    job.feedback.retain(|known| known != reason);
    job.feedback.push(reason.to_owned());
    let surplus = job.feedback.len().saturating_sub(FEEDBACK_MAX);
    job.feedback.drain(..surplus);
}

fn fail(job: &mut Job, status: Status, problem: &Problem, at: Timestamp) -> Folded {
    job.error = Some(problem.clone());
    end(job, status, at);
    Ok(())
}

fn enter(job: &mut Job, status: Status, at: Timestamp) {
    job.status = status;
    job.since = at;
    job.execution_requested = false;
    job.matching.stage = MatchingStage::Idle;
    // What was held was the run, and that is gone.
    job.suspended = None;
}

fn end(job: &mut Job, status: Status, at: Timestamp) {
    enter(job, status, at);
    job.run = None;
    job.completed_at = Some(at);
}
