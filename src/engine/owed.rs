//! What a job owes: wishes of the engine itself, put into the journal in order, and what is due,
//! begun. It answers nobody, and no wish leaves the queue before the journal has it or refused it.

use ractor::ActorRef;

use crate::engine::EngineError;
use crate::engine::attempt::UnderWay;
use crate::engine::job::{JobMsg, JobState};
use crate::machine::{Due, due};
use crate::model::audit::Author;
use crate::model::command::Command;
use crate::model::job::Job;

/// Wishes of its own that a job follows before it lets others have a turn.
const TURNS_MAX: u32 = 8;

/// A wish of the engine itself that the journal does not have yet.
pub(crate) struct Owed {
    command: Command,
    by: &'static str,
    /// The call whose outcome this is; it is under way until the journal has it.
    _under_way: Option<UnderWay>,
}

impl JobState {
    /// Notes a wish of the engine itself.
    pub fn owe(&mut self, command: Command, by: &'static str, under_way: Option<UnderWay>) {
        self.owed.push_back(Owed { command, by, _under_way: under_way });
    }

    /// Puts what is owed into the journal, in order. A refusal is an answer; a store that is away
    /// is waited for. Says whether anything changed.
    pub async fn pay(&mut self, me: &ActorRef<JobMsg>) -> bool {
        let mut changed = false;
        while let Some(owed) = self.owed.pop_front() {
            match self.obey(&owed.command, Author::system(owed.by), None).await {
                Ok(obeyed) => changed |= obeyed.changed,
                Err(EngineError::Refused(refusal)) => {
                    tracing::debug!(job = %self.id, %refusal, "an inner wish came too late");
                }
                Err(EngineError::Corrupt { reason, .. }) => {
                    self.give_up(me, reason, None);
                    return changed;
                }
                Err(error) => {
                    tracing::warn!(job = %self.id, %error, "the job waits for the store");
                    self.owed.push_front(owed);
                    self.go_on_later(me);
                    return changed;
                }
            }
        }
        changed
    }

    /// Compares what is due with what is in hand and closes the difference.
    pub async fn do_what_is_due(&mut self, me: &ActorRef<JobMsg>) {
        let mut may_tick = true;
        for _ in 0..TURNS_MAX {
            if !self.owed.is_empty() {
                return;
            }
            if !self.loaded {
                // What is on disk is unknown after an append that failed: read it, then go on.
                return self.go_on_later(me);
            }
            let Some(job) = self.job.clone() else {
                self.let_go_of_slot();
                return self.ask_to_leave(me, false);
            };
            let due = due(&job);
            if self.shared.is_held() {
                return self.stand_by(me, &due);
            }
            let Some((command, by)) = self.own_wish(&job, &due, may_tick) else {
                return self.close_the_difference(me, &job, &due).await;
            };
            let is_tick = command == Command::Tick;
            self.owe(command, by, None);
            // A tick that changes nothing will change nothing the next time either.
            may_tick &= self.pay(me).await || !is_tick;
        }
        self.go_on(me);
    }

    /// What the job wishes of itself, as it stands.
    fn own_wish(
        &mut self,
        job: &Job,
        due: &Due,
        may_tick: bool,
    ) -> Option<(Command, &'static str)> {
        if let Some((frame, attempt)) = self.lost_call(due) {
            self.shared.count_interrupted();
            self.hands.know([(frame, attempt)]);
            let reason = "the process stopped while the call was under way".to_owned();
            let repeatable = self.is_repeatable(frame);
            let interrupt = Command::Interrupt { frame, attempt, reason, repeatable };
            return Some((interrupt, "recovery"));
        }
        if job.is_ready() && self.hands.has_slot() && !self.shared.is_stopping() {
            return Some((Command::Begin, "worker"));
        }
        let is_time = due.wake.is_some_and(|wake| wake <= self.shared.parts.clock.now());
        let is_due = may_tick && !due.is_held && (due.tick || is_time);
        is_due.then_some((Command::Tick, "clock"))
    }

    /// Takes the outcome of every awaited child that has ended.
    pub async fn look_at_children(&mut self, me: &ActorRef<JobMsg>) {
        let Some(job) = self.job.clone() else { return };
        for child in due(&job).children.iter().filter(|child| child.created && child.awaited) {
            if let Some(outcome) = self.outcome_of_child(me, child.child).await {
                self.owe(Command::SettleChild { child: child.child, outcome }, "job", None);
            }
        }
    }
}
