//! One round of the search for an agent: the score, then the model when there is one, then inputs
//! that fit. It changes nothing; what it found is a command for the job.

use std::sync::Arc;

use serde_json::Value;

use super::candidate::Candidate;
use super::inputs::{Fit, Task};
use super::model;
use super::ranking::{Assessment, Order, rank};
use crate::calls::Caller;
use crate::model::command::Command;
use crate::model::time::Span;

/// Agents that the model is asked about: a longer list costs more and adds only worse ones.
const SHORTLIST_MAX: usize = 5;
/// Agents for which the model is asked for inputs in one round.
const MAPPED_MAX: usize = 3;
/// The pause after the first round that found nobody; it doubles with each further one.
const PAUSE: Span = Span::from_secs(5);
/// What it doubles up to.
const PAUSE_MAX: Span = Span::from_secs(600);
/// Rounds after which nobody looks any more by himself, some six hours after the first.
const ROUNDS_MAX: u32 = 40;

/// What one round found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The agent and what it is told.
    pub chosen: Option<(String, Value)>,
    /// What was found about each agent, and by whose word one was taken.
    pub report: Value,
}

/// Looks for an agent. `key` is the same for every repetition of the round.
pub async fn search(caller: &Caller, key: &str, task: &Task, candidates: &[Candidate]) -> Found {
    let order = rank(task, candidates);
    let mut search = Search { caller, key, task, candidates, notes: Vec::new(), mapped: 0 };
    let shortlist = search.shortlist(&order).await;
    for agent in shortlist {
        if let Some(inputs) = search.inputs(agent).await {
            let report = order.report(Some(&agent.id), &search.notes);
            return Found { chosen: Some((agent.id.clone(), inputs)), report };
        }
    }
    Found { chosen: None, report: order.report(None, &search.notes) }
}

/// The pause after a round that found nobody; nothing when it was the last one.
pub fn pause_after(round: u32) -> Option<Span> {
    let doubled = PAUSE.0.saturating_mul(1 << round.saturating_sub(1).min(16));
    (round < ROUNDS_MAX).then_some(Span(doubled.min(PAUSE_MAX.0)))
}

impl Found {
    /// What the job is told.
    pub fn command(self, round: u32) -> Command {
        let report = Arc::new(self.report);
        match self.chosen {
            None => Command::FailMatching { round, report, again_after: pause_after(round) },
            Some((agent, inputs)) => {
                let reason = Some(format!("matched in round {round}"));
                Command::Assign { agent, inputs: Arc::new(inputs), reason, report: Some(report) }
            }
        }
    }
}

struct Search<'a> {
    caller: &'a Caller,
    key: &'a str,
    task: &'a Task,
    candidates: &'a [Candidate],
    notes: Vec<String>,
    mapped: usize,
}

impl Search<'_> {
    fn candidate(&self, id: &str) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.id == id)
    }

    /// Those that may be taken, in the order in which they are tried.
    async fn shortlist<'o>(&mut self, order: &'o Order) -> Vec<&'o Assessment> {
        let has_model = self.caller.has_judge();
        let may = |agent: &&Assessment| agent.suits() || (has_model && agent.wants_inputs);
        let mut list: Vec<&Assessment> =
            order.agents.iter().filter(may).take(SHORTLIST_MAX).collect();
        if !has_model || list.len() < 2 {
            return list;
        }
        let candidates: Vec<&Candidate> =
            list.iter().filter_map(|agent| self.candidate(&agent.id)).collect();
        match model::prefer(self.caller, self.key, self.task, &candidates).await {
            Ok(preference) => {
                let place =
                    |agent: &Assessment| preference.ids.iter().position(|id| *id == agent.id);
                list.sort_by_key(|agent| place(agent).unwrap_or(usize::MAX));
                self.notes.push(format!("the model put them in order: {}", preference.reason));
            }
            Err(reason) => {
                self.notes.push(format!("the score alone decides: of the model, {reason}"));
            }
        }
        list
    }

    /// What this agent is told; nothing when there is nothing that fits.
    async fn inputs(&mut self, agent: &Assessment) -> Option<Value> {
        let plain = match &agent.fit {
            Fit::AsGiven(inputs) => return Some(inputs.clone()),
            Fit::Composed(inputs) => Some(inputs.clone()),
            Fit::None(_) => None,
        };
        if !self.caller.has_judge() || self.mapped == MAPPED_MAX {
            return plain;
        }
        self.mapped += 1;
        let candidate = self.candidate(&agent.id)?;
        match model::inputs(self.caller, self.key, self.task, candidate).await {
            Ok(inputs) => {
                self.notes.push(format!("the model wrote the inputs of {}", agent.name));
                Some(inputs)
            }
            Err(reason) => {
                let instead = if plain.is_some() { "the job speaks for itself" } else { "none" };
                let name = &agent.name;
                self.notes.push(format!("inputs of {name}: {instead}; of the model, {reason}"));
                plain
            }
        }
    }
}
