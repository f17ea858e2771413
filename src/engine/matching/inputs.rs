//! What an agent is told about a job: the job's own input when it fits the agent's schema, else
//! what the job says of itself, as far as the schema has a place for it.

use serde_json::{Map, Value};

use super::candidate::Candidate;
use crate::dsl::schema::Violation;
use crate::model::job::JobSpec;

/// What a job says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// One line.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// When the result is good enough.
    pub criteria: String,
    /// The input that came with the job; null when there is none.
    pub input: Value,
}

/// What the agent would be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// The input of the job, as it came.
    AsGiven(Value),
    /// What the job says of itself.
    Composed(Value),
    /// Nothing that fits; why.
    None(Vec<String>),
}

impl Task {
    /// The task of a job.
    pub fn of(spec: &JobSpec) -> Self {
        Self {
            name: spec.name.clone(),
            description: spec.description.clone(),
            criteria: spec.acceptance_criteria.clone(),
            input: (*spec.input).clone(),
        }
    }

    /// What this agent would be told.
    pub fn fit(&self, candidate: &Candidate) -> Fit {
        if self.has_input() && candidate.input.violations(&self.input).is_empty() {
            return Fit::AsGiven(self.input.clone());
        }
        let composed = self.composed(&candidate.input_schema);
        let violations = candidate.input.violations(&composed);
        match violations.is_empty() {
            true => Fit::Composed(composed),
            false => Fit::None(violations.iter().map(line).collect()),
        }
    }

    /// Did anything come with the job?
    fn has_input(&self) -> bool {
        match &self.input {
            Value::Null => false,
            Value::Object(members) => !members.is_empty(),
            _ => true,
        }
    }

    /// What the job says of itself, under the names that agents commonly have for it. The members
    /// of its own input win. A schema that names properties gets no others.
    fn composed(&self, schema: &Value) -> Value {
        let text = |text: &str| Value::String(text.to_owned());
        let mut members = Map::new();
        let said = [
            ("task", &self.name),
            ("name", &self.name),
            ("description", &self.description),
            ("acceptanceCriteria", &self.criteria),
        ];
        for (name, value) in said.into_iter().filter(|(_, value)| !value.is_empty()) {
            members.insert(name.to_owned(), text(value));
        }
        if self.has_input() {
            members.insert("input".to_owned(), self.input.clone());
        }
        let own = self.input.as_object().cloned().unwrap_or_default();
        match schema.get("properties").and_then(Value::as_object).filter(|known| !known.is_empty())
        {
            Some(known) => {
                members.extend(own);
                members.retain(|name, _| known.contains_key(name));
            }
            // `task` says it already.
            None => drop(members.remove("name")),
        }
        Value::Object(members)
    }
}

/// A violation on one line.
pub(super) fn line(violation: &Violation) -> String {
    match violation.pointer.as_str() {
        "" => violation.message.clone(),
        pointer => format!("{pointer}: {}", violation.message),
    }
}
