//! The log of a job as a view of its journal: one row for each fact that people ask about. Never a
//! second record.

use std::sync::Arc;

use serde_json::Value;

use crate::model::event::{Data, Event, Outcome};
use crate::model::status::LogStatus;

/// What a fact says to people.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The log status that the fact sets; none when the job's status stays what it was.
    pub status: Option<LogStatus>,
    /// One sentence.
    pub message: String,
    /// The frame or task that it is about.
    pub reference: Option<String>,
    /// The agent that it is about, as the assignment or the call names it.
    pub agent: Option<String>,
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
    Some(LogEntry { status, message, reference, agent: agent_of(event), request, response })
}

fn life_cycle(event: &Event) -> Option<(Option<LogStatus>, String)> {
    let (status, message) = match event {
        Event::Created { spec } => (LogStatus::Pending, format!("Created as {}", spec.job_type)),
        Event::Assigned { agent, reason, .. } => {
            (LogStatus::Assigned, format!("Assigned to {agent}{}", because(reason.as_deref())))
        }
        Event::MatchingStarted { round } => {
            (LogStatus::Pending, format!("Looks for an agent, round {round}"))
        }
        Event::MatchingFailed { again_at, .. } => {
            let again = again_at.map(|at| format!("; looks again at {at}")).unwrap_or_default();
            (LogStatus::MatchingFailed, format!("No agent was found{again}"))
        }
        Event::AssignmentCancelled { reason } => {
            let because = because(reason.as_deref());
            (LogStatus::Cancelled, format!("The assignment was cancelled{because}"))
        }
        Event::RunStarted { run, .. } => (LogStatus::InProgress, format!("Run {run} began")),
        Event::Completed { forced: Some(reason), .. } => {
            (LogStatus::Completed, format!("Completed by force: {reason}"))
        }
        Event::Completed { .. } => (LogStatus::Completed, "Completed".to_owned()),
        Event::Failed { problem } => (LogStatus::Failed, format!("Failed: {}", said(problem))),
        Event::Rejected { problem } => {
            (LogStatus::Rejected, format!("Rejected: {}", said(problem)))
        }
        Event::ResubmissionRequired { problem } => {
            (LogStatus::ResubmissionRequired, format!("To be resubmitted: {}", said(problem)))
        }
        Event::Cancelled { reason } => {
            (LogStatus::Cancelled, format!("Ended on request: {reason}"))
        }
        Event::Resubmitted { reason } => (LogStatus::Pending, format!("Resubmitted: {reason}")),
        _ => return None,
    };
    Some((Some(status), message))
}

fn in_run(event: &Event) -> Option<(Option<LogStatus>, String)> {
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
        Event::CallRetried { reason: Some(reason), .. } => format!("Asked to call again: {reason}"),
        Event::CallRetried { attempt, problem, not_before, .. } => {
            let next = attempt + 1;
            format!("The call failed: {}; attempt {next} at {not_before}", said(problem))
        }
        Event::CallAccepted { expires_at, .. } => {
            format!("The call was accepted; its answer is awaited until {expires_at}")
        }
        Event::CallPolled { .. } => "Asks how the call stands".to_owned(),
        Event::RulesChecked { rules, .. } if !rules.is_empty() => {
            let passed = rules.iter().filter(|rule| rule.passed).count();
            format!("{passed} of {} rules are met", rules.len())
        }
        Event::Evaluated { evaluation, .. } => {
            let verdict = if evaluation.is_valid { "Good enough" } else { "Not good enough" };
            format!("{verdict}: {}", evaluation.reason)
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
        other => return at_checkpoint(other).map(|message| (None, message)),
    };
    Some((None, message))
}

/// What people and time do at checkpoints.
fn at_checkpoint(event: &Event) -> Option<String> {
    Some(match event {
        Event::CheckpointOpened { checkpoint, .. } => {
            format!("Checkpoint opened: {}", checkpoint.title)
        }
        Event::Claimed { claim, .. } => format!("Claimed by {} until {}", claim.by, claim.until),
        Event::Released { .. } => "The claim is over".to_owned(),
        Event::Delegated { delegation, .. } => {
            let because = because(delegation.reason.as_deref());
            format!("{} lets {} decide too{because}", delegation.right.from, delegation.right.to)
        }
        Event::Commented { comment, .. } => format!("{} remarks: {}", comment.by, comment.text),
        Event::Edited { edit, .. } => {
            let places: Vec<&str> = edit.changes.iter().map(|at| at.pointer.as_str()).collect();
            format!("{} changed what is shown at {}", edit.by, places.join(", "))
        }
        Event::Voted { decision, .. } => {
            let because = because(decision.comment.as_deref());
            format!("{} votes {}{because}", decision.by, decision.verdict)
        }
        Event::Reminded { .. } => "People were reminded of the checkpoint".to_owned(),
        Event::Decided { decision, .. } => {
            let because = because(decision.comment.as_deref());
            format!("{} by {}{because}", decision.verdict.status(), decision.by)
        }
        Event::Expired { .. } => "The checkpoint expired".to_owned(),
        Event::Rearmed { reopened, expires_at, reason, .. } => match reopened {
            true => format!("Waits again until {expires_at}, having expired: {reason}"),
            false => format!("Has time until {expires_at} now: {reason}"),
        },
        Event::Escalated { assignees, .. } => format!("Asked again of {}", assignees.join(", ")),
        Event::CheckpointCancelled { .. } => "The checkpoint was cancelled".to_owned(),
        _ => return None,
    })
}

fn agent_of(event: &Event) -> Option<String> {
    match event {
        Event::Assigned { agent, .. } => Some(agent.clone()),
        Event::CallStarted { function, arguments, .. } if function == "agent" => {
            arguments.get("agent").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
}

fn payloads(event: &Event) -> (Option<Data>, Option<Data>) {
    match event {
        Event::CallStarted { arguments, .. } => (Some(arguments.clone()), None),
        Event::CallSettled { outcome: Outcome::Succeeded(answer), .. } => {
            (None, Some(answer.clone()))
        }
        Event::Assigned { inputs, report, .. } => (Some(inputs.clone()), report.clone()),
        Event::MatchingFailed { report, .. } => (None, Some(report.clone())),
        Event::Evaluated { evaluation, .. } => {
            (None, serde_json::to_value(&**evaluation).ok().map(Arc::new))
        }
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
