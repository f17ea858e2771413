//! The worker: grants slots by priority and age, to jobs that go on before jobs that begin. It starts nothing while
//! it is stopped, and never touches a job itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::engine::WorkerStatus;
use crate::engine::job::JobMsg;
use crate::engine::jobs::JobsMsg;
use crate::engine::shared::Shared;
use crate::model::id::JobId;
use crate::model::metric_names as names;

pub(crate) enum SchedulerMsg {
    /// A job that is going on wants to work.
    Ask { job: JobId, key: i64 },
    /// A job works no longer.
    Release(JobId),
    /// The queue may have changed.
    Look,
    /// Grant slots, or grant none.
    Run { run: bool, reply: oneshot::Sender<WorkerStatus> },
    /// How is it?
    Status(oneshot::Sender<WorkerStatus>),
    /// Look whether anything due sits idle; say how many did.
    Sweep,
}

pub(crate) struct Scheduler;

pub(crate) struct SchedulerState {
    shared: Arc<Shared>,
    is_running: bool,
    /// Jobs that hold a slot; `true` while a granted beginning is not in the journal yet.
    holders: HashMap<JobId, ()>,
    asking: BTreeSet<(i64, JobId)>,
}

impl Actor for Scheduler {
    type Msg = SchedulerMsg;
    type State = SchedulerState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        me: ActorRef<SchedulerMsg>,
        shared: Arc<Shared>,
    ) -> Result<SchedulerState, ActorProcessingErr> {
        let is_running = shared.parts.options.autostart;
        let period = shared.parts.options.poll_interval.as_duration();
        me.send_interval(period, || SchedulerMsg::Sweep);
        me.cast(SchedulerMsg::Look)?;
        let (holders, asking) = (HashMap::new(), BTreeSet::new());
        Ok(SchedulerState { shared, is_running, holders, asking })
    }

    async fn handle(
        &self,
        me: ActorRef<SchedulerMsg>,
        message: SchedulerMsg,
        state: &mut SchedulerState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            SchedulerMsg::Ask { job, key } => {
                state.asking.insert((key, job));
            }
            SchedulerMsg::Release(job) => {
                state.holders.remove(&job);
                state.asking.retain(|(_, asking)| *asking != job);
            }
            SchedulerMsg::Look => {}
            SchedulerMsg::Run { run, reply } => {
                state.is_running = run;
                reply.send(state.status()).ok();
            }
            SchedulerMsg::Status(reply) => {
                reply.send(state.status()).ok();
                return Ok(());
            }
            SchedulerMsg::Sweep => state.sweep().await,
        }
        state.grant().await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<SchedulerMsg>,
        _: SupervisionEvent,
        _: &mut SchedulerState,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl SchedulerState {
    fn status(&self) -> WorkerStatus {
        let options = &self.shared.parts.options;
        WorkerStatus {
            is_running: self.is_running,
            active_jobs: self.holders.len() as u64,
            max_concurrent_jobs: options.concurrent_jobs_max as u64,
            poll_interval_ms: options.poll_interval.0 / 1_000,
        }
    }

    fn free(&self) -> usize {
        self.shared.parts.options.concurrent_jobs_max.saturating_sub(self.holders.len())
    }

    async fn grant(&mut self) {
        if !self.is_running || self.shared.is_stopping() {
            return;
        }
        while self.free() > 0 {
            let Some((_, job)) = self.asking.pop_first() else { break };
            self.grant_to(job);
        }
        if self.free() == 0 {
            return;
        }
        // Some at the head of the queue may hold a grant whose beginning is not on disk yet.
        let wanted = self.free() + self.holders.len();
        let queue = match self.shared.parts.store.queue(wanted).await {
            Ok(queue) => queue,
            Err(error) => return tracing::warn!(%error, "the worker cannot read the queue"),
        };
        for (_, job) in queue {
            if self.free() == 0 {
                break;
            }
            if !self.holders.contains_key(&job) {
                self.grant_to(job);
            }
        }
        metrics::gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(self.holders.len() as f64);
    }

    fn grant_to(&mut self, job: JobId) {
        self.holders.insert(job, ());
        self.shared.jobs.cast(JobsMsg::Deliver { job, message: JobMsg::Granted });
    }

    /// The safety net: jobs that must have an actor and have none are revived, and counted.
    async fn sweep(&mut self) {
        const SWEPT_MAX: usize = 1_000;
        let Ok(active) = self.shared.parts.store.active(None, SWEPT_MAX).await else { return };
        let holders: Vec<JobId> = self.holders.keys().copied().collect();
        let (reply, missing) = oneshot::channel();
        let jobs = active.iter().copied().chain(holders).collect();
        self.shared.jobs.cast(JobsMsg::Missing { jobs, reply });
        for job in missing.await.unwrap_or_default() {
            // A slot whose job has no actor is nobody's.
            self.holders.remove(&job);
            if active.contains(&job) && self.still_active(job).await {
                metrics::counter!(names::SWEEP_RESCUES_TOTAL).increment(1);
                tracing::error!(%job, "the sweep found a job that nobody held");
                self.shared.activate(job);
            }
        }
    }

    async fn still_active(&self, job: JobId) -> bool {
        let row = self.shared.parts.store.job(job).await;
        matches!(row, Ok(Some(row)) if row.place == crate::model::row::Place::Active)
    }
}
