//! From facts to figures. The whole journal of a job is read, because a verdict names no agent and
//! the end of a call not its begin; counted is only what was not counted before.

use std::collections::BTreeMap;

use serde_json::Value;

use super::figures::{Figures, Totals};
use crate::model::evaluation::Evaluation;
use crate::model::event::{Event, Outcome, Recorded};
use crate::model::id::FrameId;
use crate::model::time::Timestamp;

/// The function that calls an agent.
const AGENT: &str = "agent";

/// What is known of a job at some place of its journal.
#[derive(Default)]
pub(super) struct Story {
    assigned: Option<String>,
    /// Calls of agents that are under way: whose, and since when.
    calls: BTreeMap<FrameId, (String, Timestamp)>,
    /// Whose result is judged next.
    last: Option<String>,
    /// Was the last result not good enough?
    is_unsatisfied: bool,
    /// Times of calls that were counted, milliseconds.
    pub(super) times_ms: Vec<u64>,
}

/// Could this fact change a figure?
pub(super) fn is_counted(event: &Event) -> bool {
    match event {
        Event::CallStarted { function, .. } => function == AGENT,
        Event::CallSettled { .. } | Event::CallRetried { .. } | Event::Evaluated { .. } => true,
        _ => false,
    }
}

impl Story {
    /// Takes the next fact up; `counts`: and its figures.
    pub(super) fn tell(&mut self, fact: &Recorded, counts: bool, totals: &mut Totals) {
        match &*fact.event {
            Event::Assigned { agent, .. } => {
                self.assigned = Some(agent.clone());
                self.last = None;
            }
            Event::RunStarted { .. } => self.calls.clear(),
            Event::CallStarted { frame, attempt, function, arguments, .. } if function == AGENT => {
                let named = arguments.get(AGENT).and_then(Value::as_str).map(str::to_owned);
                let Some(agent) = named.or_else(|| self.assigned.clone()) else { return };
                if *attempt == 1 && std::mem::take(&mut self.is_unsatisfied) {
                    count(totals, counts, &agent, |figures| figures.resubmissions += 1);
                }
                self.calls.insert(*frame, (agent, fact.at));
            }
            Event::CallRetried { frame, .. } => {
                if let Some((agent, _)) = self.calls.get(frame) {
                    count(totals, counts, agent, |figures| figures.retries += 1);
                }
            }
            Event::CallSettled { frame, outcome, .. } => {
                let Some((agent, since)) = self.calls.remove(frame) else { return };
                self.settle(&agent, fact.at.since(since).0 / 1_000, outcome, counts, totals);
                self.last = Some(agent);
            }
            Event::Evaluated { evaluation, .. } => {
                self.is_unsatisfied = !evaluation.is_valid;
                if let Some(agent) = self.last.as_ref().or(self.assigned.as_ref()) {
                    count(totals, counts, agent, |figures| judge(figures, evaluation));
                }
            }
            _ => {}
        }
    }

    fn settle(
        &mut self,
        agent: &str,
        took_ms: u64,
        outcome: &Outcome,
        counts: bool,
        totals: &mut Totals,
    ) {
        let succeeded = matches!(outcome, Outcome::Succeeded(_));
        count(totals, counts, agent, |figures| {
            figures.calls += 1;
            match succeeded {
                true => figures.latency.add(took_ms),
                false => figures.failed_calls += 1,
            }
        });
        if counts && succeeded {
            self.times_ms.push(took_ms);
        }
    }
}

fn judge(figures: &mut Figures, evaluation: &Evaluation) {
    match evaluation.is_valid {
        true => figures.accepted += 1,
        false => figures.rejected += 1,
    }
    if let Some(judge) = &evaluation.judge {
        figures.input_tokens += judge.input_tokens;
        figures.output_tokens += judge.output_tokens;
        figures.cost_micros += judge.cost_micros.unwrap_or(0);
    }
}

fn count(totals: &mut Totals, counts: bool, agent: &str, with: impl FnOnce(&mut Figures)) {
    if counts {
        with(totals.agents.entry(agent.to_owned()).or_default());
    }
}
