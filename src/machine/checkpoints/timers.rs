//! What time does to open checkpoints: people are reminded, others are asked too, nobody decided in
//! time. Each at its own time, once, however late the process comes to it.

use std::sync::Arc;

use crate::machine::scratch::Scratch;
use crate::model::checkpoint::{Checkpoint, OnExpiry};
use crate::model::event::Event;
use crate::model::time::Timestamp;
use crate::model::voter::ADMIN;

/// The next time at which something happens to a checkpoint by itself.
pub(in crate::machine) fn next_at(row: &Checkpoint) -> Option<Timestamp> {
    [row.expires_at, row.remind_at, row.escalate_at].into_iter().flatten().min()
}

impl Scratch<'_> {
    /// Closes, or asks others about, every checkpoint whose time has come.
    pub(in crate::machine) fn tick_checkpoints(&mut self) {
        let now = self.now();
        let due: Vec<Arc<Checkpoint>> = self
            .job
            .checkpoints
            .values()
            .filter(|row| row.is_pending() && next_at(row).is_some_and(|at| at <= now))
            .cloned()
            .collect();
        for row in due {
            if row.expires_at.is_some_and(|at| at <= now) {
                self.expire(&row);
            } else {
                self.remind(&row);
                self.escalate(&row);
            }
        }
    }

    fn expire(&mut self, row: &Checkpoint) {
        let checkpoint = row.id;
        if row.on_expiry != OnExpiry::Escalate || row.escalated {
            return self.emit(Event::Expired { checkpoint, action: row.on_expiry });
        }
        let mut assignees = row.assignees.clone();
        let is_admin = |name: &String| name.strip_prefix("role:").unwrap_or(name) == ADMIN;
        if !assignees.iter().any(is_admin) {
            assignees.push(ADMIN.to_owned());
        }
        let expires_at = row.expiry.map(|expiry| self.now().after(expiry));
        let (step, next_at) = (None, None);
        self.emit(Event::Escalated { checkpoint, assignees, expires_at, step, next_at });
    }

    fn remind(&mut self, row: &Checkpoint) {
        if row.remind_at.is_some_and(|at| at <= self.now()) {
            self.emit(Event::Reminded { checkpoint: row.id });
        }
    }

    /// One fact for each step that is due. Each counts from when the one before was due, so that a
    /// process that was down catches up.
    fn escalate(&mut self, row: &Checkpoint) {
        let (now, policy) = (self.now(), &row.policy);
        let (mut at, mut assignees) = (row.escalate_at, row.assignees.clone());
        let chain = policy.escalate_to.iter().zip(1..).skip(row.escalations as usize);
        for (name, step) in chain {
            let Some(due_at) = at.filter(|at| *at <= now) else { return };
            if !assignees.contains(name) {
                assignees.push(name.clone());
            }
            let is_last = step as usize >= policy.escalate_to.len();
            let after = policy.escalate_after.filter(|_| !is_last);
            at = after.map(|after| due_at.after(after));
            self.emit(Event::Escalated {
                checkpoint: row.id,
                assignees: assignees.clone(),
                expires_at: row.expires_at,
                step: Some(step),
                next_at: at,
            });
        }
    }
}
