//! Points for one agent: whole numbers from what is known, so that the same facts always give the
//! same order. Every point has its reason in words.

use std::collections::BTreeSet;

use serde::Serialize;

use super::candidate::{Candidate, Opening, Record};
use super::inputs::{Fit, Task};
use super::words::words;

/// Points for a schema that takes the job's own input, and for one that takes what the job says of
/// itself.
const GIVEN_POINTS: u32 = 20;
pub(super) const COMPOSED_POINTS: u32 = 10;
/// Points for one, two, three, four and more words in common: the first says most.
const WORD_POINTS: [u32; 4] = [15, 25, 33, 40];
/// Points when every place is free.
const CAPACITY_POINTS: u32 = 20;
/// Points when every result was accepted. An agent without a record gets half of them.
const RECORD_POINTS: u128 = 20;
/// Words in common that are named.
const NAMED_MAX: usize = 8;
/// Violations of a schema that are named.
const VIOLATIONS_MAX: usize = 3;

/// Points by what they are for; 100 at most together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Points {
    /// The job's data fits its input schema.
    pub schema: u32,
    /// It speaks of the same things as the job.
    pub words: u32,
    /// It has places free.
    pub capacity: u32,
    /// Its results were accepted.
    pub record: u32,
}

impl Points {
    /// All together.
    pub fn total(&self) -> u32 {
        self.schema + self.words + self.capacity + self.record
    }
}

/// What speaks for an agent and what it lacks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Account {
    pub(super) points: Points,
    /// Where the points come from.
    pub(super) reasons: Vec<String>,
    /// Why it cannot be taken, whatever its points.
    pub(super) lacks: Vec<String>,
    /// Is the input schema all that it lacks?
    pub(super) lacks_inputs_only: bool,
}

/// Words of a task, once for all agents.
pub(super) fn words_of(task: &Task) -> BTreeSet<String> {
    words([task.name.as_str(), &task.description, &task.criteria])
}

/// Counts the points of one agent.
pub(super) fn account(candidate: &Candidate, wanted: &BTreeSet<String>, fit: &Fit) -> Account {
    let mut account = Account::default();
    account.count_words(candidate, wanted);
    account.count_places(candidate.opening);
    account.count_record(candidate.record);
    account.lacks_inputs_only = account.lacks.is_empty();
    account.count_schema(fit);
    account.lacks_inputs_only &= !account.lacks.is_empty();
    account
}

impl Account {
    fn count_schema(&mut self, fit: &Fit) {
        match fit {
            Fit::AsGiven(_) => {
                self.points.schema = GIVEN_POINTS;
                self.reasons.push("its input schema takes the job's input as it is".to_owned());
            }
            Fit::Composed(_) => {
                self.points.schema = COMPOSED_POINTS;
                self.reasons.push("its input schema takes what the job says of itself".to_owned());
            }
            Fit::None(violations) => {
                let named: Vec<&str> =
                    violations.iter().take(VIOLATIONS_MAX).map(String::as_str).collect();
                let text =
                    format!("nothing of the job fits its input schema: {}", named.join("; "));
                self.lacks.push(text);
            }
        }
    }

    fn count_words(&mut self, candidate: &Candidate, wanted: &BTreeSet<String>) {
        let texts = [candidate.name.as_str(), candidate.description.as_str()];
        let known = words(texts.into_iter().chain(candidate.tags.iter().map(String::as_str)));
        let common: Vec<&str> = known.intersection(wanted).map(String::as_str).collect();
        if common.is_empty() {
            self.lacks.push("it has no word in common with the job".to_owned());
            return;
        }
        self.points.words = WORD_POINTS[common.len().min(WORD_POINTS.len()) - 1];
        let named: Vec<&str> = common.iter().take(NAMED_MAX).copied().collect();
        let more = common.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.reasons.push(format!("words in common: {}{more}", named.join(", ")));
    }

    fn count_places(&mut self, opening: Opening) {
        let until = |until: Option<crate::model::time::Timestamp>| {
            until.map(|until| format!(" until {until}")).unwrap_or_default()
        };
        match opening {
            Opening::Inactive => self.lacks.push("it is inactive".to_owned()),
            Opening::CircuitOpen { until: at } => {
                self.lacks.push(format!("it did not answer lately and is left alone{}", until(at)));
            }
            Opening::Resting { until: at } => {
                self.lacks.push(format!("it takes no further call{}", until(at)));
            }
            Opening::Places { free: 0, all } => {
                self.lacks.push(format!("it is at capacity: all of its {all} places are taken"));
            }
            Opening::Places { free, all } => {
                let free = free.min(all);
                self.points.capacity = CAPACITY_POINTS * free / all.max(1);
                self.reasons.push(format!("{free} of its {all} places are free"));
            }
        }
    }

    /// As if one more had been accepted and one more rejected: few results say little.
    fn count_record(&mut self, record: Record) {
        let Record { accepted, rejected } = record;
        let all = u128::from(accepted) + u128::from(rejected);
        let share = RECORD_POINTS * (u128::from(accepted) + 1) / (all + 2);
        self.points.record = share as u32;
        self.reasons.push(match all {
            0 => "no verdict about its results is known".to_owned(),
            _ => format!("{accepted} of its {all} results were accepted"),
        });
    }
}
