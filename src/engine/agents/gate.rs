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

    /// Everybody who waits.
    pub fn waiting(&self) -> BTreeSet<Claim> {
        self.places.keys().copied().collect()
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::engine::agents::breaker::FAILURES_MAX;
    use crate::model::agent::{AgentRetry, AgentTimeouts, Mode, RateLimit};
    use crate::model::id::{AgentId, FrameId};
    use crate::model::time::Span;

    fn at(secs: i64) -> Timestamp {
        Timestamp(1_000_000_000_000 + secs * 1_000_000)
    }

    fn agent(concurrency_max: u32, rate_limit: Option<RateLimit>) -> Agent {
        Agent {
            id: AgentId::derived(&["gate"]),
            name: "gate".to_owned(),
            description: String::new(),
            tags: Vec::new(),
            endpoint: "http://agent.example/".to_owned(),
            auth: None,
            input_schema: Value::Bool(true),
            output_schema: Value::Bool(true),
            timeouts: AgentTimeouts::default(),
            retry: AgentRetry::default(),
            concurrency_max,
            rate_limit,
            mode: Mode::Sync,
            idempotent: true,
            is_active: true,
            version: 1,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn gate(concurrency_max: u32, rate_limit: Option<RateLimit>) -> Gate {
        Gate::new(Arc::new(agent(concurrency_max, rate_limit)))
    }

    fn claim(job: usize) -> Claim {
        let job = JobId::derived(&["gate", &job.to_string()]);
        Claim { job, frame: FrameId(1), attempt: 1 }
    }

    /// Everybody who may pass at this time.
    fn passing(gate: &mut Gate, now: Timestamp) -> Vec<(Claim, u64)> {
        std::iter::from_fn(|| gate.next(now)).collect()
    }

    #[test]
    fn as_many_pass_as_there_are_places_and_in_the_order_of_the_line() {
        let mut gate = gate(2, None);
        for (job, place) in [(3, 30), (1, 10), (2, 20)] {
            gate.ask(claim(job), place);
        }
        // Asked twice is asked once, at the last place.
        gate.ask(claim(3), 30);
        let first = passing(&mut gate, at(0));
        assert_eq!(first.iter().map(|(claim, _)| *claim).collect::<Vec<_>>(), [claim(1), claim(2)]);
        assert_eq!(gate.pause_of(claim(3).job, at(0)), Some(Pause::Busy { ahead: 0 }));
        gate.ended(first[0].1, &Word::Answered, at(1));
        // A word that is said twice frees one place.
        gate.ended(first[0].1, &Word::Answered, at(1));
        let second = passing(&mut gate, at(1));
        assert_eq!(second.len(), 1);
        assert_eq!(gate.availability(at(1)).state, AgentState::Busy);
        assert_eq!(gate.pause_of(claim(3).job, at(1)), None);
    }

    #[test]
    fn whoever_asks_no_more_is_passed_over() {
        let mut gate = gate(1, None);
        gate.ask(claim(1), 1);
        gate.ask(claim(2), 2);
        gate.unask(&claim(1));
        assert_eq!(passing(&mut gate, at(0))[0].0, claim(2));
    }

    #[test]
    fn an_inactive_agent_lets_nobody_pass_until_it_is_active() {
        let mut gate = gate(4, None);
        gate.ask(claim(1), 1);
        gate.changed(Arc::new(Agent { is_active: false, ..agent(4, None) }));
        assert_eq!(passing(&mut gate, at(0)), []);
        assert_eq!(gate.pause_of(claim(1).job, at(0)), Some(Pause::Inactive));
        assert_eq!(gate.look_at(at(0)), None);
        gate.changed(Arc::new(agent(4, None)));
        assert_eq!(passing(&mut gate, at(0)).len(), 1);
    }

    #[test]
    fn the_rate_says_when_to_look_again() {
        let mut gate = gate(9, Some(RateLimit { requests: 2, per_ms: 10_000 }));
        (1..=3).for_each(|job| gate.ask(claim(job), job as i64));
        assert_eq!(passing(&mut gate, at(0)).len(), 2);
        assert_eq!(gate.pause_of(claim(3).job, at(0)), Some(Pause::Rate { until: at(5) }));
        assert_eq!(gate.look_at(at(0)), Some(at(5)));
        assert_eq!(passing(&mut gate, at(4)), []);
        assert_eq!(passing(&mut gate, at(5)).len(), 1);
        assert_eq!(gate.look_at(at(5)), None, "nobody waits");
    }

    #[test]
    fn an_agent_that_asks_for_a_rest_gets_it() {
        let mut gate = gate(9, None);
        gate.ask(claim(1), 1);
        let (_, number) = gate.next(at(0)).expect("a place");
        gate.ask(claim(2), 2);
        gate.ended(number, &Word::Rest(Span::from_secs(7)), at(0));
        assert_eq!(gate.next(at(6)), None);
        assert_eq!(gate.look_at(at(6)), Some(at(7)));
        assert!(gate.next(at(7)).is_some());
    }

    #[test]
    fn an_open_circuit_lets_one_call_try_and_then_all_or_none() {
        let mut gate = gate(9, None);
        for job in 0..FAILURES_MAX as usize {
            gate.ask(claim(job), job as i64);
        }
        for (_, number) in passing(&mut gate, at(0)) {
            gate.ended(number, &Word::Failed("connection refused".to_owned()), at(0));
        }
        (10..13).for_each(|job| gate.ask(claim(job), job as i64));
        assert_eq!(passing(&mut gate, at(29)), []);
        assert_eq!(gate.pause_of(claim(12).job, at(29)), Some(Pause::Circuit { until: at(30) }));
        assert_eq!(gate.look_at(at(29)), Some(at(30)));
        let availability = gate.availability(at(29));
        assert_eq!((availability.state, availability.failures), (AgentState::CircuitOpen, 5));
        assert_eq!(availability.last_failure.as_deref(), Some("connection refused"));

        let trial = passing(&mut gate, at(30));
        assert_eq!(trial.len(), 1);
        assert_eq!(gate.pause_of(claim(12).job, at(30)), Some(Pause::Probing));
        gate.ended(trial[0].1, &Word::Failed("timed out".to_owned()), at(31));
        assert_eq!(gate.look_at(at(31)), Some(at(91)));

        let trial = passing(&mut gate, at(91));
        gate.ended(trial[0].1, &Word::Answered, at(92));
        assert_eq!(passing(&mut gate, at(92)).len(), 1);
        assert_eq!(gate.availability(at(92)).state, AgentState::Available);
    }

    #[test]
    fn an_agent_that_moved_is_met_without_prejudice() {
        let mut gate = gate(9, None);
        for job in 0..FAILURES_MAX as usize {
            gate.ask(claim(job), 0);
            let (_, number) = gate.next(at(0)).expect("a place");
            gate.ended(number, &Word::Failed("502".to_owned()), at(0));
        }
        let moved = Agent { endpoint: "http://other.example/".to_owned(), ..agent(9, None) };
        gate.changed(Arc::new(moved));
        assert_eq!(gate.availability(at(0)).state, AgentState::Available);
    }
}
