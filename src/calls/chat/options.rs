//! The settings of the language model: the section `[openai]`. The key is never shown.

use std::fmt;
use std::time::Duration;

/// Where the model is and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatOptions {
    /// The base of the API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key; a model on one's own machine needs none.
    pub api_key: Option<ApiKey>,
    /// The name of the model.
    pub model: String,
    /// Longest time for one answer, all forms of the question included.
    pub timeout: Duration,
    /// How often a judge is asked at least; a document may want more.
    pub votes: u32,
    /// What a prompt costs.
    pub input_price: Price,
    /// What an answer costs.
    pub output_price: Price,
}

/// The key of an API. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key in this text; none when there is nothing but space in it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A price in millionths of a currency for a million tokens; nothing when it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price(pub Option<u64>);

impl Price {
    /// What so many tokens cost, in millionths of the currency.
    pub(super) fn of(self, tokens: u64) -> Option<u64> {
        let micros = u128::from(self.0?) * u128::from(tokens);
        Some(u64::try_from(micros.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}
