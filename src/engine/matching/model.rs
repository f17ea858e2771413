//! The language model's part in matching: the order of a shortlist, and inputs for an agent. What
//! it answers is checked; whoever asks goes on without it when it gives no answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::candidate::Candidate;
use super::inputs::{Task, line};
use crate::calls::chat::fence::{fence, rules};
use crate::calls::{Caller, Question};

/// Most characters of a reason of the model that are kept.
const REASON_CHARS_MAX: usize = 500;

/// Agents in the model's order, with its reason.
pub(super) struct Preference {
    pub(super) ids: Vec<String>,
    pub(super) reason: String,
}

/// Asks for the order of these agents. The error says why there is none.
pub(super) async fn prefer(
    caller: &Caller,
    key: &str,
    task: &Task,
    shortlist: &[&Candidate],
) -> Result<Preference, String> {
    let candidates: Vec<Value> = shortlist
        .iter()
        .map(|candidate| {
            let Candidate { id, name, description, tags, .. } = candidate;
            json!({"id": id, "name": name, "description": description, "tags": tags})
        })
        .collect();
    let fenced = fence(key, &[("JOB", written(task)), ("CANDIDATES", pretty(&json!(candidates)))]);
    let system = format!(
        "You choose who is to do a job. {}\n\nThe block JOB says what is to be done, the block \
         CANDIDATES who could do it. Put the candidates in order, the most suitable one first, by \
         what they say they can do and by nothing else.\n\nAnswer with one JSON object and nothing \
         else. Its members, in this order: `reason`, one sentence; `ranking`, the list of the \
         `id`s.",
        rules(&fenced.mark)
    );
    let ids: Vec<&str> = shortlist.iter().map(|candidate| candidate.id.as_str()).collect();
    let schema =
        form("ranking", json!({"type": "array", "items": {"type": "string", "enum": ids}}));
    let question = Question { name: "ranking", system, user: fenced.text, schema };
    let answer = ask(caller, &question).await?;
    let ranking = answer.get("ranking").and_then(Value::as_array).ok_or("it named no order")?;
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    let mut preferred = Vec::new();
    for id in ranking {
        let id = id.as_str().filter(|id| known.contains(id)).ok_or("it named somebody else")?;
        if !preferred.iter().any(|known| known == id) {
            preferred.push(id.to_owned());
        }
    }
    if preferred.is_empty() {
        return Err("it named nobody".to_owned());
    }
    // Whom it left out comes last, in the order of the score.
    let left_out: Vec<String> = ids
        .iter()
        .filter(|id| !preferred.iter().any(|p| p == *id))
        .map(|id| (*id).to_owned())
        .collect();
    preferred.extend(left_out);
    Ok(Preference { ids: preferred, reason: reason(&answer) })
}

/// Asks for inputs of this agent. They fit its schema.
pub(super) async fn inputs(
    caller: &Caller,
    key: &str,
    task: &Task,
    candidate: &Candidate,
) -> Result<Value, String> {
    let blocks = [("JOB", written(task)), ("SCHEMA", pretty(&candidate.input_schema))];
    let fenced = fence(key, &blocks);
    let system = format!(
        "You prepare the inputs of a program that is to do a job. {}\n\nThe block JOB says what is \
         to be done, the block SCHEMA is the JSON Schema of the inputs. Write inputs that fit it, \
         only from what the job says: invent nothing.\n\nAnswer with one JSON object and nothing \
         else. Its members, in this order: `reason`, one sentence; `inputs`, a text that is the \
         inputs as JSON.",
        rules(&fenced.mark)
    );
    // As a text: a strict form cannot hold an object whose members are not known beforehand.
    let schema = form("inputs", json!({"type": "string"}));
    let question = Question { name: "inputs", system, user: fenced.text, schema };
    let answer = ask(caller, &question).await?;
    let inputs = match answer.get("inputs") {
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| "its inputs are no JSON".to_owned())?
        }
        Some(Value::Object(inputs)) => Value::Object(inputs.clone()),
        _ => return Err("it gave no inputs".to_owned()),
    };
    match candidate.input.violations(&inputs).first() {
        None => Ok(inputs),
        Some(violation) => Err(format!("its inputs do not fit: {}", line(violation))),
    }
}

async fn ask(caller: &Caller, question: &Question) -> Result<Map<String, Value>, String> {
    match caller.ask(question).await {
        None => Err("no model is configured".to_owned()),
        Some(Ok(told)) => Ok(told.answer),
        Some(Err(unavailable)) => Err(unavailable.reason),
    }
}

/// An answer with a reason and one more member, in the subset that strict servers take.
fn form(name: &str, member: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"reason": {"type": "string"}, name: member},
        "required": ["reason", name],
        "additionalProperties": false,
    })
}

fn reason(answer: &Map<String, Value>) -> String {
    let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default();
    reason.chars().take(REASON_CHARS_MAX).collect()
}

fn written(task: &Task) -> String {
    pretty(&json!({
        "name": task.name,
        "description": task.description,
        "acceptanceCriteria": task.criteria,
        "input": task.input,
    }))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
