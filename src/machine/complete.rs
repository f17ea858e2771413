//! Tasks that begin and end well: the data flow of the standard from raw input to exported context,
//! and the way through a list.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{Export, Output, TaskKind};
use crate::machine::evaluate::{Arguments, check};
use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::event::{Data, Event};
use crate::model::id::FrameId;
use crate::model::job::{FrameState, Position, Then};
use crate::model::problem::{Kind, Problem};

impl Scratch<'_> {
    /// Begins a task inside a frame, unless its `if` says no.
    pub fn start_task(&mut self, parent: FrameId, reference: &Arc<str>, raw: &Data) {
        let Some(task) = self.setting.definition.tasks.get(reference) else {
            let detail = format!("the document has no task {reference}");
            return self.raise(parent, Problem::new(Kind::Runtime, detail));
        };
        let iteration = self.iteration_inside(parent);
        let now = self.now();
        let arguments = Arguments {
            raw_input: Some(raw),
            task: Some(task),
            started_at: Some(now),
            frame: Some(parent),
            ..Arguments::default()
        };
        let wanted = match &task.condition {
            Some(condition) => self.holds(condition, raw, arguments),
            None => Ok(true),
        };
        let begun = match wanted {
            Ok(false) => {
                let reference = reference.clone();
                return self.emit(Event::TaskSkipped { parent, reference, iteration });
            }
            Ok(true) => self.transform_input(task, raw, arguments),
            Err(problem) => Err(problem),
        };
        let (input, timeout_at, problem) = match begun {
            Ok((input, timeout_at)) => (input, timeout_at, None),
            Err(problem) => (None, None, Some(problem)),
        };
        let frame = FrameId(self.job.next_frame);
        self.emit(Event::TaskStarted {
            frame,
            parent,
            reference: reference.clone(),
            iteration,
            raw_input: raw.clone(),
            input,
            timeout_at,
        });
        if let Some(problem) = problem {
            self.raise(frame, problem);
        }
    }

    /// The transformed input when it differs from the raw one, and the time the task may take.
    fn transform_input(
        &self,
        task: &crate::dsl::definition::Task,
        raw: &Data,
        arguments: Arguments<'_>,
    ) -> Raised<(Option<Data>, Option<crate::model::time::Timestamp>)> {
        check(task.input.schema.as_ref(), raw, "the task's input")?;
        let input = match &task.input.from {
            Some(template) => Some(self.render(template, raw, arguments)?),
            None => None,
        };
        let seen = input.as_ref().unwrap_or(raw);
        let timeout_at = match &task.timeout {
            Some(timeout) => Some(self.now().after(self.span(
                timeout,
                seen,
                Arguments { input: Some(seen), ..arguments },
            )?)),
            None => None,
        };
        Ok((input, timeout_at))
    }

    /// Iteration indexes of tasks inside a frame.
    fn iteration_inside(&self, parent: FrameId) -> Vec<u32> {
        let Some(frame) = self.frame(parent) else { return Vec::new() };
        let mut iteration = frame.iteration.clone();
        match &frame.state {
            FrameState::Loop { index, .. } => iteration.push(*index),
            FrameState::Listen(listening) => iteration.push(listening.handled.len() as u32),
            _ => {}
        }
        iteration
    }

    /// A task's own work is done: its recorded output, or its input, goes on.
    pub fn finish(&mut self, id: FrameId) -> Raised<()> {
        let (frame, _) = self.task(id)?;
        let raw = frame.output.clone().unwrap_or_else(|| frame.input.clone());
        self.complete(id, raw)
    }

    /// A task ended well with this raw output.
    pub fn complete(&mut self, id: FrameId, raw: Data) -> Raised<()> {
        let then = self.task(id)?.1.then.clone();
        self.complete_then(id, raw, then)
    }

    /// The same, going where a `switch` says.
    pub fn complete_then(&mut self, id: FrameId, raw: Data, then: Then) -> Raised<()> {
        let (frame, task) = self.task(id)?;
        let recorded = frame.output.clone();
        let mut arguments = self.arguments(id, &[]);
        arguments.raw_output = Some(&raw);
        let (output, context) =
            self.transform_output(&task.output, &task.export, &raw, arguments)?;
        let known = recorded.is_some_and(|recorded| Arc::ptr_eq(&recorded, &output));
        self.emit(Event::TaskCompleted {
            frame: id,
            output: (!known).then(|| output.clone()),
            context,
            then: then.clone(),
        });
        if then == Then::End {
            self.end_run(&output);
        }
        Ok(())
    }

    /// `output.as`, its schema, `export.as`, its schema: in this order.
    pub fn transform_output(
        &self,
        output: &Output,
        export: &Export,
        raw: &Data,
        arguments: Arguments<'_>,
    ) -> Raised<(Data, Option<Data>)> {
        let transformed = match &output.transform {
            Some(template) => self.render(template, raw, arguments)?,
            None => raw.clone(),
        };
        check(output.schema.as_ref(), &transformed, "the task's output")?;
        weight::check(&transformed, "the task's output")?;
        let context = match &export.transform {
            Some(template) => {
                let arguments = Arguments { output: Some(&transformed), ..arguments };
                Some(self.render(template, &transformed, arguments)?)
            }
            None => None,
        };
        if let Some(context) = &context {
            check(export.schema.as_ref(), context, "the exported context")?;
            weight::check(context, "the exported context")?;
        }
        Ok((transformed, context))
    }

    /// Takes the next step in a frame's list: its next task, or its end.
    pub fn go_on_in_list(&mut self, id: FrameId) -> Raised<()> {
        let Some(scope) = self.frame(id).and_then(|frame| frame.scope.clone()) else {
            return Ok(());
        };
        let definition = self.setting.definition;
        let tasks = definition.lists.get(&scope.list).map_or(&[][..], |list| &list[..]);
        let next = match &scope.position {
            Position::In(_) => return Ok(()),
            Position::Start => tasks.first(),
            Position::After(_, Then::Exit | Then::End) => None,
            Position::After(last, Then::Continue) => {
                let place = tasks.iter().position(|task| task == last);
                place.and_then(|place| tasks.get(place + 1))
            }
            Position::After(_, Then::To(name)) => tasks
                .iter()
                .find(|task| definition.tasks.get(*task).is_some_and(|t| t.name == *name)),
        };
        match next {
            Some(reference) => {
                self.start_task(id, reference, &scope.data);
                Ok(())
            }
            None => self.leave_list(id, &scope.data),
        }
    }

    /// A frame's list is through, with this data.
    fn leave_list(&mut self, id: FrameId, data: &Data) -> Raised<()> {
        if id == ROOT {
            self.end_run(data);
            return Ok(());
        }
        match self.frame(id).map(|frame| &frame.state) {
            Some(FrameState::Loop { .. }) => self.next_iteration(id),
            Some(FrameState::Listen(_)) => self.item_handled(id, data),
            _ => self.complete(id, data.clone()),
        }
    }

    /// Starts a loop's next round on the data of the last one, or ends the loop.
    pub fn next_iteration(&mut self, id: FrameId) -> Raised<()> {
        let (frame, task) = self.task(id)?;
        let (TaskKind::For { each, at, condition, list, .. }, FrameState::Loop { items, index }) =
            (&task.kind, &frame.state)
        else {
            return Err(Problem::new(Kind::Runtime, "the task is no loop"));
        };
        let (next, data) = match &frame.scope {
            Some(scope) => (index.saturating_add(1), scope.data.clone()),
            None => (0, frame.input.clone()),
        };
        let item = items.get(next as usize).cloned();
        let Some(item) = item else { return self.complete(id, data) };
        let variables = vec![(each.clone(), item), (at.clone(), Arc::new(Value::from(next)))];
        if let Some(condition) = condition {
            let arguments = self.arguments(id, &variables);
            if !self.holds(condition, &data, arguments)? {
                return self.complete(id, data);
            }
        }
        self.emit(Event::ScopeEntered {
            frame: id,
            list: list.clone(),
            data,
            iteration: Some(next),
            variables,
            timeout_at: None,
        });
        Ok(())
    }

    /// A fork's branches are through (or the first one is).
    pub fn join(&mut self, id: FrameId) -> Raised<()> {
        let (frame, task) = self.task(id)?;
        let (TaskKind::Fork { branches, .. }, FrameState::Fork { compete, outputs, .. }) =
            (&task.kind, &frame.state)
        else {
            return Err(Problem::new(Kind::Runtime, "the task is no fork"));
        };
        let order = self.setting.definition.lists.get(branches).map_or(&[][..], |list| &list[..]);
        let mut ended = order.iter().filter_map(|reference| outputs.get(reference));
        let output = if *compete {
            ended.next().unwrap_or(&frame.input).clone()
        } else {
            Arc::new(Value::Array(ended.map(|output| (**output).clone()).collect()))
        };
        self.cancel_inside(id, "another branch was first");
        self.complete(id, output)
    }
}
