//! Evaluation of a document's expressions with the arguments that the standard gives them (dsl.md,
//! "Runtime expression arguments"). A failing expression is an `expression` error of its task.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::dsl::definition::{DurationSpec, Task};
use crate::dsl::schema::Schema;
use crate::expr::{Expression, ExpressionError, Template, Variables};
use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::event::Data;
use crate::model::id::FrameId;
use crate::model::problem::{Kind, Problem};
use crate::model::time::{Span, Timestamp};

/// Arguments of one evaluation, beside the variables of the frames around it.
#[derive(Clone, Copy, Default)]
pub(super) struct Arguments<'a> {
    /// `$input`: the task's transformed input.
    pub input: Option<&'a Data>,
    /// `$output`: the task's transformed output.
    pub output: Option<&'a Data>,
    /// The task's raw input, for `$task.input`.
    pub raw_input: Option<&'a Data>,
    /// The task's raw output, for `$task.output`.
    pub raw_output: Option<&'a Data>,
    /// The task.
    pub task: Option<&'a Task>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// The frame whose variables it sees, with those of all around it.
    pub frame: Option<FrameId>,
    /// Variables that are bound for this evaluation alone.
    pub bound: &'a [(String, Data)],
}

impl Scratch<'_> {
    /// The arguments of a frame's own task.
    pub fn arguments<'b>(&'b self, id: FrameId, bound: &'b [(String, Data)]) -> Arguments<'b> {
        let frame = self.frame(id);
        Arguments {
            input: frame.map(|frame| &frame.input),
            raw_input: frame.map(|frame| &frame.raw_input),
            raw_output: frame.and_then(|frame| frame.output.as_ref()),
            task: frame.and_then(|frame| {
                self.setting.definition.tasks.get(&frame.reference).map(|task| &**task)
            }),
            started_at: frame.map(|frame| frame.started_at),
            frame: Some(id),
            output: None,
            bound,
        }
    }

    pub fn evaluate(
        &self,
        expression: &Expression,
        on: &Value,
        arguments: Arguments<'_>,
    ) -> Raised<Value> {
        let variables = self.variables(&Wanted::of(expression.source()), arguments);
        expression.evaluate(on, &variables).map_err(failed)
    }

    pub fn holds(
        &self,
        expression: &Expression,
        on: &Value,
        arguments: Arguments<'_>,
    ) -> Raised<bool> {
        let variables = self.variables(&Wanted::of(expression.source()), arguments);
        expression.is_true(on, &variables).map_err(failed)
    }

    pub fn render(&self, template: &Template, on: &Data, arguments: Arguments<'_>) -> Raised<Data> {
        if let Template::Literal(value) = template {
            return Ok(value.clone());
        }
        let mut wanted = Wanted::default();
        wanted.add(template);
        let variables = self.variables(&wanted, arguments);
        let value = template.evaluate(on, &variables).map_err(failed)?;
        // Each expression has a limit of its own, their sum has not.
        weight::check(&value, "what the expressions give")?;
        Ok(Arc::new(value))
    }

    /// The same as text; other values as their JSON.
    pub fn render_text(
        &self,
        template: &Template,
        on: &Data,
        arguments: Arguments<'_>,
    ) -> Raised<String> {
        Ok(match &*self.render(template, on, arguments)? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    pub fn span(
        &self,
        duration: &DurationSpec,
        on: &Value,
        arguments: Arguments<'_>,
    ) -> Raised<Span> {
        match duration {
            DurationSpec::Fixed(span) => Ok(*span),
            DurationSpec::Expression(expression) => {
                let value = self.evaluate(expression, on, arguments)?;
                let span = value.as_str().and_then(crate::dsl::parse_duration);
                span.ok_or_else(|| {
                    let source = expression.source();
                    Problem::new(
                        Kind::Expression,
                        format!("`{source}` gave {value}, which is no ISO 8601 duration"),
                    )
                })
            }
        }
    }

    fn variables(&self, wanted: &Wanted, arguments: Arguments<'_>) -> Variables {
        let mut variables = Variables::default();
        for ancestor in self.ancestry(arguments.frame) {
            for (name, value) in ancestor {
                variables.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in arguments.bound {
            variables.insert(name.clone(), value.clone());
        }
        if let Some(run) = self.run() {
            variables.insert("context", run.context.clone());
        }
        if let Some(input) = arguments.input {
            variables.insert("input", input.clone());
        }
        if let Some(output) = arguments.output {
            variables.insert("output", output.clone());
        }
        variables.insert("secrets", self.setting.environment.secrets.clone());
        variables.insert("runtime", self.setting.environment.runtime.clone());
        if wanted.task {
            variables.insert("task", Arc::new(task_descriptor(arguments)));
        }
        if wanted.workflow {
            variables.insert("workflow", Arc::new(self.workflow_descriptor()));
        }
        if wanted.authorization {
            variables.insert("authorization", Arc::new(Value::Null));
        }
        variables
    }

    /// Variables of the frames around one, outermost first.
    fn ancestry(&self, from: Option<FrameId>) -> Vec<&[(String, Data)]> {
        let mut found = Vec::new();
        let mut next = from;
        while let Some(id) = next {
            let Some(frame) = self.frame(id) else { break };
            found.push(&frame.variables[..]);
            next = (id != ROOT).then_some(frame.parent);
        }
        found.reverse();
        found
    }

    fn workflow_descriptor(&self) -> Value {
        let started_at = self.run().map_or(self.now(), |run| run.started_at);
        json!({
            "id": self.job.id,
            "definition": *self.setting.definition.document,
            "input": *self.job.spec.input,
            "startedAt": date_time(started_at),
        })
    }
}

/// Which of the descriptors that are costly to build a template names.
#[derive(Default)]
struct Wanted {
    task: bool,
    workflow: bool,
    authorization: bool,
}

impl Wanted {
    fn of(source: &str) -> Self {
        Self {
            task: source.contains("$task"),
            workflow: source.contains("$workflow"),
            authorization: source.contains("$authorization"),
        }
    }

    fn add(&mut self, template: &Template) {
        match template {
            Template::Literal(_) => {}
            Template::Expression(expression) => {
                let more = Wanted::of(expression.source());
                self.task |= more.task;
                self.workflow |= more.workflow;
                self.authorization |= more.authorization;
            }
            Template::Array(items) => items.iter().for_each(|item| self.add(item)),
            Template::Object(members) => members.iter().for_each(|(_, value)| self.add(value)),
        }
    }
}

fn task_descriptor(arguments: Arguments<'_>) -> Value {
    let value = |data: Option<&Data>| data.map_or(Value::Null, |data| (**data).clone());
    json!({
        "name": arguments.task.map(|task| task.name.as_str()),
        "reference": arguments.task.map(|task| &*task.reference),
        "definition": arguments.task.map(|task| (*task.source).clone()),
        "input": value(arguments.raw_input),
        "output": value(arguments.raw_output),
        "startedAt": arguments.started_at.map(date_time),
    })
}

/// A date and time as the standard describes it.
fn date_time(at: Timestamp) -> Value {
    json!({
        "iso8601": at.to_rfc3339(),
        "epoch": { "seconds": at.as_millis().div_euclid(1_000), "milliseconds": at.as_millis() },
    })
}

fn failed(error: ExpressionError) -> Problem {
    Problem::new(Kind::Expression, error.to_string())
}

/// Every violation of a schema, as one `validation` error.
pub(super) fn check(schema: Option<&Schema>, value: &Value, what: &str) -> Raised<()> {
    let Some(schema) = schema else { return Ok(()) };
    let violations = schema.violations(value);
    if violations.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", pointer(&violation.pointer), violation.message))
        .collect();
    Err(Problem::new(
        Kind::Validation,
        format!("{what} does not fit its schema: {}", list.join("; ")),
    ))
}

fn pointer(pointer: &str) -> &str {
    if pointer.is_empty() { "/" } else { pointer }
}
