//! One live job: a wish comes in, facts go to the journal, and what is due gets done. Nobody else writes to that
//! journal, and nothing here waits for a call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;

use crate::dsl::definition::Definition;
use crate::engine::commit::{Append, Wish, append, deliberate};
use crate::engine::hands::Hands;
use crate::engine::jobs::JobsMsg;
use crate::engine::load::{LoadError, load};
use crate::engine::scheduler::SchedulerMsg;
use crate::engine::shared::Shared;
use crate::engine::wakes::WakesMsg;
use crate::engine::{EngineError, JobView, park};
use crate::machine::{Due, due, job_row};
use crate::model::command::Command;
use crate::model::crash_point;
use crate::model::event::{Event, Outcome};
use crate::model::id::{FrameId, JobId};
use crate::model::job::Job;
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;
use crate::store::IdempotencyKey;

/// The pause before an internal wish is tried again while the store cannot answer.
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// What became of a wish.
#[derive(Clone, Debug)]
pub(crate) struct Obeyed {
    /// The job after it.
    pub view: JobView,
    /// Did it change anything?
    pub changed: bool,
    /// Was it created by an earlier request with the same key?
    pub replayed: bool,
}

pub(crate) type Answer = Result<Obeyed, EngineError>;

pub(crate) enum JobMsg {
    /// Somebody wishes something, and waits for the answer.
    Wish {
        command: Command,
        by: Principal,
        key: Option<IdempotencyKey>,
        reply: oneshot::Sender<Answer>,
    },
    /// A part of the engine wishes something; it is tried until the store answers.
    Inner { command: Command, by: &'static str },
    /// A call ended.
    Outcome { frame: FrameId, attempt: u32, outcome: Outcome },
    /// A child was made or ended; this wish follows. Nothing: it did not work out yet.
    ChildMade { child: JobId, command: Option<Command> },
    /// It may work now.
    Granted,
    /// Time passed, or something it waits for may have happened: look at what is due.
    Look,
}

pub(crate) struct JobActor;

pub(crate) struct JobState {
    pub id: JobId,
    pub shared: Arc<Shared>,
    pub job: Option<Arc<Job>>,
    definition: Option<Arc<Definition>>,
    pub hands: Hands,
    loaded: bool,
    /// Recovery waits until it has looked at itself.
    reviving: bool,
    handled: u64,
}

impl Actor for JobActor {
    type Msg = JobMsg;
    type State = JobState;
    type Arguments = (JobId, Arc<Shared>, bool);

    /// Builds, and does nothing that can fail: an error here would not reach the parent.
    async fn pre_start(
        &self,
        _: ActorRef<JobMsg>,
        (id, shared, reviving): (JobId, Arc<Shared>, bool),
    ) -> Result<JobState, ActorProcessingErr> {
        Ok(JobState {
            id,
            shared,
            job: None,
            definition: None,
            hands: Hands::default(),
            loaded: false,
            reviving,
            handled: 0,
        })
    }

    async fn handle(
        &self,
        me: ActorRef<JobMsg>,
        message: JobMsg,
        state: &mut JobState,
    ) -> Result<(), ActorProcessingErr> {
        state.handled += 1;
        state.shared.table.handled(me.get_id());
        if let Err(error) = state.ensure_loaded().await {
            return state.not_loaded(&me, message, error);
        }
        state.take(&me, message).await;
        state.do_what_is_due(&me).await;
        state.looked();
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
            SupervisionEvent::ActorTerminated(child, _, _) => (child.get_id(), String::new()),
            _ => return Ok(()),
        };
        state.shared.table.gone(child);
        if let Some((frame, attempt)) = state.hands.dropped(child) {
            let reason = if reason.is_empty() { "the attempt was stopped".into() } else { reason };
            let command = Command::Interrupt { frame, attempt, reason };
            me.cast(JobMsg::Inner { command, by: "job" }).ok();
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        me: ActorRef<JobMsg>,
        _: &mut JobState,
    ) -> Result<(), ActorProcessingErr> {
        me.stop_children_and_wait(None, None).await;
        Ok(())
    }
}

impl Drop for JobState {
    /// However the actor ends, its slot is free again and recovery does not wait for it.
    fn drop(&mut self) {
        self.looked();
        self.let_go_of_slot();
    }
}

impl JobState {
    fn looked(&mut self) {
        if std::mem::take(&mut self.reviving) {
            self.shared.reviving.fetch_sub(1, Ordering::AcqRel);
            self.shared.revived.notify_waiters();
        }
    }

    async fn ensure_loaded(&mut self) -> Result<(), LoadError> {
        if self.loaded {
            return Ok(());
        }
        if let Some((job, _)) = load(&self.shared, self.id).await? {
            self.definition = Some(self.definition_of(&job).await?);
            self.job = Some(Arc::new(job));
        }
        self.loaded = true;
        Ok(())
    }

    async fn definition_of(&self, job: &Job) -> Result<Arc<Definition>, LoadError> {
        self.shared.catalog.by_hash(job.spec.definition).await
    }

    /// A job that cannot be loaded answers why; one that never will be is parked.
    fn not_loaded(
        &mut self,
        me: &ActorRef<JobMsg>,
        message: JobMsg,
        error: LoadError,
    ) -> Result<(), ActorProcessingErr> {
        let answer = match &error {
            LoadError::Unavailable(reason) => EngineError::Unavailable(reason.clone()),
            LoadError::Poisoned(reason) => {
                EngineError::Corrupt { job: self.id, reason: reason.clone() }
            }
        };
        match message {
            JobMsg::Wish { reply, .. } => {
                reply.send(Err(answer)).ok();
            }
            inner if matches!(error, LoadError::Unavailable(_)) => {
                me.send_after(STORE_PAUSE, || inner);
                return Ok(());
            }
            _ => {}
        }
        if let LoadError::Poisoned(reason) = error {
            park::later(self.shared.clone(), self.id, reason);
            self.looked();
            me.stop(None);
        }
        Ok(())
    }

    async fn take(&mut self, me: &ActorRef<JobMsg>, message: JobMsg) {
        match message {
            JobMsg::Wish { command, by, key, reply } => {
                // Somebody who no longer waits gets nothing done that was not begun.
                if reply.is_closed() {
                    return;
                }
                let answer = self.obey(command, by, key).await;
                crash_point::reach("engine.before_answer");
                reply.send(answer).ok();
            }
            JobMsg::Inner { command, by } => self.insist(me, command, by).await,
            JobMsg::Outcome { frame, attempt, outcome } => {
                self.hands.settled(frame, attempt);
                let command = Command::Settle { frame, attempt, outcome };
                self.insist(me, command, "job").await;
            }
            JobMsg::ChildMade { child, command } => {
                match command {
                    Some(command) => self.insist(me, command, "job").await,
                    None => {
                        me.send_after(STORE_PAUSE, || JobMsg::Look);
                    }
                }
                self.hands.making.remove(&child);
                self.look(me).await;
            }
            JobMsg::Granted => {
                self.hands.granted();
                if self.job.as_ref().is_some_and(|job| job.is_ready()) {
                    self.insist(me, Command::Begin, "worker").await;
                }
            }
            JobMsg::Look => self.look(me).await,
        }
    }

    /// Does what time and children ask for.
    async fn look(&mut self, me: &ActorRef<JobMsg>) {
        let Some(job) = self.job.clone() else { return };
        let due = due(&job);
        self.look_at_children(me, &due).await;
        let now = self.shared.parts.clock.now();
        if due.tick || due.wake.is_some_and(|wake| wake <= now) {
            self.insist(me, Command::Tick, "clock").await;
        }
    }

    /// A wish of the engine itself: a refusal is an answer, a store that is away is waited for.
    pub async fn insist(&mut self, me: &ActorRef<JobMsg>, command: Command, by: &'static str) {
        match self.obey(command.clone(), Principal::system(by), None).await {
            Ok(_) => {}
            Err(EngineError::Refused(refusal)) => {
                tracing::debug!(job = %self.id, %refusal, "an inner wish came too late");
            }
            Err(error) => {
                tracing::warn!(job = %self.id, %error, "the job waits for the store");
                me.send_after(STORE_PAUSE, move || JobMsg::Inner { command, by });
            }
        }
    }

    pub async fn obey(
        &mut self,
        command: Command,
        by: Principal,
        key: Option<IdempotencyKey>,
    ) -> Answer {
        // Once more after another writer: the second decision is made on what that one left.
        for _ in 0..2 {
            if let Some(answer) = self.try_to_obey(&command, &by, key.clone()).await? {
                return Ok(answer);
            }
            self.loaded = false;
            self.job = None;
            self.ensure_loaded().await.map_err(|error| self.load_error(error))?;
        }
        Err(EngineError::Unavailable("somebody else writes to the same job".to_owned()))
    }

    fn load_error(&self, error: LoadError) -> EngineError {
        match error {
            LoadError::Unavailable(reason) => EngineError::Unavailable(reason),
            LoadError::Poisoned(reason) => EngineError::Corrupt { job: self.id, reason },
        }
    }

    /// Nothing when somebody else wrote in between.
    async fn try_to_obey(
        &mut self,
        command: &Command,
        by: &Principal,
        key: Option<IdempotencyKey>,
    ) -> Result<Option<Obeyed>, EngineError> {
        let definition = match (&self.definition, command) {
            (Some(definition), _) => definition.clone(),
            (None, Command::Create(spec)) => {
                let found = self.shared.catalog.by_hash(spec.definition).await;
                found.map_err(|error| self.load_error(error))?
            }
            (None, _) => return Err(Refusal::NoSuchJob.into()),
        };
        let now = self.shared.parts.clock.now();
        let wish = Wish {
            id: self.id,
            job: self.job.clone(),
            definition: definition.clone(),
            command: command.clone(),
            by: by.clone(),
            now,
        };
        let decided = deliberate(&self.shared, wish).await?;
        if decided.events.is_empty() {
            return Ok(self.job.clone().map(|job| self.obeyed(job, false)));
        }
        let started: Vec<(FrameId, u32)> =
            decided.events.iter().filter_map(|event| started_call(event)).collect();
        let before = self.job.as_deref();
        match append(&self.shared, before, decided, by.clone(), now, key).await {
            Ok(Append::Done(done)) => {
                self.definition = Some(definition);
                self.hands.expect(started);
                self.job = Some(done.job.clone());
                let view = JobView { row: done.row, job: done.job };
                Ok(Some(Obeyed { view, changed: true, replayed: false }))
            }
            Ok(Append::Overtaken) => Ok(None),
            Ok(Append::Duplicate { job, same_request }) => self.duplicate(job, same_request).await,
            Err(error) => {
                // What is on disk is not known here any more: read it before the next decision.
                self.loaded = false;
                (self.job, self.definition) = (None, None);
                Err(error)
            }
        }
    }

    fn obeyed(&self, job: Arc<Job>, changed: bool) -> Obeyed {
        Obeyed { view: JobView { row: job_row(&job), job }, changed, replayed: false }
    }

    /// The job that the same request created before.
    async fn duplicate(
        &self,
        job: JobId,
        same_request: bool,
    ) -> Result<Option<Obeyed>, EngineError> {
        if !same_request {
            return Err(EngineError::KeyReused { job });
        }
        let loaded = load(&self.shared, job).await.map_err(|error| self.load_error(error))?;
        let (found, _) = loaded.ok_or(Refusal::NoSuchJob)?;
        let mut obeyed = self.obeyed(Arc::new(found), false);
        obeyed.replayed = true;
        Ok(Some(obeyed))
    }

    /// Compares what is due with what is in hand and closes the difference.
    async fn do_what_is_due(&mut self, me: &ActorRef<JobMsg>) {
        let Some(job) = self.job.clone() else {
            return self.ask_to_leave(me);
        };
        let due = due(&job);
        self.interrupt_lost_calls(me, &due).await;
        self.close_the_difference(me, &due).await;
        if due.tick && !due.is_held {
            me.cast(JobMsg::Inner { command: Command::Tick, by: "clock" }).ok();
        }
        if let Some(wake) = due.wake {
            self.shared.wakes.cast(WakesMsg::At(wake));
        }
        if job.is_ready() {
            self.shared.scheduler.cast(SchedulerMsg::Look);
        } else if !due.is_active() && !self.hands.is_busy() {
            self.let_go_of_slot();
            self.ask_to_leave(me);
        }
    }

    /// Calls that are due but that this actor never started were under way when a process ended.
    async fn interrupt_lost_calls(&mut self, me: &ActorRef<JobMsg>, due: &Due) {
        for call in self.hands.lost(&due.calls) {
            let reason = "the process stopped while the call was under way".to_owned();
            let (frame, attempt) = (call.frame, call.attempt);
            self.shared.interrupted.fetch_add(1, Ordering::Relaxed);
            self.hands.expect(vec![(frame, attempt)]);
            let command = Command::Interrupt { frame, attempt, reason };
            self.insist(me, command, "recovery").await;
        }
    }

    /// Only waits from here on: the parent decides whether a message is already on its way.
    fn ask_to_leave(&self, me: &ActorRef<JobMsg>) {
        let (id, actor, handled) = (self.id, me.get_id(), self.handled);
        self.shared.jobs.cast(JobsMsg::Idle { id, actor, handled });
    }
}

fn started_call(event: &Event) -> Option<(FrameId, u32)> {
    match event {
        Event::CallStarted { frame, attempt, .. } => Some((*frame, *attempt)),
        _ => None,
    }
}
