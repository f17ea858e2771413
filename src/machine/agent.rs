//! A call of an agent: who does the work, with what, and what was wrong the last time. Where the
//! agent is and with which credentials it is called is unknown here.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dsl::definition::AgentCall;
use crate::machine::enter::kind_of;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::event::Data;
use crate::model::id::FrameId;
use crate::model::limits::{FEEDBACK_BYTES_MAX, FEEDBACK_MAX};
use crate::model::problem::{Kind, Problem};
use crate::model::time::Span;

impl Scratch<'_> {
    pub(super) fn call_agent(&mut self, id: FrameId, call: &AgentCall, input: &Data) -> Raised<()> {
        let arguments = self.arguments(id, &[]);
        let named = match &call.agent {
            Some(template) => Some(self.render(template, input, arguments)?),
            None => None,
        };
        let (agent, assigned) = match &named {
            Some(named) => (name_of(named)?, None),
            None => (self.assigned_agent()?, self.job.agent_inputs.clone()),
        };
        let given = match &call.input {
            Some(template) => self.render(template, input, arguments)?,
            None => assigned.unwrap_or_else(|| input.clone()),
        };
        let feedback = match &call.feedback {
            Some(template) => texts(&*self.render(template, input, arguments)?)?,
            None => self.job.feedback.clone(),
        };
        let mut with = Map::new();
        with.insert("agent".to_owned(), Value::from(agent));
        with.insert("input".to_owned(), (*given).clone());
        with.insert("feedback".to_owned(), Value::from(feedback));
        if let Some(timeout) = &call.timeout {
            let span = self.span(timeout, input, arguments)?;
            with.insert("timeout".to_owned(), Value::from(iso8601(span)));
        }
        let with = Value::Object(with);
        weight::check(&with, "what the agent is given")?;
        self.start_call(id, "agent", Arc::new(with));
        Ok(())
    }

    fn assigned_agent(&self) -> Raised<String> {
        self.job.agent.clone().ok_or_else(|| {
            let detail = "the task names no agent and the job has none; assign one, or write \
                          `with.agent`";
            Problem::new(Kind::Configuration, detail)
        })
    }
}

fn name_of(value: &Value) -> Raised<String> {
    match value {
        Value::String(name) if !name.is_empty() => Ok(name.clone()),
        other => {
            let detail = format!("`agent` gave {}, not the id or name of one", kind_of(other));
            Err(Problem::new(Kind::Expression, detail))
        }
    }
}

/// Reasons as texts: a list of them, one alone, or null for none. The newest are kept.
fn texts(value: &Value) -> Raised<Vec<String>> {
    let wrong = |value: &Value| {
        let detail = format!("`feedback` has {}; it must be a list of texts", kind_of(value));
        Problem::new(Kind::Expression, detail)
    };
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list.as_slice(),
        Value::String(_) => std::slice::from_ref(value),
        other => return Err(wrong(other)),
    };
    let newest = list.get(list.len().saturating_sub(FEEDBACK_MAX)..).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => {
            let end = text.floor_char_boundary(FEEDBACK_BYTES_MAX);
            Ok(text.get(..end).unwrap_or(text).to_owned())
        }
        other => Err(wrong(other)),
    };
    newest.iter().map(text).collect()
}

/// A span as the standard writes durations.
fn iso8601(span: Span) -> String {
    let (seconds, micros) = (span.0 / 1_000_000, span.0 % 1_000_000);
    match micros {
        0 => format!("PT{seconds}S"),
        _ => format!("PT{seconds}.{micros:06}S"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::parse_duration;

    #[test]
    fn spans_are_read_back_as_they_were() {
        for micros in [0, 1, 500_000, 1_000_000, 90_000_001, 36_525 * 86_400 * 1_000_000] {
            let text = iso8601(Span(micros));
            assert_eq!(parse_duration(&text), Some(Span(micros)), "{text}");
        }
    }
}
