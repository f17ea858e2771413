//! The parent of every live job: finds or revives it, passes the message on, restarts what fails. It waits for no
//! child and never fails itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::engine::job::{JobActor, JobMsg};
use crate::engine::shared::Shared;
use crate::engine::{EngineError, park};
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::time::{Span, Timestamp};

pub(crate) enum JobsMsg {
    /// Pass this on, reviving the job if need be.
    Deliver { job: JobId, message: JobMsg },
    /// Let the job look at itself.
    Activate(JobId),
    /// The same at start: recovery waits until it has looked.
    Revive(JobId),
    /// The job only waits, and has handled so many messages.
    Idle { id: JobId, actor: ActorId, handled: u64 },
    /// Which of these has no actor?
    Missing { jobs: Vec<JobId>, reply: tokio::sync::oneshot::Sender<Vec<JobId>> },
}

pub(crate) struct Jobs;

struct Live {
    actor: ActorRef<JobMsg>,
    delivered: u64,
}

pub(crate) struct JobsState {
    shared: Arc<Shared>,
    live: HashMap<JobId, Live>,
    /// Supervision events name actors, not jobs.
    job_of: HashMap<ActorId, JobId>,
    /// When each job failed lately, and how the last time.
    failures: HashMap<JobId, Failures>,
}

#[derive(Default)]
struct Failures {
    at: VecDeque<Timestamp>,
    last: String,
}

impl Actor for Jobs {
    type Msg = JobsMsg;
    type State = JobsState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _: ActorRef<JobsMsg>,
        shared: Arc<Shared>,
    ) -> Result<JobsState, ActorProcessingErr> {
        let (live, job_of, failures) = (HashMap::new(), HashMap::new(), HashMap::new());
        Ok(JobsState { shared, live, job_of, failures })
    }

    async fn handle(
        &self,
        me: ActorRef<JobsMsg>,
        message: JobsMsg,
        state: &mut JobsState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            JobsMsg::Deliver { job, message } => state.deliver(&me, job, message, false).await,
            JobsMsg::Activate(job) => state.deliver(&me, job, JobMsg::Look, false).await,
            JobsMsg::Revive(job) => state.deliver(&me, job, JobMsg::Look, true).await,
            JobsMsg::Idle { id, actor, handled } => state.idle(id, actor, handled),
            JobsMsg::Missing { jobs, reply } => {
                let missing = |job: &JobId| !state.live.contains_key(job);
                reply.send(jobs.into_iter().filter(missing).collect()).ok();
            }
        }
        Ok(())
    }

    /// Never returns an error: a parent that fails takes every job with it.
    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<JobsMsg>,
        event: SupervisionEvent,
        state: &mut JobsState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => {
                state.gone(child.get_id());
            }
            SupervisionEvent::ActorFailed(child, error) => {
                if let Some(job) = state.gone(child.get_id()) {
                    state.failed(&me, job, error.to_string());
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        me: ActorRef<JobsMsg>,
        state: &mut JobsState,
    ) -> Result<(), ActorProcessingErr> {
        let limit = Duration::from_secs(5);
        me.drain_children_and_wait(Some(limit)).await;
        state.shared.table.gone(me.get_id());
        Ok(())
    }
}

impl JobsState {
    async fn deliver(
        &mut self,
        me: &ActorRef<JobsMsg>,
        job: JobId,
        message: JobMsg,
        reviving: bool,
    ) {
        if !self.live.contains_key(&job)
            && let Err(message) = self.revive(me, job, message, reviving).await
        {
            return self.turn_away(me, job, message);
        } else if let Some(live) = self.live.get_mut(&job) {
            live.delivered += 1;
            self.shared.table.sent(live.actor.get_id());
        }
    }

    /// Spawning is instant: the job loads itself, so a slow store cannot hold up the others.
    async fn revive(
        &mut self,
        me: &ActorRef<JobsMsg>,
        job: JobId,
        message: JobMsg,
        reviving: bool,
    ) -> Result<(), JobMsg> {
        let is_new_work = matches!(message, JobMsg::Wish { .. });
        if is_new_work && self.live.len() >= self.shared.parts.options.live_jobs_max {
            return Err(message);
        }
        let arguments = (job, self.shared.clone(), reviving);
        let Ok((actor, _)) = JobActor::spawn_linked(None, JobActor, arguments, me.get_cell()).await
        else {
            return Err(message);
        };
        let now = self.shared.parts.clock.now();
        let id = actor.get_id();
        self.shared.table.born(id, "job", job.to_string(), Some(me.get_id()), now);
        if let Some(failures) = self.failures.get(&job) {
            let restarts = failures.at.len() as u32;
            self.shared.table.restarted(id, restarts, &failures.last);
        }
        self.job_of.insert(id, job);
        self.live.insert(job, Live { actor: actor.clone(), delivered: 0 });
        actor.cast(message).ok();
        Ok(())
    }

    fn turn_away(&mut self, me: &ActorRef<JobsMsg>, job: JobId, message: JobMsg) {
        match message {
            JobMsg::Wish { reply, .. } => {
                let retry_after = Span::from_secs(1);
                let busy = EngineError::Busy { what: "too many jobs are live", retry_after };
                reply.send(Err(busy)).ok();
            }
            _ => {
                me.send_after(Duration::from_secs(1), move || JobsMsg::Activate(job));
            }
        }
    }

    /// Lets a waiting job go, unless a message is on its way to it.
    fn idle(&mut self, id: JobId, actor: ActorId, handled: u64) {
        let Some(live) = self.live.get(&id) else { return };
        if live.actor.get_id() == actor && live.delivered == handled {
            live.actor.stop(None);
            self.live.remove(&id);
        }
    }

    fn gone(&mut self, actor: ActorId) -> Option<JobId> {
        self.shared.table.gone(actor);
        let job = self.job_of.remove(&actor)?;
        if self.live.get(&job).is_some_and(|live| live.actor.get_id() == actor) {
            self.live.remove(&job);
        }
        Some(job)
    }

    /// Restarts a job after a pause that doubles; a job that fails too often is parked.
    fn failed(&mut self, me: &ActorRef<JobsMsg>, job: JobId, error: String) {
        let options = &self.shared.parts.options;
        let now = self.shared.parts.clock.now();
        let failures = self.failures.entry(job).or_default();
        failures.at.retain(|at| now.since(*at) <= options.restart_window);
        failures.at.push_back(now);
        failures.last = error.clone();
        let restarts = failures.at.len() as u32;
        tracing::error!(%job, error, restarts, "a job's actor failed");
        metrics::counter!(names::ACTOR_RESTARTS_TOTAL, "kind" => "job").increment(1);
        if restarts > options.restarts_max {
            self.failures.remove(&job);
            let reason = format!("its actor failed {restarts} times; the last time: {error}");
            park::later(self.shared.clone(), job, reason);
            return;
        }
        let pause = options.restart_backoff.as_duration() * 2u32.pow(restarts.min(10) - 1);
        me.send_after(pause, move || JobsMsg::Activate(job));
        self.forget_old_failures(now);
    }

    /// Keeps the memory of failures as small as the window.
    fn forget_old_failures(&mut self, now: Timestamp) {
        let window = self.shared.parts.options.restart_window;
        self.failures
            .retain(|_, failures| failures.at.back().is_some_and(|at| now.since(*at) <= window));
    }
}

impl Drop for JobsState {
    fn drop(&mut self) {
        self.shared.reviving.store(0, Ordering::Release);
        self.shared.revived.notify_waiters();
    }
}
