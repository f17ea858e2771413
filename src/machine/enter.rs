//! The first step of a task: pure tasks are done at once, others say what they need from outside.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dsl::definition::{Case, Endpoint, ErrorTemplate, HttpCall, Task, TaskKind};
use crate::expr::Template;
use crate::machine::scratch::{Raised, Scratch};
use crate::model::cloud_event::CloudEvent;
use crate::model::event::{Data, Event};
use crate::model::id::{CommitId, FrameId};
use crate::model::job::WaitReason;
use crate::model::problem::{Kind, Problem};
use crate::model::uri_template;

impl Scratch<'_> {
    pub(super) fn enter(&mut self, id: FrameId) -> Raised<()> {
        let (frame, task) = self.task(id)?;
        let input = frame.input.clone();
        match &task.kind {
            TaskKind::Do { list } => {
                self.enter_scope(id, list, input, Vec::new(), None);
                Ok(())
            }
            TaskKind::Try { .. } => self.enter_try(id),
            TaskKind::Set { value } => {
                let output = self.render(value, &input, self.arguments(id, &[]))?;
                self.complete(id, output)
            }
            TaskKind::Switch { cases } => self.switch(id, task, cases, input),
            TaskKind::For { collection, .. } => {
                let items = self.evaluate(collection, &input, self.arguments(id, &[]))?;
                self.start_loop(id, items)
            }
            TaskKind::Fork { branches, compete } => self.fork(id, branches, *compete, &input),
            TaskKind::Raise { error } => Err(self.error_of(id, error, &input)?),
            TaskKind::Wait { duration } => {
                let span = self.span(duration, &input, self.arguments(id, &[]))?;
                let until = self.now().after(span);
                self.emit(Event::WaitStarted { frame: id, until, reason: WaitReason::Wait });
                Ok(())
            }
            TaskKind::Emit { event } => self.emit_event(id, event, &input),
            TaskKind::Listen(listen) => self.start_listening(id, listen),
            TaskKind::CallHttp(call) => {
                let arguments = self.http_arguments(id, call, &input)?;
                self.start_call(id, "http", arguments);
                Ok(())
            }
            TaskKind::Agent(call) => self.call_agent(id, call, &input),
            TaskKind::Evaluate(call) => self.evaluate_result(id, call, &input),
            TaskKind::WriteFiles { arguments } => {
                let arguments = self.render(arguments, &input, self.arguments(id, &[]))?;
                self.start_call(id, "write-files", arguments);
                Ok(())
            }
            TaskKind::Webhook { arguments } => {
                let arguments = self.render(arguments, &input, self.arguments(id, &[]))?;
                self.start_call(id, "webhook", arguments);
                Ok(())
            }
            TaskKind::Checkpoint(call) => self.open_checkpoint(id, call, &input),
            TaskKind::RunWorkflow { .. } => self.start_child(id, task, &input),
        }
    }

    fn switch(&mut self, id: FrameId, task: &Task, cases: &[Case], input: Data) -> Raised<()> {
        // "If not set, the case will be matched by default if no other case match"
        // (dsl-reference.md, Switch Case): the default counts last, wherever it stands.
        let default = cases.iter().find(|case| case.when.is_none());
        let mut then = default.map_or(&task.then, |case| &case.then);
        for case in cases {
            if let Some(when) = &case.when
                && self.holds(when, &input, self.arguments(id, &[]))?
            {
                then = &case.then;
                break;
            }
        }
        let then = then.clone();
        self.complete_then(id, input, then)
    }

    fn start_loop(&mut self, id: FrameId, items: Value) -> Raised<()> {
        let items = match items {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            other => {
                let kind = kind_of(&other);
                let detail = format!("`for.in` gave {kind}; it must give an array");
                return Err(Problem::new(Kind::Expression, detail));
            }
        };
        self.emit(Event::LoopStarted {
            frame: id,
            items: items.into_iter().map(Arc::new).collect(),
        });
        Ok(())
    }

    fn fork(
        &mut self,
        id: FrameId,
        branches: &Arc<str>,
        compete: bool,
        input: &Data,
    ) -> Raised<()> {
        let definition = self.setting.definition;
        let order: Vec<Arc<str>> =
            definition.lists.get(branches).map_or_else(Vec::new, |list| list.to_vec());
        self.emit(Event::Forked { frame: id, branches: order.len() as u32, compete });
        for reference in &order {
            // A branch whose input cannot be made ends the whole fork: then there is nothing to
            // start.
            if self.frame(id).is_none() {
                break;
            }
            self.start_task(id, reference, input);
        }
        Ok(())
    }

    fn error_of(&self, id: FrameId, error: &ErrorTemplate, input: &Data) -> Raised<Problem> {
        let arguments = self.arguments(id, &[]);
        let text = |template: &Option<Template>| match template {
            Some(template) => self.render_text(template, input, arguments).map(Some),
            None => Ok(None),
        };
        let status = self.render(&error.status, input, arguments)?;
        let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.ok_or_else(|| {
            Problem::new(
                Kind::Expression,
                "`raise.error.status` must be a whole number below 65536",
            )
        })?;
        Ok(Problem {
            kind: self.render_text(&error.kind, input, arguments)?,
            status,
            title: text(&error.title)?,
            detail: text(&error.detail)?,
            instance: text(&error.instance)?,
        })
    }

    fn emit_event(&mut self, id: FrameId, template: &Template, input: &Data) -> Raised<()> {
        let rendered = self.render(template, input, self.arguments(id, &[]))?;
        let Value::Object(given) = &*rendered else {
            return Err(Problem::new(Kind::Runtime, "`emit.event.with` must be an object"));
        };
        let mut event = Map::new();
        let identity = [self.job.id.to_string(), self.job.run_number.to_string(), id.to_string()];
        let parts: Vec<&str> = identity.iter().map(String::as_str).collect();
        event.insert("specversion".to_owned(), Value::from("1.0"));
        event.insert("id".to_owned(), Value::from(CommitId::derived(&parts).to_string()));
        event.insert("time".to_owned(), Value::from(self.now().to_rfc3339()));
        event.extend(given.clone());
        let event = CloudEvent::parse(Value::Object(event)).map_err(|bad| {
            Problem::new(Kind::Validation, format!("the event to emit is no CloudEvent: {bad}"))
        })?;
        self.emit(Event::EventEmitted { frame: id, event: event.clone() });
        self.complete(id, event.envelope().clone())
    }

    /// The rendered `with` of a call, with its endpoint resolved.
    fn http_arguments(&self, id: FrameId, call: &HttpCall, input: &Data) -> Raised<Data> {
        let arguments = self.arguments(id, &[]);
        let uri = match &call.endpoint {
            Endpoint::Template(template) => {
                uri_template::expand(template, input).map_err(|error| {
                    Problem::new(Kind::Expression, format!("the endpoint {template:?}: {error}"))
                })?
            }
            Endpoint::Expression(expression) => {
                match self.evaluate(expression, input, arguments)? {
                    Value::String(uri) => uri,
                    other => {
                        let kind = kind_of(&other);
                        let source = expression.source();
                        let detail = format!("the endpoint `{source}` gave {kind}, not a URI");
                        return Err(Problem::new(Kind::Expression, detail));
                    }
                }
            }
        };
        let rendered = self.render(&call.arguments, input, arguments)?;
        let mut with = match &*rendered {
            Value::Object(members) => members.clone(),
            _ => Map::new(),
        };
        with.insert("endpoint".to_owned(), Value::from(uri));
        Ok(Arc::new(Value::Object(with)))
    }

    pub(super) fn start_call(&mut self, id: FrameId, function: &str, arguments: Data) {
        let key = self.key_of(id);
        self.emit(Event::CallStarted {
            frame: id,
            attempt: 1,
            key,
            function: function.to_owned(),
            arguments,
        });
    }

    /// The stable key of a frame's effect: job, run, task, iteration, place in the run, and the
    /// mark of a store that was restored. What was done after the backup is forgotten here, but not
    /// by the services: the same place may stand for other content now.
    fn key_of(&self, id: FrameId) -> String {
        let key = self.place_of(id);
        match &self.setting.environment.key_mark {
            Some(mark) => format!("{key}/{mark}"),
            None => key,
        }
    }

    fn place_of(&self, id: FrameId) -> String {
        let (job, run) = (self.job.id, self.job.run_number);
        let Some(frame) = self.frame(id) else { return format!("{job}/{run}/{id}") };
        let iteration: Vec<String> = frame.iteration.iter().map(u32::to_string).collect();
        let iteration = if iteration.is_empty() { "-".to_owned() } else { iteration.join(".") };
        format!("{job}/{run}{}/{iteration}/{id}", frame.reference)
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
