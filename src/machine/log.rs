//! The log of a job as a view of its journal: one row for each fact that people ask about. Never a
//! second record.

use crate::model::event::{Data, Event, Outcome};
use crate::model::status::Status;

/// What a fact says to people.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The log status that the fact sets; none when the job's status stays what it was.
    pub status: Option<Status>,
    /// One sentence.
    pub message: String,
    /// The frame or task that it is about.
    pub reference: Option<String>,
    /// What was sent.
    pub request: Option<Data>,
    /// What came back.
    pub response: Option<Data>,
}

/// The log row of a fact; none for facts that are only machinery.
pub fn log_entry(event: &Event) -> Option<LogEntry> {
    let (status, message) = life_cycle(event).or_else(|| in_run(event))?;
    let reference = match event {
        Event::TaskStarted { reference, .. } | Event::TaskSkipped { reference, .. } => {
            Some(reference.to_string())
        }
        Event::CheckpointOpened { checkpoint, .. } => Some(checkpoint.reference.to_string()),
        _ => None,
    };
    let (request, response) = payloads(event);
    Some(LogEntry { status, message, reference, request, response })
}

fn life_cycle(event: &Event) -> Option<(Option<Status>, String)> {
    let (status, message) = match event {
        Event::Created { spec } => (Status::Pending, format!("Created as {}", spec.job_type)),
        Event::Assigned { agent, reason, .. } => {
            (Status::Assigned, format!("Assigned to {agent}{}", because(reason.as_deref())))
        }
        Event::AssignmentCancelled { reason } => {
            let because = because(reason.as_deref());
            (Status::Cancelled, format!("The assignment was cancelled{because}"))
        }
        Event::RunStarted { run, .. } => (Status::InProgress, format!("Run {run} began")),
        Event::Completed { forced: Some(reason), .. } => {
            (Status::Completed, format!("Completed by force: {reason}"))
        }
        Event::Completed { .. } => (Status::Completed, "Completed".to_owned()),
        Event::Failed { problem } => (Status::Failed, format!("Failed: {}", said(problem))),
        Event::Rejected { problem } => (Status::Rejected, format!("Rejected: {}", said(problem))),
        Event::ResubmissionRequired { problem } => {
            (Status::ResubmissionRequired, format!("To be resubmitted: {}", said(problem)))
        }
        Event::Cancelled { reason } => (Status::Cancelled, format!("Ended on request: {reason}")),
        Event::Resubmitted { reason } => (Status::Pending, format!("Resubmitted: {reason}")),
        _ => return None,
    };
    Some((Some(status), message))
}

fn in_run(event: &Event) -> Option<(Option<Status>, String)> {
    let message = match event {
        Event::ExecutionRequested => "Asked to start now".to_owned(),
        Event::Suspended { reason } => format!("Suspended: {reason}"),
        Event::Resumed => "Resumed".to_owned(),
        Event::TaskStarted { reference, .. } => format!("{reference} began"),
        Event::TaskSkipped { reference, .. } => format!("{reference} was skipped"),
        Event::TaskFaulted { frame, problem } => format!("Task {frame} failed: {}", said(problem)),
        Event::TaskCancelled { frame, reason } => format!("Task {frame} was cancelled: {reason}"),
        Event::ErrorCaught { problem, .. } => format!("Caught: {}", said(problem)),
        Event::TaskRetried { round, not_before, .. } => {
            format!("Round {round} begins at {not_before}")
        }
        Event::CallStarted { function, attempt, key, .. } => {
            format!("Calls {function}, attempt {attempt}, key {key}")
        }
        Event::CallSettled { outcome: Outcome::Succeeded(_), .. } => "The call answered".to_owned(),
        Event::CallSettled { outcome: Outcome::Failed(problem), .. } => {
            format!("The call failed: {}", said(problem))
        }
        Event::Interrupted { reason, .. } => format!("The call was interrupted: {reason}"),
        Event::WaitStarted { until, .. } => format!("Waits until {until}"),
        Event::ListenStarted { types, .. } => format!("Waits for an event: {}", types.join(", ")),
        Event::EventConsumed { source, id, .. } => format!("Took event {id} of {source}"),
        Event::EventEmitted { event, .. } => format!("Emitted {}", event.attribute("type")),
        Event::ChildStarted { child, name, .. } => format!("Runs {name} as job {child}"),
        Event::ChildSettled { child, .. } => format!("Job {child} is through"),
        Event::CheckpointOpened { checkpoint, .. } => {
            format!("Checkpoint opened: {}", checkpoint.title)
        }
        Event::Decided { decision, .. } => {
            let because = because(decision.comment.as_deref());
            format!("{} by {}{because}", decision.verdict.status(), decision.by)
        }
        Event::Expired { .. } => "The checkpoint expired".to_owned(),
        Event::Escalated { assignees, .. } => format!("Asked again of {}", assignees.join(", ")),
        Event::CheckpointCancelled { .. } => "The checkpoint was cancelled".to_owned(),
        _ => return None,
    };
    Some((None, message))
}

fn payloads(event: &Event) -> (Option<Data>, Option<Data>) {
    match event {
        Event::CallStarted { arguments, .. } => (Some(arguments.clone()), None),
        Event::CallSettled { outcome: Outcome::Succeeded(answer), .. } => {
            (None, Some(answer.clone()))
        }
        Event::Assigned { inputs, .. } => (Some(inputs.clone()), None),
        Event::Completed { result, .. } => (None, Some(result.clone())),
        Event::EventEmitted { event, .. } => (Some(event.envelope().clone()), None),
        _ => (None, None),
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn said(problem: &crate::model::problem::Problem) -> String {
    let title = problem.title.as_deref().unwrap_or(&problem.kind);
    match &problem.detail {
        Some(detail) => format!("{title}: {detail}"),
        None => title.to_owned(),
    }
}
