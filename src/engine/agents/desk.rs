//! The actors of agents: one below a standing parent for each, which lets calls through its gate.
//! What a gate knows outlives them, so that one that fails loses nothing and grants nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::task::JoinHandle;

use crate::engine::agents::gate::Gate;
use crate::engine::agents::permit::{Claim, Grant};
use crate::engine::agents::registry::locked;
use crate::engine::agents::view::Availability;
use crate::engine::job::JobMsg;
use crate::engine::jobs::JobsMsg;
use crate::engine::shared::Shared;
use crate::engine::table::Row;
use crate::model::id::AgentId;
use crate::model::metric_names as names;
use crate::model::time::Timestamp;

/// The pause before the actor of an agent is started anew after a failure.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

pub(crate) enum AgentsMsg {
    /// Somebody may pass the gate of this agent now. A newcomer is told when it may not.
    Look { agent: AgentId, newcomer: Option<Claim> },
    /// The same for all of them.
    Everyone,
}

/// The parent of the actors of agents.
pub(crate) struct Agents;

pub(crate) struct AgentsState {
    shared: Arc<Shared>,
    desks: BTreeMap<AgentId, ActorRef<DeskMsg>>,
    /// How often each failed, and how the last time.
    failures: BTreeMap<AgentId, (u32, String)>,
}

impl Actor for Agents {
    type Msg = AgentsMsg;
    type State = AgentsState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        me: ActorRef<AgentsMsg>,
        shared: Arc<Shared>,
    ) -> Result<AgentsState, ActorProcessingErr> {
        // What its predecessor had in its mailbox is lost; the gates know who waits.
        me.cast(AgentsMsg::Everyone)?;
        Ok(AgentsState { shared, desks: BTreeMap::new(), failures: BTreeMap::new() })
    }

    async fn handle(
        &self,
        me: ActorRef<AgentsMsg>,
        message: AgentsMsg,
        state: &mut AgentsState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            AgentsMsg::Look { agent, newcomer } => state.pass_on(&me, agent, newcomer).await,
            AgentsMsg::Everyone => {
                for agent in state.shared.registry.ids() {
                    state.pass_on(&me, agent, None).await;
                }
            }
        }
        Ok(())
    }

    /// Never returns an error: a parent that fails takes the others with it.
    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<AgentsMsg>,
        event: SupervisionEvent,
        state: &mut AgentsState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(child, error) => {
                state.failed(&me, child.get_id(), &error.to_string());
            }
            SupervisionEvent::ActorTerminated(child, _, reason) => {
                state.failed(&me, child.get_id(), &reason.unwrap_or_default());
            }
            _ => {}
        }
        Ok(())
    }
}

impl AgentsState {
    async fn pass_on(&mut self, me: &ActorRef<AgentsMsg>, agent: AgentId, newcomer: Option<Claim>) {
        if !self.desks.contains_key(&agent) && !self.open(me, agent).await {
            return;
        }
        if let Some(desk) = self.desks.get(&agent) {
            // A desk that just failed is opened again, and looks by itself.
            desk.cast(DeskMsg::Look(newcomer)).ok();
        }
    }

    async fn open(&mut self, me: &ActorRef<AgentsMsg>, agent: AgentId) -> bool {
        if self.shared.registry.find(agent).is_none() {
            return false;
        }
        let birth = Birth {
            shared: self.shared.clone(),
            agent,
            parent: me.get_id(),
            failures: self.failures.get(&agent).cloned(),
        };
        match Desk::spawn_linked(None, Desk, birth, me.get_cell()).await {
            Ok((desk, _)) => {
                self.desks.insert(agent, desk);
                true
            }
            Err(error) => {
                tracing::debug!(%agent, %error, "the actor of an agent did not start");
                false
            }
        }
    }

    fn failed(&mut self, me: &ActorRef<AgentsMsg>, child: ActorId, error: &str) {
        let found = self.desks.iter().find(|(_, desk)| desk.get_id() == child);
        let Some(agent) = found.map(|(agent, _)| *agent) else { return };
        self.desks.remove(&agent);
        if self.shared.is_stopping() {
            return;
        }
        let failures = self.failures.entry(agent).or_default();
        *failures = (failures.0.saturating_add(1), error.to_owned());
        tracing::error!(%agent, error, "the actor of an agent failed");
        metrics::counter!(names::ACTOR_RESTARTS_TOTAL, "kind" => "agent").increment(1);
        me.send_after(RESTART_PAUSE, move || AgentsMsg::Look { agent, newcomer: None });
    }
}

struct Birth {
    shared: Arc<Shared>,
    agent: AgentId,
    parent: ActorId,
    failures: Option<(u32, String)>,
}

enum DeskMsg {
    /// Somebody may pass now. This one is told when it may not.
    Look(Option<Claim>),
    /// The same at its start: everybody is told, because a predecessor may not have.
    Begin,
}

/// The actor of one agent.
struct Desk;

struct DeskState {
    shared: Arc<Shared>,
    agent: AgentId,
    row: Row,
    /// The time at which it looks by itself.
    sleeping: Option<(Timestamp, JoinHandle<()>)>,
}

impl Actor for Desk {
    type Msg = DeskMsg;
    type State = DeskState;
    type Arguments = Birth;

    async fn pre_start(
        &self,
        me: ActorRef<DeskMsg>,
        birth: Birth,
    ) -> Result<DeskState, ActorProcessingErr> {
        let Birth { shared, agent, parent, failures } = birth;
        let (now, id) = (shared.parts.clock.now(), me.get_id());
        let row = shared.table.born(id, "agent", agent.to_string(), Some(parent), now);
        if let Some((restarts, error)) = failures {
            row.restarted(restarts, &error);
        }
        me.cast(DeskMsg::Begin)?;
        Ok(DeskState { shared, agent, row, sleeping: None })
    }

    async fn handle(
        &self,
        me: ActorRef<DeskMsg>,
        message: DeskMsg,
        state: &mut DeskState,
    ) -> Result<(), ActorProcessingErr> {
        state.row.handled(false);
        let Some(gate) = state.shared.registry.gate(state.agent) else { return Ok(()) };
        let told = match message {
            DeskMsg::Look(newcomer) => newcomer.into_iter().collect(),
            DeskMsg::Begin => locked(&gate).waiting(),
        };
        state.look(&me, &gate, told);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<DeskMsg>,
        _: SupervisionEvent,
        _: &mut DeskState,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl Drop for DeskState {
    fn drop(&mut self) {
        if let Some((_, sleep)) = self.sleeping.take() {
            sleep.abort();
        }
    }
}

impl DeskState {
    /// Lets through whoever may pass, tells those who may not, and sleeps until somebody may.
    fn look(&mut self, me: &ActorRef<DeskMsg>, gate: &Arc<Mutex<Gate>>, mut told: BTreeSet<Claim>) {
        let now = self.shared.parts.clock.now();
        let is_open = !self.shared.is_held() && !self.shared.is_stopping();
        let next = || if is_open { locked(gate).next(now) } else { None };
        while let Some((claim, number)) = next() {
            told.remove(&claim);
            let grant = Grant::new(self.shared.clone(), self.agent, gate.clone(), number);
            let message = Box::new(JobMsg::AgentGranted { claim, grant });
            self.shared.jobs.cast(JobsMsg::Deliver { job: claim.job, message });
        }
        for claim in told {
            let message = Box::new(JobMsg::AgentWaits { claim });
            self.shared.jobs.cast(JobsMsg::Deliver { job: claim.job, message });
        }
        let mut gate = locked(gate);
        let availability = gate.availability(now);
        self.row.is_called(gate.name());
        self.row.says_all(in_words(&availability));
        match gate.look_at(now).filter(|_| is_open) {
            Some(at) => self.sleep_until(me, at),
            None => self.wake(),
        }
    }

    fn wake(&mut self) {
        if let Some((_, sleep)) = self.sleeping.take() {
            sleep.abort();
        }
    }

    fn sleep_until(&mut self, me: &ActorRef<DeskMsg>, at: Timestamp) {
        if self.sleeping.as_ref().is_some_and(|(until, sleep)| *until == at && !sleep.is_finished())
        {
            return;
        }
        self.wake();
        let (sleep, me) = (self.shared.parts.clock.sleep_until(at), me.clone());
        let task = tokio::spawn(async move {
            sleep.await;
            me.cast(DeskMsg::Look(None)).ok();
        });
        self.sleeping = Some((at, task));
    }
}

/// The line of the actor tree: what is in use, who waits, and why.
fn in_words(availability: &Availability) -> String {
    let Availability { state, until, in_use, queued, failures, .. } = availability;
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("{state}{until}; {in_use} under way, {queued} waiting, {failures} failures in a row")
}
