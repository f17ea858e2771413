//! The order of the agents for one job, and for each of them what it has and what it lacks. Nobody
//! is left without a reason.

use serde_json::{Value, json};

use super::candidate::Candidate;
use super::inputs::{Fit, Task};
pub use super::score::Points;
use super::score::{COMPOSED_POINTS, account, words_of};

/// Points that an agent needs: one word in common, a schema that takes the job, a place and no bad
/// record come to more.
pub const THRESHOLD: u32 = 40;
/// Agents that a report names: the best ones.
const REPORTED_MAX: usize = 50;

/// One agent for one job.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The agent.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its points.
    pub points: Points,
    /// Where they come from.
    pub reasons: Vec<String>,
    /// Why it cannot be taken; empty when it can.
    pub lacks: Vec<String>,
    /// What it would be told.
    pub fit: Fit,
    /// Would it be taken if somebody else found inputs for it?
    pub wants_inputs: bool,
}

impl Assessment {
    /// Can it be taken?
    pub fn suits(&self) -> bool {
        self.lacks.is_empty()
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "score": self.points.total(),
            "points": self.points,
            "reasons": self.reasons,
            "lacks": self.lacks,
        })
    }
}

/// The agents for one job: those that suit, then those that do not, the better ones first.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// All of them.
    pub agents: Vec<Assessment>,
}

/// Puts the agents in order. The same facts always give the same order.
pub fn rank(task: &Task, candidates: &[Candidate]) -> Order {
    let wanted = words_of(task);
    let assess = |candidate: &Candidate| {
        let fit = task.fit(candidate);
        let mut account = account(candidate, &wanted, &fit);
        let total = account.points.total();
        // Somebody whose schema is served otherwise gets the points of a composed input.
        let would_suit = account.lacks_inputs_only && total + COMPOSED_POINTS >= THRESHOLD;
        if account.lacks.is_empty() && total < THRESHOLD {
            account.lacks.push(format!("its score {total} is below {THRESHOLD}"));
        }
        Assessment {
            id: candidate.id.clone(),
            name: candidate.name.clone(),
            points: account.points,
            reasons: account.reasons,
            lacks: account.lacks,
            fit,
            wants_inputs: would_suit,
        }
    };
    let mut agents: Vec<Assessment> = candidates.iter().map(assess).collect();
    agents.sort_by(|a, b| {
        let suits = b.suits().cmp(&a.suits());
        let score = b.points.total().cmp(&a.points.total());
        suits.then(score).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    });
    Order { agents }
}

impl Order {
    /// Those that suit, the best first.
    pub fn suiting(&self) -> impl Iterator<Item = &Assessment> {
        self.agents.iter().filter(|agent| agent.suits())
    }

    /// What is kept of the search: who was taken, by whose word, and what each agent lacks.
    pub fn report(&self, chosen: Option<&str>, notes: &[String]) -> Value {
        let named: Vec<Value> =
            self.agents.iter().take(REPORTED_MAX).map(Assessment::to_json).collect();
        let message = match (chosen, self.agents.len()) {
            (Some(_), _) => None,
            (None, 0) => Some("no agent is registered".to_owned()),
            (None, count) => Some(format!("none of {count} agents suits the job")),
        };
        json!({
            "chosen": chosen,
            "message": message,
            "threshold": THRESHOLD,
            "notes": notes,
            "agents": named,
            "more": self.agents.len().saturating_sub(REPORTED_MAX),
        })
    }
}
