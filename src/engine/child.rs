//! Jobs that a job runs: made, looked after, and ended. Whatever has to wait for another job does
//! so in a task of its own, because a parent never waits for a child.

use std::collections::BTreeMap;
use std::sync::Arc;

use ractor::ActorRef;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::engine::EngineError;
use crate::engine::job::{JobMsg, JobState, STORE_PAUSE, Wish};
use crate::engine::jobs::JobsMsg;
use crate::engine::load::{LoadError, load};
use crate::engine::shared::Shared;
use crate::machine::{Due, DueChild};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::event::Outcome;
use crate::model::id::JobId;
use crate::model::job::{Job, JobSpec, Parent};
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
                pause_unless(command.is_some()).await;
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
                pause_unless(command.is_some()).await;
                me.cast(JobMsg::ChildMade { child: orphan, command }).ok();
            });
        }
    }

    /// How an awaited child ended; nothing when it goes on. A child that cannot be looked at is
    /// looked at later.
    pub async fn outcome_of_child(&mut self, me: &ActorRef<JobMsg>, id: JobId) -> Option<Outcome> {
        match outcome_of(&self.shared, id).await {
            Ok(outcome) => outcome,
            Err(reason) => {
                tracing::warn!(job = %self.id, child = %id, reason, "cannot look at a child yet");
                self.go_on_later(me);
                None
            }
        }
    }
}

/// What did not work out is not tried again at once.
async fn pause_unless(done: bool) {
    if !done {
        tokio::time::sleep(STORE_PAUSE).await;
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
        requested_by: parent.spec.requested_by.clone(),
    };
    let command = Command::Create(Arc::new(spec));
    match wish(shared, child.child, command).await {
        Ok(()) => Some(Command::ConfirmChild { child: child.child }),
        // An earlier life of the parent made it, whatever has become of it.
        Err(EngineError::Refused(_) | EngineError::Corrupt { .. }) => {
            Some(Command::ConfirmChild { child: child.child })
        }
        Err(_) => None,
    }
}

/// Ends a child that nobody waits for.
async fn end(shared: &Arc<Shared>, child: JobId) -> Option<Command> {
    let reason = "the task that ran it is gone".to_owned();
    match wish(shared, child, Command::Terminate { reason }).await {
        // One that ended, or that cannot be carried on anyway, needs no ending.
        Ok(()) | Err(EngineError::Refused(_) | EngineError::Corrupt { .. }) => {
            Some(Command::DropChild { child })
        }
        Err(_) => None,
    }
}

async fn wish(shared: &Arc<Shared>, job: JobId, command: Command) -> Result<(), EngineError> {
    let (reply, answer) = oneshot::channel();
    let wish = Wish { command, by: Author::system("job"), key: None, reply };
    if !shared.jobs.cast(JobsMsg::Deliver { job, message: Box::new(JobMsg::Wish(wish)) }) {
        return Err(EngineError::Stopping);
    }
    answer.await.unwrap_or(Err(EngineError::Stopping)).map(|_| ())
}

/// How a child ended; nothing while it goes on.
async fn outcome_of(shared: &Shared, child: JobId) -> Result<Option<Outcome>, String> {
    let failed = |kind, detail| Ok(Some(Outcome::Failed(Problem::new(kind, detail))));
    let row = shared.parts.store.job(child).await.map_err(|error| error.to_string())?;
    let Some(row) = row else {
        return failed(Kind::Runtime, format!("job {child} is gone"));
    };
    match (row.status, row.error) {
        (status, _) if !status.is_ended() => Ok(None),
        (Status::Completed, _) => match load(shared, child).await {
            Ok(Some((job, _))) => Ok(Some(Outcome::Succeeded(job.result.unwrap_or_default()))),
            Ok(None) => failed(Kind::Runtime, format!("job {child} is gone")),
            Err(LoadError::Unavailable(reason)) => Err(reason),
            Err(LoadError::Poisoned(reason)) => {
                let detail = format!("the result of job {child} cannot be read: {reason}");
                failed(Kind::Poisoned, detail)
            }
        },
        (_, Some(problem)) => Ok(Some(Outcome::Failed(problem))),
        (_, None) => failed(Kind::Runtime, format!("job {child} was terminated")),
    }
}
