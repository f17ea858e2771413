//! A job and its checkpoints as rows of the read model. Computed here for every store.

use crate::machine::due::{Due, due};
use crate::machine::verdict::EVALUATE;
use crate::model::checkpoint::{Checkpoint, CheckpointStatus};
use crate::model::event::Event;
use crate::model::id::CheckpointId;
use crate::model::job::{CallStage, Frame, FrameState, Job, MatchingStage};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::status::{Phase, Status, WaitCode, WaitingFor};
use crate::model::time::Timestamp;

/// The row of a job as it stands.
pub fn job_row(job: &Job) -> JobRow {
    job_row_when(job, &due(job))
}

/// The same, of a job whose dues are known.
pub fn job_row_when(job: &Job, due: &Due) -> JobRow {
    let pending =
        job.checkpoints.values().filter(|row| row.status == CheckpointStatus::Pending).count();
    JobRow {
        id: job.id,
        version: job.version,
        fence: job.fence,
        job_type: job.spec.job_type.clone(),
        definition: job.spec.definition,
        name: job.spec.name.clone(),
        description: job.spec.description.clone(),
        status: job.status,
        phase: phase(job, due),
        waiting_for: waiting_for(job),
        place: due.place(job),
        priority: job.spec.priority,
        labels: job.spec.labels.clone(),
        owner: job.spec.owner.clone(),
        agent: job.agent.clone(),
        parent: job.spec.parent.map(|parent| parent.job),
        run_number: job.run_number,
        attempts: job.attempts,
        pending_checkpoints: pending as u32,
        error: job.error.clone(),
        created_at: job.created_at,
        updated_at: job.updated_at,
        started_at: job.started_at,
        completed_at: job.completed_at,
        due_at: job.spec.due_at,
    }
}

/// The statuses that a job in this phase may have.
pub fn statuses_in(phase: Phase) -> &'static [Status] {
    match phase {
        Phase::Pending => &[Status::Pending, Status::Assigned],
        Phase::Completed => &[Status::Completed],
        Phase::Cancelled => &[Status::Cancelled],
        Phase::Faulted => &[Status::Failed, Status::Rejected, Status::ResubmissionRequired],
        Phase::Suspended | Phase::Running | Phase::Waiting => &[Status::InProgress],
    }
}

fn phase(job: &Job, due: &Due) -> Phase {
    match job.status {
        Status::Pending | Status::Assigned => Phase::Pending,
        Status::Completed => Phase::Completed,
        Status::Cancelled => Phase::Cancelled,
        Status::Failed | Status::Rejected | Status::ResubmissionRequired => Phase::Faulted,
        Status::InProgress if job.suspended.is_some() => Phase::Suspended,
        Status::InProgress if due.is_active() => Phase::Running,
        Status::InProgress => Phase::Waiting,
    }
}

fn waiting_for(job: &Job) -> Option<WaitingFor> {
    if let Some((since, reason)) = &job.suspended {
        let text = format!("Suspended by an operator: {reason}");
        return Some(wait(WaitCode::Resume, text, *since, None));
    }
    match job.status {
        Status::Pending if job.spec.needs_agent => Some(wait_for_agent(job)),
        Status::Assigned if !job.is_ready() => {
            let text = "Waits for somebody to execute it".to_owned();
            Some(wait(WaitCode::Execution, text, job.since, None))
        }
        Status::Pending | Status::Assigned => {
            let text = "In the queue for a free place among the running jobs".to_owned();
            Some(wait(WaitCode::Slot, text, job.since, None))
        }
        Status::InProgress => {
            let run = job.run.as_ref()?;
            // A wait for a person is what people look for; it comes before the others.
            let waits = run.frames.values().filter_map(|frame| wait_of_frame(job, frame));
            waits.min_by_key(|wait| (wait.code != WaitCode::Checkpoint, wait.code))
        }
        _ => None,
    }
}

fn wait_for_agent(job: &Job) -> WaitingFor {
    match &job.matching.stage {
        MatchingStage::Idle => {
            let text = "Waits for an agent to be assigned".to_owned();
            wait(WaitCode::Assignment, text, job.since, None)
        }
        MatchingStage::Looking { since } => {
            let round = job.matching.round;
            let text = format!("An agent is being looked for (round {round})");
            wait(WaitCode::Matching, text, *since, None)
        }
        MatchingStage::Failed { since, again_at, .. } => {
            let text = match again_at {
                Some(at) => format!("No agent was found; it is looked for again at {at}"),
                None => "No agent was found; assign one by hand, or look again".to_owned(),
            };
            wait(WaitCode::NoAgent, text, *since, *again_at)
        }
    }
}

fn wait(code: WaitCode, text: String, since: Timestamp, until: Option<Timestamp>) -> WaitingFor {
    WaitingFor { code, text, since, until }
}

fn wait_of_frame(job: &Job, frame: &Frame) -> Option<WaitingFor> {
    let task = &frame.reference;
    let (since, until) = (frame.started_at, frame.timeout_at);
    Some(match &frame.state {
        FrameState::Decision { checkpoint } => {
            let row = job.checkpoints.get(checkpoint)?;
            let text = wait_for_people(row);
            wait(WaitCode::Checkpoint, text, row.opened_at, row.expires_at)
        }
        FrameState::Call { in_doubt: Some(doubt), .. } => {
            let row = job.checkpoints.get(doubt)?;
            let text = format!("Waits for a person to say whether the call of {task} happened");
            wait(WaitCode::InDoubt, text, row.opened_at, row.expires_at)
        }
        FrameState::Call { function, attempt, stage, .. } if *stage != CallStage::UnderWay => {
            return wait_of_call(task, function, *attempt, stage);
        }
        FrameState::Call { function, attempt, .. } => {
            let text = format!("{task} calls {function} (attempt {attempt})");
            wait(WaitCode::Call, text, since, until)
        }
        FrameState::Until { at } => {
            wait(WaitCode::Time, format!("{task} waits until {at}"), since, Some(*at))
        }
        FrameState::Try { retry_at: Some(at), round, .. } => {
            let text = format!("{task} is tried again at {at} (round {round})");
            wait(WaitCode::Retry, text, since, Some(*at))
        }
        FrameState::Listen(listening) if !listening.done => {
            let types = listening.types.join(", ");
            wait(WaitCode::Event, format!("{task} waits for an event: {types}"), since, until)
        }
        FrameState::Child { child, name, .. } => {
            wait(WaitCode::Child, format!("{task} waits for job {child} ({name})"), since, until)
        }
        _ => return None,
    })
}

/// Whom a checkpoint waits for, and what happens next when nobody comes.
fn wait_for_people(row: &Checkpoint) -> String {
    let who = if row.assignees.is_empty() { "role:reviewer" } else { &row.assignees.join(", ") };
    let mut text = match row.policy.quorum {
        0 | 1 => format!("Waits for approval of {:?} by {who}", row.title),
        quorum => {
            let missing = row.missing();
            format!("Waits for {missing} more of {quorum} approvals of {:?} from {who}", row.title)
        }
    };
    if let Some(at) = row.escalate_at {
        text.push_str(&format!("; escalates at {at}"));
    }
    text
}

/// What a call waits for that is not under way. It never says where the call goes.
fn wait_of_call(task: &str, function: &str, attempt: u32, stage: &CallStage) -> Option<WaitingFor> {
    Some(match stage {
        CallStage::UnderWay => return None,
        CallStage::Retry { problem, since, at } => {
            let why = problem.detail.as_deref().or(problem.title.as_deref()).unwrap_or("no reason");
            let next = attempt + 1;
            if function == EVALUATE {
                let text = format!(
                    "The judge of {task} cannot be reached ({why}); it is asked again at {at} \
                     (attempt {next})"
                );
                wait(WaitCode::JudgeUnavailable, text, *since, Some(*at))
            } else {
                let text = format!("{task} calls {function} again at {at} (attempt {next}): {why}");
                wait(WaitCode::Retry, text, *since, Some(*at))
            }
        }
        CallStage::Accepted { since, expires_at, .. }
        | CallStage::Polled { since, expires_at, .. } => {
            let text = format!(
                "{task} waits for the answer of the {function} that took the call \
                 (attempt {attempt}), until {expires_at}"
            );
            wait(WaitCode::Callback, text, *since, Some(*expires_at))
        }
    })
}

/// The rows of the checkpoints that these facts opened or changed.
pub fn changed_checkpoints(job: &Job, events: &[std::sync::Arc<Event>]) -> Vec<CheckpointRow> {
    let mut changed: Vec<CheckpointId> = events
        .iter()
        .filter_map(|event| match &**event {
            Event::CheckpointOpened { checkpoint, .. } => Some(checkpoint.id),
            event => about_checkpoint(event),
        })
        .collect();
    changed.sort();
    changed.dedup();
    changed
        .iter()
        .filter_map(|id| job.checkpoints.get(id))
        .map(|row| checkpoint_row(job, row))
        .collect()
}

/// The checkpoint that a fact changed.
fn about_checkpoint(event: &Event) -> Option<CheckpointId> {
    match event {
        Event::Claimed { checkpoint, .. }
        | Event::Released { checkpoint }
        | Event::Delegated { checkpoint, .. }
        | Event::Commented { checkpoint, .. }
        | Event::Edited { checkpoint, .. }
        | Event::Voted { checkpoint, .. }
        | Event::Decided { checkpoint, .. }
        | Event::Reminded { checkpoint }
        | Event::Expired { checkpoint, .. }
        | Event::Escalated { checkpoint, .. }
        | Event::Rearmed { checkpoint, .. }
        | Event::CheckpointCancelled { checkpoint } => Some(*checkpoint),
        _ => None,
    }
}

fn checkpoint_row(job: &Job, checkpoint: &Checkpoint) -> CheckpointRow {
    let decision = checkpoint.decision.as_ref();
    CheckpointRow {
        id: checkpoint.id,
        job: job.id,
        job_type: job.spec.job_type.clone(),
        job_name: job.spec.name.clone(),
        owner: job.spec.owner.clone(),
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
        quorum: checkpoint.policy.quorum,
        voters: checkpoint.votes.iter().map(|vote| vote.by.id().to_owned()).collect(),
        excluded: checkpoint.excluded(),
        delegates: checkpoint.delegates(),
        claim: checkpoint.claim.as_ref().map(|claim| (claim.by.id().to_owned(), claim.until)),
        escalates_at: checkpoint.escalate_at,
    }
}
