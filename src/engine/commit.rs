//! decide, append, evolve: in this order, always together, nowhere else. An answer leaves only
//! after the append.

use std::sync::Arc;
use std::time::Duration;

use crate::dsl::definition::Definition;
use crate::engine::EngineError;
use crate::engine::shared::Shared;
use crate::machine::{Decided, Due, Setting, changed_checkpoints, decide, due, job_row_when};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::crash_point;
use crate::model::id::{CommitId, JobId};
use crate::model::job::Job;
use crate::model::limits::SNAPSHOT_EVENTS;
use crate::model::metric_names as names;
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;
use crate::model::row::JobRow;
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::{Commit, CommitOutcome, IdempotencyKey, StoreError};

/// How often an append whose outcome is unknown is looked up before the caller is told so.
const LOOK_UPS_MAX: u32 = 8;

/// What a decision is made from. Owned, so that a costly one can move to another thread.
pub(crate) struct Deliberation {
    pub id: JobId,
    pub job: Option<Arc<Job>>,
    pub definition: Arc<Definition>,
    pub command: Command,
    pub by: Principal,
    pub now: Timestamp,
}

/// Makes the decision; expressions that may run long do so on a thread that nobody waits for.
pub(crate) async fn deliberate(shared: &Shared, wish: Deliberation) -> Result<Decided, Refusal> {
    let environment = shared.environment.clone();
    let is_cheap = wish.definition.is_cheap;
    let think = move || {
        let setting = Setting {
            definition: &wish.definition,
            environment: &environment,
            now: wish.now,
            by: &wish.by,
        };
        decide(wish.job.as_deref(), wish.id, &wish.command, setting)
    };
    if is_cheap {
        return think();
    }
    match tokio::task::spawn_blocking(think).await {
        Ok(decided) => decided,
        Err(join) => match join.try_into_panic() {
            // The job's supervisor is to see it as it would see any other panic.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Refusal::NotDue("the runtime is shutting down")),
        },
    }
}

/// What was appended.
pub(crate) struct Appended {
    pub job: Arc<Job>,
    pub row: Arc<JobRow>,
}

/// What became of an append.
pub(crate) enum Append {
    /// It is on disk.
    Done(Box<Appended>),
    /// Somebody else wrote to the journal, or owns the job now: load it anew.
    Overtaken,
    /// The idempotency key was used before.
    Duplicate { job: JobId, same_request: bool },
}

/// Appends a decision, with everything that follows from it, in one transaction.
pub(crate) async fn append(
    shared: &Shared,
    before: Option<&Job>,
    decided: Decided,
    author: Author,
    at: Timestamp,
    key: Option<IdempotencyKey>,
) -> Result<Append, EngineError> {
    let job = Arc::new(decided.job);
    let (was, expect_version, fence) = match before {
        Some(before) => (Some(before.status), before.version, before.fence),
        None => (None, 0, 0),
    };
    let (due, commit_id) = (due(&job), CommitId(shared.parts.clock.new_id()));
    let row = Arc::new(job_row_when(&job, &due));
    let commit = Commit {
        job: job.id,
        expect_version,
        fence,
        commit_id,
        at,
        by: author.by,
        origin: author.origin,
        checkpoints: changed_checkpoints(&job, &decided.events),
        nudge: nudged(&job, &due),
        subscriptions: due.subscriptions,
        snapshot: snapshot(expect_version, &job),
        events: decided.events,
        row: row.clone(),
        key,
    };
    let parent = commit.nudge.filter(|nudged| *nudged != job.id);
    crash_point::reach("engine.before_append");
    let outcome = commit_until_known(shared, commit).await?;
    crash_point::reach("engine.after_append");
    match outcome {
        CommitOutcome::Applied { .. } | CommitOutcome::Replayed { .. } => {
            publish(shared, &outcome).await;
            shared.watchers.wake(job.id);
            record_transition(was, &job);
            if let Some(parent) = parent {
                shared.activate(parent);
            }
            Ok(Append::Done(Box::new(Appended { job, row })))
        }
        CommitOutcome::Conflict { .. } | CommitOutcome::Fenced { .. } => Ok(Append::Overtaken),
        CommitOutcome::Duplicate { job, same_request } => {
            Ok(Append::Duplicate { job, same_request })
        }
    }
}

/// Moves the end of the feed on to this commit.
async fn publish(shared: &Shared, outcome: &CommitOutcome) {
    match outcome {
        CommitOutcome::Applied { feed, .. } => shared.publish(*feed),
        // Its place is not known, but it is not behind the end.
        _ => match shared.parts.store.last_change().await {
            Ok(last) => shared.publish(last),
            Err(error) => tracing::debug!(%error, "the feed's end cannot be read"),
        },
    }
}

/// The folded job, each time its journal has grown past a multiple of the snapshot distance.
fn snapshot(before: u64, job: &Job) -> Option<Vec<u8>> {
    let crossed = before / SNAPSHOT_EVENTS != job.version / SNAPSHOT_EVENTS;
    // A job that does not serialise merely has no short cut: its journal says everything.
    crossed.then(|| serde_json::to_vec(job).ok()).flatten()
}

/// Who must look at its children although nothing in its own row says so: the parent of a job that
/// has ended, and a job that still waits for children, because every commit of its own wipes out
/// the nudge that one of them may have left, unseen, a moment ago.
fn nudged(job: &Job, due: &Due) -> Option<JobId> {
    if due.children.iter().any(|child| child.created && child.awaited) {
        return Some(job.id);
    }
    let parent = job.spec.parent.filter(|parent| parent.awaited)?;
    job.status.is_ended().then_some(parent.job)
}

/// Sends a commit until its outcome is known. The commit's id makes sending it again a question,
/// not a repetition: a commit that is on disk answers `Replayed`.
async fn commit_until_known(shared: &Shared, commit: Commit) -> Result<CommitOutcome, EngineError> {
    let mut pause = Duration::from_millis(5);
    let mut was_sent = false;
    for _ in 0..LOOK_UPS_MAX {
        match shared.parts.store.commit(commit.clone()).await {
            Ok(outcome) => return Ok(outcome),
            Err(StoreError::Corrupt { table, key, reason }) => {
                let reason = format!("damaged record in {table}, key {key}: {reason}");
                return Err(EngineError::Corrupt { job: commit.job, reason });
            }
            // A disk without room took nothing; whether an earlier try did stays unknown.
            Err(full @ StoreError::Full(_)) if !was_sent => return Err(full.into()),
            // A store that is away now may have the commit that it was sent before.
            Err(StoreError::Unavailable(reason)) if !was_sent => {
                return Err(EngineError::Unavailable(reason));
            }
            Err(
                StoreError::Ambiguous(reason)
                | StoreError::Unavailable(reason)
                | StoreError::Full(reason),
            ) => {
                was_sent = true;
                tracing::warn!(job = %commit.job, reason, "an append has an unknown outcome");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
    let detail = "the store did not say whether the last append is on disk; ask again".to_owned();
    Err(EngineError::Unavailable(detail))
}

fn record_transition(was: Option<Status>, job: &Job) {
    if was == Some(job.status) {
        return;
    }
    let from = was.map_or("NONE", Status::agent_job_word);
    let to = job.status.agent_job_word();
    metrics::counter!(names::AGENT_JOB_TRANSITIONS_TOTAL, "from" => from, "to" => to).increment(1);
    if job.status.is_ended() {
        let began = job.started_at.unwrap_or(job.created_at);
        let seconds = job.updated_at.since(began).as_duration().as_secs_f64();
        metrics::histogram!(names::AGENT_JOBS_DURATION_SECONDS, "status" => to).record(seconds);
    }
    tracing::info!(job = %job.id, kind = job.spec.job_type, from, to, "job moved on");
}
