//! What a job's actor has in hand: attempts that are under way, its slot, children that are being made. It is lost
//! with the actor; `due` says what must be in hand again.

use std::collections::{HashMap, HashSet};

use ractor::{Actor, ActorId, ActorRef};

use crate::engine::attempt::{Attempt, Work};
use crate::engine::job::{JobMsg, JobState};
use crate::engine::scheduler::SchedulerMsg;
use crate::machine::{Due, DueCall};
use crate::model::id::{FrameId, JobId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slot {
    #[default]
    None,
    Asked,
    Held,
}

/// The difference between what is due and what is done is closed with these.
#[derive(Default)]
pub(crate) struct Hands {
    attempts: HashMap<(FrameId, u32), ActorRef<()>>,
    /// Calls that this actor started, so that it knows which ones it did not.
    expected: HashSet<(FrameId, u32)>,
    slot: Slot,
    /// Children that are being made.
    pub making: HashSet<JobId>,
}

impl Hands {
    pub fn expect(&mut self, started: Vec<(FrameId, u32)>) {
        self.expected.extend(started);
    }

    pub fn granted(&mut self) {
        self.slot = Slot::Held;
    }

    pub fn settled(&mut self, frame: FrameId, attempt: u32) {
        self.attempts.remove(&(frame, attempt));
        self.expected.remove(&(frame, attempt));
    }

    /// The call that an ended actor was to make, if nobody took its outcome.
    pub fn dropped(&mut self, actor: ActorId) -> Option<(FrameId, u32)> {
        let found = self.attempts.iter().find(|(_, attempt)| attempt.get_id() == actor);
        let call = found.map(|(call, _)| *call)?;
        self.attempts.remove(&call);
        Some(call)
    }

    /// Due calls that this actor did not start.
    pub fn lost(&self, due: &[DueCall]) -> Vec<DueCall> {
        let unknown = |call: &&DueCall| !self.expected.contains(&(call.frame, call.attempt));
        due.iter().filter(unknown).cloned().collect()
    }

    pub fn is_busy(&self) -> bool {
        !self.attempts.is_empty() || !self.making.is_empty()
    }
}

impl JobState {
    /// Starts what is due and not in hand; stops what is in hand and no longer due.
    pub async fn close_the_difference(&mut self, me: &ActorRef<JobMsg>, due: &Due) {
        let wanted: HashSet<(FrameId, u32)> =
            due.calls.iter().map(|call| (call.frame, call.attempt)).collect();
        self.hands.attempts.retain(|call, attempt| {
            let keep = wanted.contains(call);
            if !keep {
                attempt.kill();
            }
            keep
        });
        self.hands.expected.retain(|call| wanted.contains(call));
        if due.is_held {
            return;
        }
        self.make_children(me, due);
        let missing: Vec<&DueCall> = due
            .calls
            .iter()
            .filter(|call| !self.hands.attempts.contains_key(&(call.frame, call.attempt)))
            .collect();
        if missing.is_empty() {
            return;
        }
        match self.hands.slot {
            Slot::Held => {
                for call in missing {
                    self.start_attempt(me, call).await;
                }
            }
            Slot::Asked => {}
            Slot::None => {
                self.hands.slot = Slot::Asked;
                let key = self.job.as_ref().map_or(0, |job| job.queue_key());
                self.shared.scheduler.cast(SchedulerMsg::Ask { job: self.id, key });
            }
        }
    }

    async fn start_attempt(&mut self, me: &ActorRef<JobMsg>, call: &DueCall) {
        let work = Work::new(self.shared.clone(), self.id, call.clone(), me.clone());
        match Attempt::spawn_linked(None, Attempt, work, me.get_cell()).await {
            Ok((attempt, _)) => {
                let now = self.shared.parts.clock.now();
                let name = call.key.clone();
                let (id, parent) = (attempt.get_id(), Some(me.get_id()));
                self.shared.table.born(id, "attempt", name, parent, now);
                self.hands.attempts.insert((call.frame, call.attempt), attempt);
            }
            Err(error) => {
                // Only a parent that is stopping cannot start a child; the call is due again after it.
                tracing::debug!(job = %self.id, %error, "an attempt did not start");
            }
        }
    }

    pub fn let_go_of_slot(&mut self) {
        if self.hands.slot != Slot::None {
            self.hands.slot = Slot::None;
            self.shared.scheduler.cast(SchedulerMsg::Release(self.id));
        }
    }
}
