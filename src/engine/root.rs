//! The root: starts the standing actors in order, restarts one that fails, stops them in reverse.
//! When its budget is spent it says so and stops: a process that cannot keep its actors alive is
//! for the operator's supervisor.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::engine::agents::Agents;
use crate::engine::jobs::{Jobs, JobsMsg};
use crate::engine::recovery;
use crate::engine::scheduler::Scheduler;
use crate::engine::shared::Shared;
use crate::engine::table::Row;
use crate::engine::wakes::Wakes;
use crate::model::metric_names as names;
use crate::model::time::Timestamp;

/// Failures of standing actors within the restart window before the root gives up.
const FAILURES_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Jobs,
    Wakes,
    Agents,
    Scheduler,
}

/// The jobs are in their places: let time and work begin, and say when they have.
pub(crate) struct Open(pub oneshot::Sender<()>);

pub(crate) struct Root;

pub(crate) struct RootState {
    shared: Arc<Shared>,
    standing: Vec<(ActorId, Standing, Row)>,
    _row: Row,
    failures: VecDeque<Timestamp>,
}

impl Actor for Root {
    type Msg = Open;
    type State = RootState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        me: ActorRef<Open>,
        shared: Arc<Shared>,
    ) -> Result<RootState, ActorProcessingErr> {
        let now = shared.parts.clock.now();
        let _row = shared.table.born(me.get_id(), "root", "engine".to_owned(), None, now);
        let (standing, failures) = (Vec::new(), VecDeque::new());
        let mut state = RootState { shared, standing, _row, failures };
        state.start(&me, Standing::Jobs).await?;
        Ok(state)
    }

    /// The timer and the worker start when recovery has put the jobs in their places.
    async fn handle(
        &self,
        me: ActorRef<Open>,
        Open(opened): Open,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        for standing in [Standing::Wakes, Standing::Agents, Standing::Scheduler] {
            state.start(&me, standing).await?;
        }
        opened.send(()).ok();
        Ok(())
    }

    /// Never returns an error but for a budget that is spent.
    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<Open>,
        event: SupervisionEvent,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        let (child, error) = match event {
            SupervisionEvent::ActorFailed(child, error) => (child.get_id(), error.to_string()),
            SupervisionEvent::ActorTerminated(child, _, reason) => {
                (child.get_id(), reason.unwrap_or_default())
            }
            _ => return Ok(()),
        };
        let Some(place) = state.standing.iter().position(|(id, ..)| *id == child) else {
            return Ok(());
        };
        let (_, standing, _) = state.standing.remove(place);
        if state.shared.is_stopping() {
            return Ok(());
        }
        state.restart(&me, standing, &error).await;
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Open>,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(scheduler) = state.shared.scheduler.get() {
            scheduler.stop_and_wait(None, None).await.ok();
        }
        if let Some(agents) = state.shared.agents.get() {
            agents.stop_and_wait(None, None).await.ok();
        }
        if let Some(wakes) = state.shared.wakes.get() {
            wakes.stop_and_wait(None, None).await.ok();
        }
        if let Some(jobs) = state.shared.jobs.get() {
            jobs.stop_and_wait(None, None).await.ok();
        }
        Ok(())
    }
}

impl RootState {
    async fn start(
        &mut self,
        me: &ActorRef<Open>,
        standing: Standing,
    ) -> Result<(), ActorProcessingErr> {
        let (shared, cell) = (self.shared.clone(), me.get_cell());
        let (id, kind) = match standing {
            Standing::Jobs => {
                let (jobs, _) = Jobs::spawn_linked(None, Jobs, shared.clone(), cell).await?;
                let id = jobs.get_id();
                shared.jobs.set(jobs);
                (id, "jobs")
            }
            Standing::Wakes => {
                let (wakes, _) = Wakes::spawn_linked(None, Wakes, shared.clone(), cell).await?;
                let id = wakes.get_id();
                shared.wakes.set(wakes);
                (id, "wakes")
            }
            Standing::Agents => {
                let (agents, _) = Agents::spawn_linked(None, Agents, shared.clone(), cell).await?;
                let id = agents.get_id();
                shared.agents.set(agents);
                (id, "agents")
            }
            Standing::Scheduler => {
                let (scheduler, _) =
                    Scheduler::spawn_linked(None, Scheduler, shared.clone(), cell).await?;
                let id = scheduler.get_id();
                shared.scheduler.set(scheduler);
                // Whoever asked before there was a scheduler, or asked its predecessor, asks again.
                shared.jobs.cast(JobsMsg::Everyone);
                (id, "scheduler")
            }
        };
        let now = shared.parts.clock.now();
        let row = shared.table.born(id, kind, kind.to_owned(), Some(me.get_id()), now);
        self.standing.push((id, standing, row));
        Ok(())
    }

    async fn restart(&mut self, me: &ActorRef<Open>, standing: Standing, error: &str) {
        let now = self.shared.parts.clock.now();
        let window = self.shared.parts.options.restart_window;
        self.failures.retain(|at| now.since(*at) <= window);
        self.failures.push_back(now);
        tracing::error!(?standing, error, "a standing actor failed");
        metrics::counter!(names::ACTOR_RESTARTS_TOTAL, "kind" => "standing").increment(1);
        if self.failures.len() > FAILURES_MAX {
            tracing::error!("the engine cannot keep its actors alive; it stops");
            self.shared.failed.send_replace(true);
            return me.stop(Some("the restart budget is spent".to_owned()));
        }
        if let Err(error) = self.start(me, standing).await {
            tracing::error!(?standing, %error, "a standing actor cannot be restarted");
            self.shared.failed.send_replace(true);
        }
        if standing == Standing::Jobs {
            // Every job's actor went with it; what they had in hand is due again.
            let shared = self.shared.clone();
            tokio::spawn(async move { recovery::revive_all(&shared).await });
        }
    }
}
