//! One live job: a wish comes in, facts go to the journal, and what is due gets done. Nobody else
//! writes to that journal, and nothing here waits for a call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::dsl::definition::Definition;
use crate::engine::JobView;
use crate::engine::agents::{Claim, Grant};
use crate::engine::attempt::{DONE, UnderWay};
use crate::engine::hands::Hands;
use crate::engine::jobs::JobsMsg;
use crate::engine::load::LoadError;
use crate::engine::obey::{Answer, Obeyed};
use crate::engine::owed::Owed;
use crate::engine::recovery::Revival;
use crate::engine::shared::Shared;
use crate::engine::slots::Permit;
use crate::engine::table::Row;
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::crash_point;
use crate::model::id::{FrameId, JobId};
use crate::model::job::Job;
use crate::store::IdempotencyKey;

/// The pause before the store is asked again while it cannot answer.
pub(crate) const STORE_PAUSE: Duration = Duration::from_millis(250);

/// A wish that somebody waits for.
pub(crate) struct Wish {
    pub command: Command,
    pub by: Author,
    pub key: Option<IdempotencyKey>,
    pub reply: oneshot::Sender<Answer>,
}

pub(crate) enum JobMsg {
    /// Somebody wishes something, and waits for the answer.
    Wish(Wish),
    /// It may work now.
    Granted(Permit),
    /// Time passed, or something it waits for may have happened: look at what is due.
    Look(Option<Revival>),
    /// The turn of a call of an agent has come.
    AgentGranted { claim: Claim, grant: Grant },
    /// It has not.
    AgentWaits { claim: Claim },
    /// An attempt ended, and this follows.
    Outcome { frame: FrameId, attempt: u32, command: Command, under_way: Option<UnderWay> },
    /// A round of the search for an agent ended, and this follows.
    Matched { round: u32, command: Command },
    /// A child was made or ended; this wish follows. Nothing: it did not work out yet.
    ChildMade { child: JobId, command: Option<Command> },
    /// What it tells itself, to go on after others had a turn.
    Again,
}

impl JobMsg {
    /// The parent counts what it passes on, to know when nothing is on its way.
    fn is_from_parent(&self) -> bool {
        match self {
            JobMsg::Wish(_) | JobMsg::Granted(_) | JobMsg::Look(_) => true,
            JobMsg::AgentGranted { .. } | JobMsg::AgentWaits { .. } => true,
            JobMsg::Outcome { .. } | JobMsg::Matched { .. } => false,
            JobMsg::ChildMade { .. } | JobMsg::Again => false,
        }
    }
}

/// How a job's actor is born.
pub(crate) struct Birth {
    pub id: JobId,
    pub shared: Arc<Shared>,
    pub parent: ActorId,
    /// How often it failed lately, and how the last time.
    pub failures: Option<(u32, String)>,
}

pub(crate) struct JobActor;

pub(crate) struct JobState {
    pub id: JobId,
    pub shared: Arc<Shared>,
    /// The job as its journal has it; none when there is no such job, or when it is not loaded.
    pub job: Option<Arc<Job>>,
    pub definition: Option<Arc<Definition>>,
    pub loaded: bool,
    pub hands: Hands,
    pub row: Row,
    /// What the journal does not have yet, in order.
    pub owed: VecDeque<Owed>,
    /// Is a message to itself on its way?
    again: bool,
    /// Is it to be parked?
    gave_up: bool,
    handled: u64,
}

impl Actor for JobActor {
    type Msg = JobMsg;
    type State = JobState;
    type Arguments = Birth;

    /// Builds, and does nothing that can fail: an error here would not reach the parent.
    async fn pre_start(
        &self,
        me: ActorRef<JobMsg>,
        birth: Birth,
    ) -> Result<JobState, ActorProcessingErr> {
        let Birth { id, shared, parent, failures } = birth;
        let now = shared.parts.clock.now();
        let row = shared.table.born(me.get_id(), "job", id.to_string(), Some(parent), now);
        if let Some((restarts, error)) = failures {
            row.restarted(restarts, &error);
        }
        Ok(JobState {
            id,
            shared,
            job: None,
            definition: None,
            loaded: false,
            hands: Hands::default(),
            row,
            owed: VecDeque::new(),
            again: false,
            gave_up: false,
            handled: 0,
        })
    }

    /// Never returns an error: weather is waited for, and what cannot be read is parked.
    async fn handle(
        &self,
        me: ActorRef<JobMsg>,
        message: JobMsg,
        state: &mut JobState,
    ) -> Result<(), ActorProcessingErr> {
        state.handled += u64::from(message.is_from_parent());
        state.row.handled(message.is_from_parent());
        // Kept until the end: recovery waits until the job has looked at itself.
        let mut revival = None;
        match message {
            JobMsg::Wish(wish) => state.turn(&me, Some(wish), false, &mut revival).await,
            JobMsg::Granted(permit) => {
                state.hands.granted(permit);
                state.turn(&me, None, false, &mut revival).await;
            }
            JobMsg::Look(reviving) => {
                revival = reviving;
                state.turn(&me, None, true, &mut revival).await;
            }
            JobMsg::AgentGranted { claim, grant } => {
                state.hands.turn_came(claim, grant);
                state.shared.registry.unask(claim);
                state.turn(&me, None, false, &mut revival).await;
            }
            JobMsg::AgentWaits { claim } => {
                state.hands.turn_waits(claim);
                state.turn(&me, None, false, &mut revival).await;
            }
            JobMsg::Outcome { frame, attempt, command, under_way } => {
                state.hands.ended(frame, attempt);
                state.owe(command, "job", under_way);
                state.turn(&me, None, false, &mut revival).await;
            }
            JobMsg::Matched { round, command } => {
                state.hands.search.ended(round);
                state.owe(command, "matching", None);
                state.turn(&me, None, false, &mut revival).await;
            }
            JobMsg::ChildMade { child, command } => {
                state.hands.making.remove(&child);
                if let Some(command) = command {
                    state.owe(command, "job", None);
                }
                state.turn(&me, None, true, &mut revival).await;
            }
            JobMsg::Again => {
                state.again = false;
                state.turn(&me, None, true, &mut revival).await;
            }
        }
        Ok(())
    }

    /// A call that panicked or was killed is an attempt without an outcome. Never returns an error.
    async fn handle_supervisor_evt(
        &self,
        me: ActorRef<JobMsg>,
        event: SupervisionEvent,
        state: &mut JobState,
    ) -> Result<(), ActorProcessingErr> {
        let (child, reason) = match event {
            SupervisionEvent::ActorFailed(child, error) => (child.get_id(), error.to_string()),
            // Its outcome is in the mailbox, behind this.
            SupervisionEvent::ActorTerminated(_, _, Some(reason)) if reason == DONE => {
                return Ok(());
            }
            SupervisionEvent::ActorTerminated(child, _, _) => {
                (child.get_id(), "the attempt was stopped".to_owned())
            }
            _ => return Ok(()),
        };
        if let Some((frame, attempt)) = state.hands.dropped(child) {
            tracing::error!(job = %state.id, reason, "an attempt of a call failed");
            state.row.failed(&reason);
            let repeatable = state.is_repeatable(frame);
            let interrupt = Command::Interrupt { frame, attempt, reason, repeatable };
            state.owe(interrupt, "job", None);
            state.go_on(&me);
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<JobMsg>,
        state: &mut JobState,
    ) -> Result<(), ActorProcessingErr> {
        state.hands.kill_attempts();
        Ok(())
    }
}

impl Drop for JobState {
    /// However the actor ends, it no longer stands in line; its permit goes by itself.
    fn drop(&mut self) {
        self.leave_agents();
        self.let_go_of_slot();
    }
}

impl JobState {
    /// Would anything be lost if the actor ended now?
    pub fn is_busy(&self) -> bool {
        self.again || !self.owed.is_empty() || self.hands.is_busy()
    }

    /// Goes on after others had a turn.
    pub fn go_on(&mut self, me: &ActorRef<JobMsg>) {
        if !self.again {
            self.again = me.cast(JobMsg::Again).is_ok();
        }
    }

    /// Asks the store again after a pause.
    pub fn go_on_later(&mut self, me: &ActorRef<JobMsg>) {
        self.row.says("waiting for the store");
        if !self.again {
            self.again = true;
            me.send_after(STORE_PAUSE, || JobMsg::Again);
        }
    }

    /// One message: what is owed first, then the wish, then what follows.
    async fn turn(
        &mut self,
        me: &ActorRef<JobMsg>,
        wish: Option<Wish>,
        look: bool,
        revival: &mut Option<Revival>,
    ) {
        if wish.as_ref().is_some_and(|wish| matches!(wish.command, Command::Create(_))) {
            // Nobody else knows the id of a job that is created; when somebody does, the append
            // meets another version, and the job is read before it is decided again.
            self.loaded = true;
        }
        if let Err(error) = self.ensure_loaded().await {
            return self.not_loaded(me, wish, error, revival.take());
        }
        self.row.says("running");
        self.pay(me).await;
        if let Some(wish) = wish {
            self.grant(wish).await;
        }
        if look {
            self.look_at_children(me).await;
            self.pay(me).await;
        }
        if !std::mem::take(&mut self.gave_up) {
            self.do_what_is_due(me).await;
        }
    }

    /// A job that cannot be loaded answers why; one that never will be is parked.
    fn not_loaded(
        &mut self,
        me: &ActorRef<JobMsg>,
        wish: Option<Wish>,
        error: LoadError,
        revival: Option<Revival>,
    ) {
        if let Some(wish) = wish {
            wish.reply.send(Err(error.clone().of(self.id))).ok();
        }
        match error {
            LoadError::Unavailable(reason) => {
                tracing::debug!(job = %self.id, reason, "the job waits for the store");
                self.go_on_later(me);
            }
            LoadError::Poisoned(reason) => {
                self.give_up(me, reason, revival);
                self.gave_up = false;
            }
        }
    }

    /// Nothing that this program does will carry the job on.
    pub fn give_up(&mut self, me: &ActorRef<JobMsg>, reason: String, revival: Option<Revival>) {
        self.gave_up = true;
        self.owed.clear();
        self.let_go_of_slot();
        self.shared.jobs.cast(JobsMsg::Park { job: self.id, reason, revival });
        self.ask_to_leave(me, false);
    }

    async fn grant(&mut self, wish: Wish) {
        // Somebody who no longer waits gets nothing done that was not begun.
        if wish.reply.is_closed() {
            return;
        }
        let answer = self.obey(&wish.command, wish.by, wish.key).await;
        if answer.is_err() && self.job.is_none() {
            // A job that was taken for a new one, and may not be.
            self.unload();
        }
        crash_point::reach("engine.before_answer");
        wish.reply.send(answer).ok();
    }

    /// Only waits from here on: the parent decides whether a message is already on its way.
    pub fn ask_to_leave(&self, me: &ActorRef<JobMsg>, queued: bool) {
        let (id, actor, handled) = (self.id, me.get_id(), self.handled);
        self.shared.jobs.cast(JobsMsg::Idle { id, actor, handled, queued });
    }

    /// What somebody who asked is told.
    pub fn obeyed(&self, job: Arc<Job>, changed: bool) -> Obeyed {
        let row = Arc::new(crate::machine::job_row(&job));
        Obeyed { view: JobView { row, job }, changed, replayed: false }
    }
}
