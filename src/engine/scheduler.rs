//! The worker: grants slots by priority and age, to jobs that go on before jobs that begin. It
//! starts nothing while it is stopped, and never touches a job itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::engine::WorkerStatus;
use crate::engine::job::JobMsg;
use crate::engine::jobs::JobsMsg;
use crate::engine::shared::Shared;
use crate::engine::slots::Permit;
use crate::engine::wakes::WakesMsg;
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::row::Place;
use crate::store::StoreError;

/// Jobs that the sweep looks at, at a time.
const SWEPT_PAGE: usize = 1_000;
/// How deep the queue is looked into for a job of an owner who may have another run. Deeper ones
/// wait until the head has moved.
const QUEUE_DEPTH_MAX: usize = 10_000;

pub(crate) enum SchedulerMsg {
    /// A job that is going on wants to work.
    Ask { job: JobId, key: i64, owner: Arc<str> },
    /// It no longer does.
    Unask { job: JobId, key: i64 },
    /// The queue or the slots may have changed.
    Look,
    /// Grant slots, or grant none.
    Run { run: bool, reply: oneshot::Sender<WorkerStatus> },
    /// How is it?
    Status(oneshot::Sender<WorkerStatus>),
    /// Look whether anything due sits idle.
    Sweep,
}

pub(crate) struct Scheduler;

pub(crate) struct SchedulerState {
    shared: Arc<Shared>,
    asking: BTreeMap<(i64, JobId), Arc<str>>,
    /// Owners of jobs in the queue, as far as they were asked for.
    owners: HashMap<JobId, Arc<str>>,
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
        let period = shared.parts.options.poll_interval.as_duration();
        me.send_interval(period, || SchedulerMsg::Sweep);
        // What its predecessor had in its mailbox is lost, also the word that somebody asked.
        shared.looking.store(false, Ordering::Release);
        me.cast(SchedulerMsg::Look)?;
        Ok(SchedulerState { shared, asking: BTreeMap::new(), owners: HashMap::new() })
    }

    async fn handle(
        &self,
        me: ActorRef<SchedulerMsg>,
        message: SchedulerMsg,
        state: &mut SchedulerState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            SchedulerMsg::Ask { job, key, owner } => {
                state.asking.insert((key, job), owner);
            }
            SchedulerMsg::Unask { job, key } => {
                state.asking.remove(&(key, job));
            }
            SchedulerMsg::Look => {}
            SchedulerMsg::Run { run, reply } => {
                state.shared.set_working(run);
                reply.send(state.status()).ok();
            }
            SchedulerMsg::Status(reply) => {
                reply.send(state.status()).ok();
                return Ok(());
            }
            SchedulerMsg::Sweep => {
                if let Err(error) = state.sweep().await {
                    tracing::warn!(%error, "the sweep cannot read the store");
                }
            }
        }
        // Whoever asks from now on may see more than this look does.
        state.shared.looking.store(false, Ordering::Release);
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
            is_running: self.shared.is_working() && !self.shared.is_held(),
            hold: self.shared.standing().hold.clone(),
            active_jobs: self.shared.slots.count() as u64,
            max_concurrent_jobs: options.concurrent_jobs_max as u64,
            poll_interval_ms: options.poll_interval.0 / 1_000,
        }
    }

    fn free(&self) -> usize {
        self.shared.parts.options.concurrent_jobs_max.saturating_sub(self.shared.slots.count())
    }

    async fn grant(&mut self) {
        if !self.shared.is_working() || self.shared.is_stopping() || self.shared.is_held() {
            return;
        }
        self.grant_to_asking();
        if self.free() > 0
            && self.may_begin()
            && let Err(error) = self.grant_to_queue().await
        {
            tracing::warn!(%error, "the worker cannot read the queue");
        }
    }

    /// May another run begin? Runs that wait for agents hold no slot but stay in memory, so behind
    /// a slow agent the rest of the queue stays on disk.
    fn may_begin(&self) -> bool {
        self.shared.registry.waiting_jobs() < self.shared.parts.options.live_jobs_max.div_ceil(2)
    }

    /// Is there room for another job of this owner?
    fn admits(&self, owner: &str) -> bool {
        let most = self.shared.parts.options.jobs_per_owner_max;
        most == 0 || self.shared.slots.count_of(owner) < most
    }

    fn grant_to_asking(&mut self) {
        let mut passed_over = BTreeMap::new();
        while self.free() > 0 {
            let Some((place, owner)) = self.asking.pop_first() else { break };
            if self.admits(&owner) {
                self.grant_to(place.1, owner);
            } else {
                passed_over.insert(place, owner);
            }
        }
        self.asking.append(&mut passed_over);
    }

    /// Looks deeper into the queue while its head belongs to owners who have all that they may.
    async fn grant_to_queue(&mut self) -> Result<(), StoreError> {
        // Some at the head of the queue may hold a grant whose beginning is not on disk yet.
        let mut depth = self.free() + self.shared.slots.count();
        loop {
            let queue = self.shared.parts.store.queue(depth).await?;
            for (_, job) in &queue {
                if self.free() == 0 {
                    return Ok(());
                }
                if self.shared.slots.holds(*job) {
                    continue;
                }
                let owner = self.owner_of(*job).await?;
                if self.admits(&owner) {
                    self.owners.remove(job);
                    self.grant_to(*job, owner);
                }
            }
            if queue.len() < depth || depth >= QUEUE_DEPTH_MAX {
                return Ok(());
            }
            depth = (depth * 4).min(QUEUE_DEPTH_MAX);
        }
    }

    /// The owner of a job, which matters only when owners are limited.
    async fn owner_of(&mut self, job: JobId) -> Result<Arc<str>, StoreError> {
        if self.shared.parts.options.jobs_per_owner_max == 0 {
            return Ok(Arc::default());
        }
        if let Some(owner) = self.owners.get(&job) {
            return Ok(owner.clone());
        }
        let row = self.shared.parts.store.job(job).await?;
        let owner: Arc<str> = row.map(|row| row.owner.into()).unwrap_or_default();
        if self.owners.len() >= QUEUE_DEPTH_MAX {
            self.owners.clear();
        }
        self.owners.insert(job, owner.clone());
        Ok(owner)
    }

    fn grant_to(&self, job: JobId, owner: Arc<str>) {
        let message = Box::new(JobMsg::Granted(Permit::grant(&self.shared, job, owner)));
        self.shared.jobs.cast(JobsMsg::Deliver { job, message });
    }

    /// The safety net: jobs that must have an actor and have none are revived, and counted.
    async fn sweep(&mut self) -> Result<(), StoreError> {
        if self.shared.is_held() {
            return Ok(());
        }
        self.shared.wakes.cast(WakesMsg::Ring);
        let store = &self.shared.parts.store;
        let mut after = None;
        loop {
            let active = store.active(after, SWEPT_PAGE).await?;
            let Some(last) = active.last() else { return Ok(()) };
            after = Some(*last);
            for job in self.missing(active).await {
                self.look_after(job).await?;
            }
        }
    }

    /// An actor comes before its job's row says that it must, and goes after. So a row that stayed
    /// the same while nobody held it is a defect; one that changed has only been overtaken.
    async fn look_after(&self, job: JobId) -> Result<(), StoreError> {
        let store = &self.shared.parts.store;
        let before = store.job(job).await?;
        if self.missing(vec![job]).await.is_empty() {
            return Ok(());
        }
        let after = store.job(job).await?;
        let version = |row: &crate::model::row::JobRow| (row.version, row.place);
        let (before, after) = (before.as_ref().map(version), after.as_ref().map(version));
        if before == after && after.is_some_and(|(_, place)| place == Place::Active) {
            metrics::counter!(names::SWEEP_RESCUES_TOTAL).increment(1);
            tracing::error!(%job, "the sweep found a job that nobody held");
            self.shared.count_rescue();
            self.shared.activate(job);
        }
        Ok(())
    }

    async fn missing(&self, jobs: Vec<JobId>) -> Vec<JobId> {
        let (reply, missing) = oneshot::channel();
        self.shared.jobs.cast(JobsMsg::Missing { jobs, reply });
        missing.await.unwrap_or_default()
    }
}
