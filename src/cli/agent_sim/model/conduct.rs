//! The scripts of the models, by name. The plain one judges by words: a result is good when it
//! holds every word of the criteria, unless something outside the fence orders otherwise.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use serde_json::{Value, json};

use super::chat::{Chat, End, completion, unknown_form};
use super::obedience::orders_a_pass;
use super::prompt::Prompt;
use crate::cli::agent_sim::answer::Answer;
use crate::cli::agent_sim::request::Received;
use crate::cli::agent_sim::server::Shared;

/// Where the models are.
pub(in crate::cli::agent_sim) const PATH: &str = "/v1/chat/completions";
/// How long a slow model takes, ms.
const SLOW_MS: u64 = 30_000;
/// What a server that is asked too often sends, seconds: an hour, which nobody is to sleep.
const RETRY_AFTER_S: &str = "3600";
/// Shortest word of the criteria that counts.
const WORD_CHARS_MIN: usize = 3;
/// Words of criteria that say nothing about the result.
const FILLERS: &[&str] = &[
    "and", "contain", "contains", "has", "have", "must", "name", "names", "result", "text", "that",
    "the", "with",
];

/// What the model answers.
pub(in crate::cli::agent_sim) async fn answer(shared: &Shared, request: &Received) -> Answer {
    let chat: Chat = match serde_json::from_slice(&request.body) {
        Ok(chat) => chat,
        Err(error) => return Answer::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let stop = |text: String| completion(&chat, End::Stop(text));
    let prompt = Prompt::read(&chat.messages);
    let (name, setting) = chat.model.split_once(':').unwrap_or((&chat.model, ""));
    match (name, chat.form()) {
        ("no-schema", Some(form @ "json_schema")) => return unknown_form(form),
        ("no-format", Some(form)) => return unknown_form(form),
        _ => {}
    }
    match name {
        "obeys-fence" | "no-schema" => stop(said(&prompt)),
        "no-format" => stop(format!("```json\n{}\n```", said(&prompt))),
        "parrots" => stop(format!("It says: {}\n{}", prompt.block("RESULT"), said(&prompt))),
        "wavers" => {
            let times = shared.memory.try_again(("wavers".to_owned(), prompt.outside.clone()));
            let text = match times % 3 {
                0 => verdict(false, "this time it does not convince"),
                _ => said(&prompt),
            };
            stop(text)
        }
        "ranks-reversed" => stop(ranking(&prompt, true)),
        "ranks-unknown" => stop(json!({"reason": "a guess", "ranking": ["nobody"]}).to_string()),
        "garbage" => stop("I would say it is rather good, all in all.".to_owned()),
        "empty" => Answer::ok(json!({"id": "chatcmpl-scripted", "choices": []})),
        "refuses" => completion(&chat, End::Refusal("I cannot help with that.".to_owned())),
        "truncated" => {
            let text: String = said(&prompt).chars().take(WORD_CHARS_MIN * 4).collect();
            completion(&chat, End::Length(text))
        }
        "slow" => {
            let took = setting.parse().unwrap_or(SLOW_MS);
            tokio::time::sleep(Duration::from_millis(took)).await;
            stop(said(&prompt))
        }
        "rate-limited" => Answer::error(StatusCode::TOO_MANY_REQUESTS, "too many requests")
            .with(RETRY_AFTER, RETRY_AFTER_S),
        "down" => Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the model is down"),
        "unauthorized" => Answer::error(StatusCode::UNAUTHORIZED, "the key is wrong"),
        _ => Answer::error(StatusCode::NOT_FOUND, "there is no such model"),
    }
}

/// What the plain model says: a verdict, an order of candidates, or inputs.
fn said(prompt: &Prompt) -> String {
    if !prompt.block("CANDIDATES").is_empty() {
        return ranking(prompt, false);
    }
    if !prompt.block("SCHEMA").is_empty() {
        return inputs(prompt);
    }
    if orders_a_pass(&prompt.outside) {
        return verdict(true, "as I was told");
    }
    let result = prompt.block("RESULT").to_lowercase();
    let criteria = prompt.block("CRITERIA").to_lowercase();
    let words = criteria.split(|c: char| !c.is_alphanumeric());
    let missing: Vec<&str> = words
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN && !FILLERS.contains(word))
        .filter(|word| !result.contains(word))
        .collect();
    match missing.is_empty() {
        true => verdict(true, "the result holds every word of the criteria"),
        false => verdict(false, &format!("the result lacks: {}", missing.join(", "))),
    }
}

fn verdict(good: bool, reason: &str) -> String {
    json!({"reason": reason, "verdict": if good { "pass" } else { "fail" }}).to_string()
}

/// The candidates in their order, or in the other one.
fn ranking(prompt: &Prompt, reversed: bool) -> String {
    let candidates: Value = serde_json::from_str(prompt.block("CANDIDATES")).unwrap_or_default();
    let candidates = candidates.as_array().into_iter().flatten();
    let mut ids: Vec<&Value> = candidates.filter_map(|candidate| candidate.get("id")).collect();
    if reversed {
        ids.reverse();
    }
    json!({"reason": "by script", "ranking": ids}).to_string()
}

/// A text for each property that the schema names.
fn inputs(prompt: &Prompt) -> String {
    let schema: Value = serde_json::from_str(prompt.block("SCHEMA")).unwrap_or_default();
    let names = schema.get("properties").and_then(Value::as_object);
    let inputs: serde_json::Map<String, Value> = names
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .map(|name| (name.clone(), json!("from the model")))
        .collect();
    json!({"reason": "by script", "inputs": Value::Object(inputs).to_string()}).to_string()
}
