//! Who may call one agent now, and who is next: its places, its rate, its circuit and its queue.
//! It reads no clock and sends nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::agents::breaker::{Breaker, Circuit};
use crate::engine::agents::permit::{Claim, Pause, Word};
use crate::engine::agents::rate::Rate;
use crate::engine::agents::{AgentState, Availability};
use crate::model::agent::Agent;
use crate::model::id::JobId;
use crate::model::time::Timestamp;

/// The gate of one agent.
#[derive(Debug)]
pub(super) struct Gate {
    agent: Arc<Agent>,
    rate: Rate,
    breaker: Breaker,
    /// The agent asked to be left alone until then.
    rest_until: Timestamp,
    /// Numbers of the grants that are out.
    out: BTreeSet<u64>,
    granted: u64,
    queue: BTreeSet<(i64, Claim)>,
    places: BTreeMap<Claim, i64>,
}

impl Gate {
    /// A gate that nobody passed yet.
    pub fn new(agent: Arc<Agent>) -> Self {
        Self {
            agent,
            rate: Rate::default(),
            breaker: Breaker::default(),
            rest_until: Timestamp(i64::MIN),
            out: BTreeSet::new(),
            granted: 0,
            queue: BTreeSet::new(),
            places: BTreeMap::new(),
        }
    }

    /// The registration changed. An agent that moved is known to nobody there.
    pub fn changed(&mut self, agent: Arc<Agent>) {
        if agent.endpoint != self.agent.endpoint {
            (self.rate, self.breaker) = (Rate::default(), Breaker::default());
            self.rest_until = Timestamp(i64::MIN);
        }
        self.agent = agent;
    }

    /// The name of the agent, for people.
    pub fn name(&self) -> &str {
        &self.agent.name
    }

    /// Somebody wants to call, at this place in the line.
    pub fn ask(&mut self, claim: Claim, place: i64) {
        self.unask(&claim);
        self.places.insert(claim, place);
        self.queue.insert((place, claim));
    }

    /// It no longer does.
    pub fn unask(&mut self, claim: &Claim) {
        if let Some(place) = self.places.remove(claim) {
            self.queue.remove(&(place, *claim));
        }
    }

    /// Lets the next one through, if anyone may pass now. The number is for [`Gate::ended`].
    pub fn next(&mut self, now: Timestamp) -> Option<(Claim, u64)> {
        if self.obstacle(now).is_some() {
            return None;
        }
        let (_, claim) = self.queue.pop_first()?;
        self.places.remove(&claim);
        if let Some(limit) = &self.agent.rate_limit {
            self.rate.count(limit, now);
        }
        self.breaker.leaves();
        self.granted += 1;
        self.out.insert(self.granted);
        Some((claim, self.granted))
    }

    /// A call ended; what it tells of the agent.
    pub fn ended(&mut self, number: u64, word: &Word, now: Timestamp) {
        if !self.out.remove(&number) {
            return;
        }
        match word {
            Word::Answered => self.breaker.answered(),
            Word::Rest(span) => {
                self.breaker.answered();
                self.rest_until = self.rest_until.max(now.after(*span));
            }
            Word::Failed(how) => self.breaker.failed(now, how),
            Word::Withdrawn => self.breaker.withdrawn(),
        }
    }

    /// What keeps everybody out now.
    fn obstacle(&mut self, now: Timestamp) -> Option<Pause> {
        if !self.agent.is_active {
            return Some(Pause::Inactive);
        }
        match self.breaker.at(now) {
            Circuit::Open { until } => return Some(Pause::Circuit { until }),
            Circuit::HalfOpen { probing: true } => return Some(Pause::Probing),
            Circuit::HalfOpen { probing: false } | Circuit::Closed => {}
        }
        if self.out.len() >= self.agent.concurrency_max as usize {
            return Some(Pause::Busy { ahead: 0 });
        }
        let limit = self.agent.rate_limit.as_ref();
        let free_at = limit.map_or(Timestamp(i64::MIN), |limit| self.rate.free_at(limit));
        let until = free_at.max(self.rest_until);
        (until > now).then_some(Pause::Rate { until })
    }

    /// When somebody who waits may pass although nothing else happens.
    pub fn look_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.queue.is_empty() {
            return None;
        }
        match self.obstacle(now)? {
            Pause::Circuit { until } | Pause::Rate { until } => Some(until),
            Pause::Busy { .. } | Pause::Probing | Pause::Inactive => None,
        }
    }

    /// What the calls of this job wait for, if any of them waits here.
    pub fn pause_of(&mut self, job: JobId, now: Timestamp) -> Option<Pause> {
        let ahead = self.queue.iter().position(|(_, claim)| claim.job == job)?;
        Some(match self.obstacle(now) {
            Some(Pause::Busy { .. }) | None => Pause::Busy { ahead },
            Some(other) => other,
        })
    }

    /// How it stands.
    pub fn availability(&mut self, now: Timestamp) -> Availability {
        let (state, until) = match self.obstacle(now) {
            None => (AgentState::Available, None),
            Some(Pause::Inactive) => (AgentState::Inactive, None),
            Some(Pause::Circuit { until }) => (AgentState::CircuitOpen, Some(until)),
            Some(Pause::Probing) => (AgentState::Probing, None),
            Some(Pause::Busy { .. }) => (AgentState::Busy, None),
            Some(Pause::Rate { until }) => (AgentState::RateLimited, Some(until)),
        };
        let (failures, last_failure) = self.breaker.failures();
        Availability {
            state,
            until,
            in_use: self.out.len() as u32,
            queued: self.queue.len() as u32,
            failures,
            last_failure: last_failure.map(str::to_owned),
        }
    }
}
