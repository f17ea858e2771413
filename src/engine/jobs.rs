//! The parent of every live job: finds or revives it, passes the message on, restarts what fails.
//! It waits for no child and never fails itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, MessagingErr, SupervisionEvent};

use crate::engine::job::{Birth, JobActor, JobMsg};
use crate::engine::recovery::Revival;
use crate::engine::shared::Shared;
use crate::engine::{EngineError, park};
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::time::{Span, Timestamp};

/// Jobs that may be live while jobs of the queue keep their actors, to begin without being read
/// again. Beyond it a queued job is a row, like every other that only waits.
const LIVE_AT_EASE: usize = 256;

/// How long the jobs may take to answer what they were asked before the stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) enum JobsMsg {
    /// Pass this on, reviving the job if need be.
    Deliver { job: JobId, message: Box<JobMsg> },
    /// Let the job look at itself.
    Activate(JobId),
    /// The same at start: recovery waits until it has looked.
    Revive(JobId, Revival),
    /// The pause after a failure is over.
    Restart(JobId),
    /// Let every live job look at itself.
    Everyone,
    /// The job only waits (in the queue, or for something outside), and has handled so many
    /// messages.
    Idle { id: JobId, actor: ActorId, handled: u64, queued: bool },
    /// This program cannot carry the job on.
    Park { job: JobId, reason: String, revival: Option<Revival> },
    /// It is parked.
    Parked(JobId),
    /// Which of these has no actor, and none coming?
    Missing { jobs: Vec<JobId>, reply: tokio::sync::oneshot::Sender<Vec<JobId>> },
}

pub(crate) struct Jobs;

struct Live {
    actor: ActorRef<JobMsg>,
    delivered: u64,
}

pub(crate) struct JobsState {
    shared: Arc<Shared>,
    live: BTreeMap<JobId, Live>,
    /// Supervision events name actors, not jobs.
    job_of: BTreeMap<ActorId, JobId>,
    /// When each job failed lately, and how the last time.
    failures: BTreeMap<JobId, Failures>,
    /// Failed, and to be restarted after a pause.
    resting: BTreeSet<JobId>,
    /// Being parked as poisoned.
    parking: BTreeSet<JobId>,
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
        Ok(JobsState {
            shared,
            live: BTreeMap::new(),
            job_of: BTreeMap::new(),
            failures: BTreeMap::new(),
            resting: BTreeSet::new(),
            parking: BTreeSet::new(),
        })
    }

    async fn handle(
        &self,
        me: ActorRef<JobsMsg>,
        message: JobsMsg,
        state: &mut JobsState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            JobsMsg::Deliver { job, message } => state.deliver(&me, job, *message).await,
            JobsMsg::Activate(job) => state.deliver(&me, job, JobMsg::Look(None)).await,
            JobsMsg::Revive(job, revival) => {
                state.deliver(&me, job, JobMsg::Look(Some(revival))).await;
            }
            JobsMsg::Restart(job) => {
                state.resting.remove(&job);
                state.deliver(&me, job, JobMsg::Look(None)).await;
            }
            JobsMsg::Everyone => {
                let live: Vec<JobId> = state.live.keys().copied().collect();
                for job in live {
                    state.deliver(&me, job, JobMsg::Look(None)).await;
                }
            }
            JobsMsg::Idle { id, actor, handled, queued } => {
                state.idle(id, actor, handled, queued);
            }
            JobsMsg::Park { job, reason, revival } => state.park(job, reason, revival),
            JobsMsg::Parked(job) => {
                state.parking.remove(&job);
            }
            JobsMsg::Missing { jobs, reply } => {
                let missing = jobs.into_iter().filter(|job| state.is_missing(job));
                reply.send(missing.collect()).ok();
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
        // In the order of their ids, which the runtime's own list of children does not keep.
        state.live.values().for_each(|live| drop(live.actor.drain()));
        me.drain_children_and_wait(Some(DRAIN_LIMIT)).await;
        Ok(())
    }
}

impl JobsState {
    async fn deliver(&mut self, me: &ActorRef<JobsMsg>, job: JobId, message: JobMsg) {
        let message = match self.pass_on(me, job, message).await {
            Ok(()) => return,
            Err(message) => message,
        };
        // Its actor has just failed, and the news of that is still on its way: a new one takes it.
        self.live.remove(&job);
        if let Err(message) = self.pass_on(me, job, message).await {
            self.turn_away(me, job, message);
        }
    }

    /// Gives the message back when nobody took it.
    async fn pass_on(
        &mut self,
        me: &ActorRef<JobsMsg>,
        job: JobId,
        message: JobMsg,
    ) -> Result<(), JobMsg> {
        if !self.live.contains_key(&job) && !self.revive(me, job, &message).await {
            return Err(message);
        }
        let Some(live) = self.live.get_mut(&job) else { return Err(message) };
        match live.actor.cast(message) {
            Ok(()) => {
                live.delivered += 1;
                self.shared.table.sent(live.actor.get_id());
                Ok(())
            }
            Err(MessagingErr::SendErr(message)) => Err(message),
            Err(_) => Ok(()),
        }
    }

    /// Spawning is instant: the job loads itself, so a slow store cannot hold up the others.
    async fn revive(&mut self, me: &ActorRef<JobsMsg>, job: JobId, message: &JobMsg) -> bool {
        let is_new_work = matches!(message, JobMsg::Wish(_));
        let is_full = self.live.len() >= self.shared.parts.options.live_jobs_max;
        if self.parking.contains(&job) || (is_new_work && is_full) {
            return false;
        }
        let failures = self.failures.get(&job);
        let failures = failures.map(|failed| (failed.at.len() as u32, failed.last.clone()));
        let (shared, parent) = (self.shared.clone(), me.get_id());
        let birth = Birth { id: job, shared, parent, failures };
        let Ok((actor, _)) = JobActor::spawn_linked(None, JobActor, birth, me.get_cell()).await
        else {
            return false;
        };
        self.job_of.insert(actor.get_id(), job);
        self.live.insert(job, Live { actor, delivered: 0 });
        true
    }

    fn turn_away(&mut self, me: &ActorRef<JobsMsg>, job: JobId, message: JobMsg) {
        let is_parking = self.parking.contains(&job);
        match message {
            JobMsg::Wish(wish) => {
                let answer = if is_parking {
                    let reason = "the job is being parked as poisoned; ask again";
                    EngineError::Unavailable(reason.to_owned())
                } else if self.shared.is_stopping() {
                    EngineError::Stopping
                } else {
                    let retry_after = Span::from_secs(1);
                    EngineError::Busy { what: "too many jobs are live", retry_after }
                };
                wish.reply.send(Err(answer)).ok();
            }
            _ if is_parking || self.shared.is_stopping() => {}
            _ => {
                me.send_after(Duration::from_secs(1), move || JobsMsg::Activate(job));
            }
        }
    }

    /// Lets a waiting job go, unless a message is on its way to it.
    fn idle(&mut self, id: JobId, actor: ActorId, handled: u64, queued: bool) {
        let is_full = self.live.len() > LIVE_AT_EASE;
        let Some(live) = self.live.get(&id) else { return };
        if live.actor.get_id() == actor && live.delivered == handled && (!queued || is_full) {
            live.actor.stop(None);
            self.live.remove(&id);
        }
    }

    fn is_missing(&self, job: &JobId) -> bool {
        let is_coming = self.resting.contains(job) || self.parking.contains(job);
        !self.live.contains_key(job) && !is_coming
    }

    fn gone(&mut self, actor: ActorId) -> Option<JobId> {
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
            return self.park(job, reason, None);
        }
        let pause = options.restart_backoff.as_duration() * 2u32.pow(restarts.min(10) - 1);
        self.resting.insert(job);
        me.send_after(pause, move || JobsMsg::Restart(job));
        self.forget_old_failures(now);
    }

    /// Keeps the memory of failures as small as the window.
    fn forget_old_failures(&mut self, now: Timestamp) {
        let window = self.shared.parts.options.restart_window;
        self.failures
            .retain(|_, failures| failures.at.back().is_some_and(|at| now.since(*at) <= window));
    }

    /// In a task of its own, because the store may be away. Until it is done the job gets no actor.
    fn park(&mut self, job: JobId, reason: String, revival: Option<Revival>) {
        if !self.parking.insert(job) {
            return;
        }
        let shared = self.shared.clone();
        tokio::spawn(async move {
            park::insist(&shared, job, &reason).await;
            shared.jobs.cast(JobsMsg::Parked(job));
            drop(revival);
        });
    }
}
