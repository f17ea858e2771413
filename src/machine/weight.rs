//! The weight of a value in bytes of JSON, without writing it. What is too heavy for an event is a
//! fault that says so.

use serde_json::Value;

use crate::machine::scratch::Raised;
use crate::model::event::{Data, Event, Outcome};
use crate::model::job::{Frame, FrameState, Job};
use crate::model::limits::{EVENT_BYTES_MAX, STATE_BYTES_MAX};
use crate::model::problem::{Kind, Problem};

/// About how many bytes the value takes as JSON.
pub(super) fn of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(name, value)| name.len() + 4 + of(value)).sum::<usize>()
        }
    }
}

/// Refuses a value that no event could hold.
pub(super) fn check(value: &Value, what: &str) -> Raised<()> {
    let bytes = of(value);
    if bytes <= EVENT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("{what} takes {bytes} bytes; the most that is kept is {EVENT_BYTES_MAX}");
    Err(Problem::new(Kind::Runtime, detail))
}

/// About how many bytes of data a fact brings into the state.
pub(super) fn of_event(event: &Event) -> usize {
    match event {
        Event::TaskStarted { raw_input, input, .. } => {
            of(raw_input) + of(input.as_ref().unwrap_or(raw_input))
        }
        Event::ScopeEntered { data, .. } => of(data),
        Event::LoopStarted { items, .. } => items.iter().map(|item| of(item)).sum(),
        Event::TaskCompleted { output, context, .. } => {
            [output, context].into_iter().flatten().map(|value| of(value)).sum()
        }
        Event::CallStarted { arguments, .. } => of(arguments),
        Event::CallSettled { outcome: Outcome::Succeeded(output), .. }
        | Event::ChildSettled { outcome: Outcome::Succeeded(output), .. }
        | Event::ItemHandled { output, .. } => of(output),
        Event::RulesChecked { result, .. } => result.as_ref().map_or(0, |result| of(result)),
        Event::CheckpointOpened { checkpoint, .. } => of(&checkpoint.shown),
        Event::Edited { shown, .. } => of(shown),
        _ => 0,
    }
}

/// Refuses a job whose state is larger than what is kept of one.
pub(super) fn check_job(job: &Job) -> Raised<()> {
    let shown: usize = job.checkpoints.values().map(|row| of(&row.shown)).sum();
    let run = job
        .run
        .as_ref()
        .map_or(0, |run| of(&run.context) + run.frames.values().map(of_frame).sum::<usize>());
    let bytes = shown + run;
    if bytes <= STATE_BYTES_MAX {
        return Ok(());
    }
    let detail = format!(
        "the job keeps {bytes} bytes for this task and those around it; \
         the most that is kept is {STATE_BYTES_MAX}"
    );
    Err(Problem::new(Kind::Runtime, detail))
}

fn of_frame(frame: &Frame) -> usize {
    let all = |values: &[Data]| values.iter().map(|value| of(value)).sum::<usize>();
    let state = match &frame.state {
        FrameState::Loop { items, .. } => all(items),
        FrameState::Fork { outputs, .. } => outputs.values().map(|value| of(value)).sum(),
        FrameState::Call { arguments, .. } => of(arguments),
        FrameState::Child { input, .. } => of(input),
        FrameState::Listen(listening) => {
            let consumed: usize = listening.consumed.iter().map(|(_, item)| of(item)).sum();
            consumed + all(&listening.handled)
        }
        _ => 0,
    };
    let variables: usize = frame.variables.iter().map(|(_, value)| of(value)).sum();
    let scope = frame.scope.as_ref().map_or(0, |scope| of(&scope.data));
    let output = frame.output.as_ref().map_or(0, |output| of(output));
    let evaluating = frame.evaluating.as_ref().map_or(0, |known| of(&known.result));
    of(&frame.raw_input) + of(&frame.input) + scope + output + variables + state + evaluating
}
