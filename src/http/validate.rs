//! Checks of what the wire shapes cannot say: lengths, ranges and words. Every defect at once,
//! each by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::job::{NewAgentJob, NewJob};
use crate::api::problem::FieldError;
use crate::engine;
use crate::http::problem::ApiError;
use crate::model::id::ContentHash;
use crate::model::limits::{
    LABEL_BYTES_MAX, LABELS_MAX, NAME_BYTES_MAX, PRIORITY_MAX, TEXT_BYTES_MAX,
};
use crate::model::time::Timestamp;

/// The workflow of a job that names none.
const DEFAULT_JOB_TYPE: &str = "agent-task";
/// The priority of a job that names none.
const DEFAULT_PRIORITY: u8 = 5;
/// Rules of one job: a person reads them all.
const RULES_MAX: usize = 64;

/// Defects found so far.
#[derive(Default)]
pub struct Defects(Vec<FieldError>);

impl Defects {
    /// Notes that something is wrong at this place of the body.
    pub fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.0.push(FieldError::at(pointer, message));
    }

    /// Checks a text: not blank, and not longer than this.
    pub fn text(&mut self, pointer: &str, text: &str, bytes_max: usize) {
        if text.trim().is_empty() {
            self.add(pointer, "must not be empty");
        }
        self.length(pointer, text, bytes_max);
    }

    /// Checks that a text is not longer than this.
    pub fn length(&mut self, pointer: &str, text: &str, bytes_max: usize) {
        if text.len() > bytes_max {
            let message = format!("is {} bytes long; at most {bytes_max} are taken", text.len());
            self.add(pointer, message);
        }
    }

    /// The value, unless something was wrong.
    pub fn done<T>(self, value: T) -> Result<T, ApiError> {
        if self.0.is_empty() { Ok(value) } else { Err(ApiError::invalid(self.0)) }
    }

    fn priority(&mut self, priority: Option<u8>) -> u8 {
        let priority = priority.unwrap_or(DEFAULT_PRIORITY);
        if priority > PRIORITY_MAX {
            self.add("/priority", format!("must be from 0 to {PRIORITY_MAX}"));
        }
        priority
    }

    /// Checks the labels of a job.
    pub fn labels(&mut self, labels: &BTreeMap<String, String>) {
        if labels.len() > LABELS_MAX {
            self.add("/labels", format!("has {} labels; at most {LABELS_MAX}", labels.len()));
        }
        for (key, value) in labels {
            let pointer = format!("/labels/{}", key.replace('~', "~0").replace('/', "~1"));
            self.text(&pointer, key, LABEL_BYTES_MAX);
            self.length(&pointer, value, LABEL_BYTES_MAX);
        }
    }

    fn rules(&mut self, rules: &Value) {
        let Some(rules) = rules.as_array() else {
            return self.add("/acceptanceRules", "must be a list of rules");
        };
        if rules.len() > RULES_MAX {
            let message = format!("has {} rules; at most {RULES_MAX}", rules.len());
            self.add("/acceptanceRules", message);
        }
        for (index, rule) in rules.iter().enumerate().take(RULES_MAX) {
            self.rule(&format!("/acceptanceRules/{index}"), rule);
        }
    }

    fn rule(&mut self, pointer: &str, rule: &Value) {
        let Some(members) = rule.as_object() else {
            return self.add(pointer, "must be an object {name, when or schema, message}");
        };
        let known = ["name", "when", "schema", "message"];
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.add(&format!("{pointer}/{name}"), format!("unknown field `{name}`"));
        }
        for name in ["name", "when", "message"] {
            if members.get(name).is_some_and(|value| !value.is_string()) {
                self.add(&format!("{pointer}/{name}"), "must be a text");
            }
        }
        if !members.contains_key("name") {
            self.add(&format!("{pointer}/name"), "missing field `name`");
        }
        if members.contains_key("when") == members.contains_key("schema") {
            self.add(pointer, "must have either `when` or `schema`");
        }
    }
}

/// A job of `/api/jobs`, checked.
pub fn new_job(body: NewJob, owner: &str) -> Result<engine::NewJob, ApiError> {
    let mut defects = Defects::default();
    defects.text("/name", &body.name, NAME_BYTES_MAX);
    defects.text("/description", &body.description, TEXT_BYTES_MAX);
    defects.length("/acceptanceCriteria", &body.acceptance_criteria, TEXT_BYTES_MAX);
    let job_type = body.job_type.unwrap_or_else(|| DEFAULT_JOB_TYPE.to_owned());
    defects.text("/jobType", &job_type, NAME_BYTES_MAX);
    let rules = body.acceptance_rules.unwrap_or_else(|| Arc::new(json!([])));
    defects.rules(&rules);
    defects.labels(&body.labels);
    let priority = defects.priority(body.priority);
    let due_at = body.due_at.as_deref().and_then(|text| {
        let due_at = Timestamp::parse_rfc3339(text);
        if due_at.is_none() {
            defects.add("/dueAt", format!("{text:?} is no RFC 3339 time"));
        }
        due_at
    });
    defects.done(engine::NewJob {
        job_type,
        name: body.name,
        description: body.description,
        acceptance_criteria: body.acceptance_criteria,
        acceptance_rules: rules,
        input: body.input_data.unwrap_or_else(|| Arc::new(json!({}))),
        priority,
        labels: body.labels,
        owner: owner.to_owned(),
        due_at,
        auto_execute: body.auto_execute.unwrap_or(true),
    })
}

/// A job of `/api/agent-jobs`, checked. Its name is the first line of what is to be done.
pub fn new_agent_job(body: NewAgentJob, owner: &str) -> Result<engine::NewJob, ApiError> {
    let mut defects = Defects::default();
    defects.text("/jobType", &body.job_type, NAME_BYTES_MAX);
    defects.text("/taskDescription", &body.task_description, TEXT_BYTES_MAX);
    defects.labels(&body.labels);
    let priority = defects.priority(body.priority);
    defects.done(engine::NewJob {
        job_type: body.job_type,
        name: first_line(&body.task_description),
        description: body.task_description,
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: body.input_data.unwrap_or_else(|| Arc::new(json!({}))),
        priority,
        labels: body.labels,
        owner: owner.to_owned(),
        due_at: None,
        auto_execute: true,
    })
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().trim();
    let mut end = line.len().min(NAME_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default().to_owned()
}

/// A reason that must be given.
pub fn reason(pointer: &str, text: String) -> Result<String, ApiError> {
    let mut defects = Defects::default();
    defects.text(pointer, &text, TEXT_BYTES_MAX);
    defects.done(text)
}

/// A comment that may be given; a blank one counts as none.
pub fn comment(pointer: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let mut defects = Defects::default();
    defects.length(pointer, text.as_deref().unwrap_or_default(), TEXT_BYTES_MAX);
    defects.done(text.filter(|text| !text.trim().is_empty()))
}

/// A digest that may be given.
pub fn digest(text: Option<&str>) -> Result<Option<ContentHash>, ApiError> {
    let read = text.map(str::parse::<ContentHash>).transpose();
    read.map_err(|error| ApiError::invalid_at("/digest", error.to_string()))
}
