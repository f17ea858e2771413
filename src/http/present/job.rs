//! Jobs, in the words of the resource that is asked.

use std::sync::Arc;

use crate::api::job::{Job, JobSummary, JobWorkflow, WaitingFor};
use crate::engine::{Hold, JobView, WorkflowView};
use crate::http::present::time;
use crate::model::id::ContentHash;
use crate::model::row::JobRow;
use crate::model::status::WaitCode;

/// Whose words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// `/api/jobs`: `description`, `IN_PROGRESS`.
    Jobs,
    /// `/api/agent-jobs`: `taskDescription`, `RUNNING`.
    AgentJobs,
}

/// A job in a list.
pub fn summary(row: JobRow, words: Words, workflows: &[WorkflowView]) -> JobSummary {
    let (description, task_description, status) = match words {
        Words::Jobs => (Some(row.description), None, row.status.as_str()),
        Words::AgentJobs => (None, Some(row.description), row.status.agent_job_word()),
    };
    JobSummary {
        id: row.id.to_string(),
        job_type: row.job_type,
        name: row.name,
        description,
        task_description,
        status: status.to_owned(),
        phase: row.phase.as_str().to_owned(),
        waiting_for: row.waiting_for.map(|waiting| WaitingFor {
            code: waiting.code.as_str().to_owned(),
            text: waiting.text,
            since: time(waiting.since),
            until: waiting.until.map(time),
        }),
        priority: row.priority,
        labels: row.labels,
        user_id: row.owner,
        assigned_agent_id: row.agent,
        parent_job_id: row.parent.map(|parent| parent.to_string()),
        run_number: row.run_number,
        attempts: row.attempts,
        pending_checkpoints: row.pending_checkpoints,
        error: row.error,
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        started_at: row.started_at.map(time),
        completed_at: row.completed_at.map(time),
        due_at: row.due_at.map(time),
        workflow: pinned(row.definition, workflows),
    }
}

/// The same while the store is held: who looks at a job that does not move must see why. A wait for
/// a person stays, for a person may decide.
pub fn held_back(mut summary: JobSummary, hold: Option<&Hold>) -> JobSummary {
    let code = summary.waiting_for.as_ref().map(|waiting| waiting.code.as_str());
    let for_person = [WaitCode::Checkpoint.as_str(), WaitCode::InDoubt.as_str()];
    let has_ended = summary.completed_at.is_some();
    if let Some(hold) = hold
        && !has_ended
        && !code.is_some_and(|code| for_person.contains(&code))
    {
        summary.waiting_for = Some(WaitingFor {
            code: "release".to_owned(),
            text: format!("Held until an admin releases the store: {}", hold.reason),
            since: time(hold.since),
            until: None,
        });
    }
    summary
}

fn pinned(hash: ContentHash, workflows: &[WorkflowView]) -> JobWorkflow {
    let known = workflows.iter().find(|workflow| workflow.hash == Some(hash));
    JobWorkflow {
        namespace: known.map(|workflow| workflow.namespace.clone()),
        version: known.map(|workflow| workflow.version.clone()),
        hash: hash.to_string(),
    }
}

/// A job in full.
pub fn job(view: JobView, words: Words, workflows: &[WorkflowView]) -> Job {
    let spec = &view.job.spec;
    Job {
        acceptance_criteria: spec.acceptance_criteria.clone(),
        acceptance_rules: Arc::clone(&spec.acceptance_rules),
        auto_execute: spec.auto_execute,
        input_data: Arc::clone(&spec.input),
        result: view.job.result.clone(),
        summary: summary(Arc::unwrap_or_clone(view.row), words, workflows),
    }
}
