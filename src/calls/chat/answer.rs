//! What a model answered, taken apart. Only a whole, complete JSON object counts as an answer.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::options::ChatOptions;
use super::unavailable::Unavailable;

/// An answer in some JSON form; whether it is the form that was asked for is for the asker to see.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The object that was answered.
    pub answer: Map<String, Value>,
    /// The text of that object, in which the order of the members can be seen.
    pub text: String,
    /// The model, as it names itself.
    pub model: String,
    /// What it took.
    pub usage: Usage,
}

/// What one answer or several took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompts.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// What they cost, in millionths of the currency; none when a price is not known.
    pub cost_micros: Option<u64>,
}

impl Usage {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        let cost = self.cost_micros.zip(other.cost_micros);
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micros: cost.map(|(one, other)| one.saturating_add(other)),
        }
    }
}

/// The body of a chat completion, as far as it is needed: compatible servers leave out the rest.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Completion {
    /// The answer in it, if there is a whole one.
    pub(super) fn told(self, options: &ChatOptions) -> Result<Told, Unavailable> {
        let tokens = self.usage.unwrap_or_default();
        let costs = [
            options.input_price.of(tokens.prompt_tokens),
            options.output_price.of(tokens.completion_tokens),
        ];
        let usage = Usage {
            input_tokens: tokens.prompt_tokens,
            output_tokens: tokens.completion_tokens,
            // Without token counts the cost is not nothing but unknown.
            cost_micros: self.usage.and(costs[0].zip(costs[1])).map(|(a, b)| a.saturating_add(b)),
        };
        let choice = self.choices.into_iter().next();
        let choice = choice.ok_or_else(|| Unavailable::garbage("the answer is empty"))?;
        let refusal = choice.message.refusal.filter(|text| !text.is_empty());
        if refusal.is_some() || choice.finish_reason.as_deref() == Some("content_filter") {
            return Err(Unavailable::refused(refusal.as_deref()));
        }
        if choice.finish_reason.as_deref() == Some("length") {
            return Err(Unavailable::garbage("the answer was cut off at the model's limit"));
        }
        let content = choice.message.content.unwrap_or_default();
        let text = unwrapped(&content).to_owned();
        let answer = serde_json::from_str(&text)
            .map_err(|_| Unavailable::garbage("the answer is not one JSON object"))?;
        let model = self.model.filter(|name| !name.is_empty());
        let model = model.unwrap_or_else(|| options.model.clone());
        Ok(Told { answer, text, model, usage })
    }
}

/// The text without the code fence that models like to put around JSON. Nothing is searched for:
/// a model that quotes what it judges must not have the quotation taken for its answer.
fn unwrapped(content: &str) -> &str {
    let text = content.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).map_or(text, str::trim)
}
