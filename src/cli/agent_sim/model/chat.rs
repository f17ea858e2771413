//! Requests and answers of chat completions, as far as the scripts need them.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::agent_sim::answer::Answer;

/// Characters of a token, about.
const TOKEN_CHARS: usize = 4;

/// What is asked.
#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    response_format: Option<Value>,
}

/// One message.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) content: String,
}

impl Chat {
    /// `json_schema` or `json_object`, if a form of the answer is asked for.
    pub(super) fn form(&self) -> Option<&str> {
        self.response_format.as_ref()?.get("type")?.as_str()
    }
}

/// How a model ends its answer.
pub(super) enum End {
    Stop(String),
    Length(String),
    Refusal(String),
}

/// The answer of the protocol.
pub(super) fn completion(chat: &Chat, end: End) -> Answer {
    let (content, refusal, finish) = match end {
        End::Stop(text) => (Some(text), None, "stop"),
        End::Length(text) => (Some(text), None, "length"),
        End::Refusal(text) => (None, Some(text), "stop"),
    };
    let tokens = |text: &str| text.chars().count().div_ceil(TOKEN_CHARS);
    let prompt: usize = chat.messages.iter().map(|message| tokens(&message.content)).sum();
    let completion = content.as_deref().or(refusal.as_deref()).map_or(0, tokens);
    let message = json!({"role": "assistant", "content": content, "refusal": refusal});
    Answer::ok(json!({
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": chat.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }))
}

/// A form of the answer that this server does not know.
pub(super) fn unknown_form(form: &str) -> Answer {
    let message = format!("response_format of type {form} is not supported");
    Answer::json(
        StatusCode::BAD_REQUEST,
        json!({"error": {
            "message": message,
            "type": "invalid_request_error",
            "param": "response_format",
            "code": null,
        }}),
    )
}
