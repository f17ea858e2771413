//! Jobs that a job runs: made, looked after, and ended. Whatever has to wait for another job does so in a task of its
//! own, because a parent never waits for a child.

use std::collections::BTreeMap;
use std::sync::Arc;

use ractor::ActorRef;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::engine::EngineError;
use crate::engine::job::{JobMsg, JobState};
use crate::engine::jobs::JobsMsg;
use crate::engine::load::load;
use crate::engine::shared::Shared;
use crate::machine::{Due, DueChild};
use crate::model::command::Command;
use crate::model::event::Outcome;
use crate::model::id::JobId;
use crate::model::job::{Job, JobSpec, Parent};
use crate::model::principal::Principal;
use crate::model::problem::{Kind, Problem};
use crate::model::status::Status;

impl JobState {
    /// Makes the children that are not known to exist, and ends those that nobody waits for.
    pub fn make_children(&mut self, me: &ActorRef<JobMsg>, due: &Due) {
        let Some(parent) = self.job.clone() else { return };
        for child in due.children.iter().filter(|child| !child.created) {
            if !self.hands.making.insert(child.child) {
                continue;
            }
            let (shared, child, me) = (self.shared.clone(), child.clone(), me.clone());
            let parent = parent.clone();
            tokio::spawn(async move {
                let command = make(&shared, &parent, &child).await;
                me.cast(JobMsg::ChildMade { child: child.child, command }).ok();
            });
        }
        for orphan in &due.orphans {
            if !self.hands.making.insert(*orphan) {
                continue;
            }
            let (shared, me, orphan) = (self.shared.clone(), me.clone(), *orphan);
            tokio::spawn(async move {
                let command = end(&shared, orphan).await;
                me.cast(JobMsg::ChildMade { child: orphan, command }).ok();
            });
        }
    }

    /// Takes the outcome of every awaited child that has ended.
    pub async fn look_at_children(&mut self, me: &ActorRef<JobMsg>, due: &Due) {
        for child in due.children.iter().filter(|child| child.created && child.awaited) {
            let ended = match self.shared.parts.store.job(child.child).await {
                Ok(Some(row)) => row.status.is_ended(),
                Ok(None) => true,
                Err(_) => false,
            };
            if !ended {
                continue;
            }
            if let Some(outcome) = outcome_of(&self.shared, child.child).await {
                let command = Command::SettleChild { child: child.child, outcome };
                self.insist(me, command, "job").await;
            }
        }
    }
}

/// Creates a child; the wish that follows from it is for the parent. Nothing: try again later.
async fn make(shared: &Arc<Shared>, parent: &Job, child: &DueChild) -> Option<Command> {
    let failed = |problem: Problem| {
        let outcome = Outcome::Failed(problem);
        Some(Command::SettleChild { child: child.child, outcome })
    };
    let found = shared.catalog.find(&child.namespace, &child.name, &child.version);
    let definition = match found {
        Ok(definition) => definition,
        Err(reason) => return failed(Problem::new(Kind::Configuration, reason)),
    };
    if let Some(schema) = &definition.input.schema {
        let violations = schema.violations(&child.input);
        if !violations.is_empty() {
            let list: Vec<String> =
                violations.iter().map(|v| format!("{}: {}", v.pointer, v.message)).collect();
            let detail = format!("the input of {} does not fit: {}", child.name, list.join("; "));
            return failed(Problem::new(Kind::Validation, detail));
        }
    }
    let spec = JobSpec {
        job_type: definition.name.clone(),
        definition: definition.hash,
        name: format!("{} / {}", parent.spec.name, definition.name),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(Value::Array(Vec::new())),
        input: child.input.clone(),
        priority: parent.spec.priority,
        labels: BTreeMap::new(),
        owner: parent.spec.owner.clone(),
        due_at: None,
        auto_execute: true,
        needs_agent: definition.needs_agent,
        parent: Some(Parent {
            job: parent.id,
            depth: parent.spec.parent.map_or(0, |grand| grand.depth) + 1,
            awaited: child.awaited,
        }),
    };
    let command = Command::Create(Arc::new(spec));
    match wish(shared, child.child, command).await {
        Ok(()) => Some(Command::ConfirmChild { child: child.child }),
        // An earlier life of the parent made it.
        Err(EngineError::Refused(_)) => Some(Command::ConfirmChild { child: child.child }),
        Err(_) => None,
    }
}

/// Ends a child that nobody waits for.
async fn end(shared: &Arc<Shared>, child: JobId) -> Option<Command> {
    let reason = "the task that ran it is gone".to_owned();
    match wish(shared, child, Command::Terminate { reason }).await {
        Ok(()) | Err(EngineError::Refused(_)) => Some(Command::DropChild { child }),
        Err(_) => None,
    }
}

async fn wish(shared: &Arc<Shared>, job: JobId, command: Command) -> Result<(), EngineError> {
    let (reply, answer) = oneshot::channel();
    let wish = JobMsg::Wish { command, by: Principal::system("job"), key: None, reply };
    if !shared.jobs.cast(JobsMsg::Deliver { job, message: wish }) {
        return Err(EngineError::Stopping);
    }
    answer.await.unwrap_or(Err(EngineError::Stopping)).map(|_| ())
}

/// How a child ended; nothing while that cannot be read.
async fn outcome_of(shared: &Shared, child: JobId) -> Option<Outcome> {
    let gone = || Problem::new(Kind::Runtime, format!("job {child} is gone"));
    let job = match load(shared, child).await {
        Ok(Some((job, _))) => job,
        Ok(None) => return Some(Outcome::Failed(gone())),
        Err(_) => return None,
    };
    match (job.status, job.result, job.error) {
        (Status::Completed, result, _) => Some(Outcome::Succeeded(result.unwrap_or_default())),
        (status, _, Some(problem)) if status.is_ended() => Some(Outcome::Failed(problem)),
        (Status::Cancelled, _, None) => {
            let detail = format!("job {child} was terminated");
            Some(Outcome::Failed(Problem::new(Kind::Runtime, detail)))
        }
        _ => None,
    }
}
