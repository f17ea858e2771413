//! Forms of an answer. Servers that call themselves compatible know different ones, so a question
//! starts with the strictest form that the server was not yet seen to refuse.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use super::question::Question;

/// How the form of an answer is asked for, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// A JSON Schema that the server enforces.
    Schema,
    /// Some JSON object.
    Object,
    /// The prompt alone says it.
    Text,
}

impl Form {
    /// The next one that asks less of the server.
    pub(super) fn weaker(self) -> Option<Self> {
        match self {
            Self::Schema => Some(Self::Object),
            Self::Object => Some(Self::Text),
            Self::Text => None,
        }
    }

    /// The `response_format` of a request.
    pub(super) fn format(self, question: &Question) -> Option<Value> {
        match self {
            Self::Schema => Some(json!({
                "type": "json_schema",
                "json_schema": {
                    "name": question.name,
                    "strict": true,
                    "schema": question.schema,
                },
            })),
            Self::Object => Some(json!({"type": "json_object"})),
            Self::Text => None,
        }
    }
}

/// The strictest form that worked with this server. Forgotten with the process: servers learn.
pub(super) struct Known(AtomicU8);

impl Known {
    pub(super) fn nothing() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(super) fn strictest(&self) -> Form {
        match self.0.load(Ordering::Relaxed) {
            0 => Form::Schema,
            1 => Form::Object,
            _ => Form::Text,
        }
    }

    pub(super) fn works(&self, form: Form) {
        self.0.store(form as u8, Ordering::Relaxed);
    }
}
