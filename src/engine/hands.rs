//! What a job's actor has in hand: attempts that are under way, its place among the working jobs,
//! children that are being made. It is lost with the actor; `due` says what must be in hand again.

use std::collections::{BTreeMap, BTreeSet};

use ractor::{Actor, ActorId, ActorRef};

use crate::engine::agents::Claim;
use crate::engine::attempt::{Attempt, Work};
use crate::engine::job::{JobMsg, JobState};
use crate::engine::matching::Search;
use crate::engine::scheduler::SchedulerMsg;
use crate::engine::slots::Permit;
use crate::engine::turns::Turns;
use crate::engine::unmade::Unmade;
use crate::engine::wakes::WakesMsg;
use crate::machine::{Due, DueCall};
use crate::model::id::{FrameId, JobId};
use crate::model::job::Job;

#[derive(Default)]
pub(crate) enum Slot {
    #[default]
    None,
    /// Asked for, at this place in the line.
    Asked(i64),
    Held {
        _permit: Permit,
    },
}

/// The difference between what is due and what is done is closed with these.
#[derive(Default)]
pub(crate) struct Hands {
    attempts: BTreeMap<(FrameId, u32), ActorRef<()>>,
    /// Calls whose start this actor put into the journal, or whose interruption: the others that
    /// are due were under way when an earlier actor ended.
    known: BTreeSet<(FrameId, u32)>,
    /// Calls of agents that wait for their turn, or have it.
    pub turns: Turns,
    slot: Slot,
    /// The search for an agent.
    pub search: Search,
    /// Children that are being made or ended.
    pub making: BTreeSet<JobId>,
}

impl Hands {
    /// These calls are of this actor.
    pub fn know(&mut self, calls: impl IntoIterator<Item = (FrameId, u32)>) {
        self.known.extend(calls);
    }

    /// It has a place; an earlier permit goes.
    pub fn granted(&mut self, permit: Permit) {
        self.slot = Slot::Held { _permit: permit };
    }

    /// May it work?
    pub fn has_slot(&self) -> bool {
        matches!(self.slot, Slot::Held { .. })
    }

    /// The attempt ended. What became of the call is known until the journal has it.
    pub fn ended(&mut self, frame: FrameId, attempt: u32) {
        self.attempts.remove(&(frame, attempt));
    }

    /// The call of an actor that ended without an outcome.
    pub fn dropped(&mut self, actor: ActorId) -> Option<(FrameId, u32)> {
        let found = self.attempts.iter().find(|(_, attempt)| attempt.get_id() == actor);
        let call = found.map(|(call, _)| *call)?;
        self.attempts.remove(&call);
        Some(call)
    }

    /// Is anything under way?
    pub fn is_busy(&self) -> bool {
        !self.attempts.is_empty() || !self.making.is_empty() || self.search.is_busy()
    }

    /// Ends every attempt at once.
    pub fn kill_attempts(&mut self) {
        std::mem::take(&mut self.attempts).values().for_each(|attempt| attempt.kill());
    }
}

impl JobState {
    fn unmade(&self, call: (FrameId, u32)) -> Unmade {
        Unmade { job: self.id, frame: call.0, attempt: call.1 }
    }

    /// A call that is due, that this actor did not start, and that may have left all the same.
    pub fn lost_call(&self, due: &Due) -> Option<(FrameId, u32)> {
        let calls = due.calls.iter().map(|call| (call.frame, call.attempt));
        calls.into_iter().find(|call| {
            !self.hands.known.contains(call) && !self.shared.unmade.contains(self.unmade(*call))
        })
    }

    /// While the store is held nothing begins. The calls that this actor wrote down have certainly
    /// not left; of those that it found, nobody knows.
    pub fn stand_by(&mut self, me: &ActorRef<JobMsg>, due: &Due) {
        for call in due.calls.iter().map(|call| (call.frame, call.attempt)) {
            if self.hands.known.contains(&call) {
                self.shared.unmade.insert(self.unmade(call));
            }
        }
        self.leave_agents();
        self.let_go_of_slot();
        self.ask_to_leave(me, false);
    }

    /// Starts what is due and not in hand; stops what is in hand and no longer due.
    pub async fn close_the_difference(&mut self, me: &ActorRef<JobMsg>, job: &Job, due: &Due) {
        self.drop_unwanted(due);
        if let Some(wake) = due.wake {
            self.shared.wakes.cast(WakesMsg::At(wake));
        }
        self.look_for_agent(me, job, due);
        if due.is_held {
            self.leave_agents();
        } else {
            self.make_children(me, due);
            self.make_calls(me, job, due).await;
        }
        if job.is_ready() {
            self.shared.look_at_queue();
            self.ask_to_leave(me, true);
        } else if !due.is_active() && !self.is_busy() {
            self.let_go_of_slot();
            self.ask_to_leave(me, false);
        }
    }

    fn drop_unwanted(&mut self, due: &Due) {
        let wanted: BTreeSet<(FrameId, u32)> =
            due.calls.iter().map(|call| (call.frame, call.attempt)).collect();
        self.hands.attempts.retain(|call, attempt| {
            let keep = wanted.contains(call);
            if !keep {
                attempt.kill();
            }
            keep
        });
        self.leave_unwanted_turns(&wanted);
        let unwanted: Vec<_> = self.hands.known.difference(&wanted).copied().collect();
        for call in unwanted {
            self.hands.known.remove(&call);
            self.shared.unmade.remove(self.unmade(call));
        }
    }

    async fn make_calls(&mut self, me: &ActorRef<JobMsg>, job: &Job, due: &Due) {
        let in_hand =
            |call: &&DueCall| !self.hands.attempts.contains_key(&(call.frame, call.attempt));
        let missing: Vec<&DueCall> = due.calls.iter().filter(in_hand).collect();
        if missing.is_empty() {
            return;
        }
        let may_start = self.hands.has_slot() && !self.shared.is_stopping();
        let mut wants_slot = false;
        for call in missing {
            let unmade = self.unmade((call.frame, call.attempt));
            self.hands.know([(call.frame, call.attempt)]);
            let is_its_turn = self.is_its_turn(job, call);
            wants_slot |= is_its_turn;
            if is_its_turn && may_start {
                self.shared.unmade.remove(unmade);
                self.start_attempt(me, call).await;
            } else {
                self.shared.unmade.insert(unmade);
            }
        }
        if !wants_slot && !self.is_busy() && self.hands.turns.all_wait() {
            // Others may work while the agents of this job are busy.
            self.let_go_of_slot();
            self.row.says("waiting for an agent");
        } else if wants_slot && !self.hands.has_slot() {
            // Asked again each time: a scheduler that was restarted knows of nobody.
            let key = job.queue_key();
            self.forget_ask(Some(key));
            self.hands.slot = Slot::Asked(key);
            let owner = job.spec.owner.as_str().into();
            self.shared.scheduler.cast(SchedulerMsg::Ask { job: self.id, key, owner });
            self.row.says("waiting for a slot");
        }
    }

    async fn start_attempt(&mut self, me: &ActorRef<JobMsg>, call: &DueCall) {
        let claim = Claim { job: self.id, frame: call.frame, attempt: call.attempt };
        let grant = self.hands.turns.take(claim);
        let work = Work::new(self.shared.clone(), self.id, call.clone(), grant, me.clone());
        match Attempt::spawn_linked(None, Attempt, work, me.get_cell()).await {
            Ok((attempt, _)) => {
                self.hands.attempts.insert((call.frame, call.attempt), attempt);
            }
            Err(error) => {
                // Only a parent that is stopping cannot start a child; the call is due again after
                // it.
                self.shared.unmade.insert(self.unmade((call.frame, call.attempt)));
                tracing::debug!(job = %self.id, %error, "an attempt did not start");
            }
        }
    }

    /// Gives its place back, or its place in the line.
    pub fn let_go_of_slot(&mut self) {
        self.forget_ask(None);
        self.hands.slot = Slot::None;
    }

    /// Takes back what was asked for, unless it is asked for again at the same place.
    fn forget_ask(&self, but: Option<i64>) {
        if let Slot::Asked(key) = self.hands.slot
            && but != Some(key)
        {
            self.shared.scheduler.cast(SchedulerMsg::Unask { job: self.id, key });
        }
    }
}
