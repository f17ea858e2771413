//! The `[openai]` section: the language model that judges results and helps to match. The key is in
//! a file or in the environment and never in here.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::check::{Complaints, HOUR_MS};
use super::http::is_base_url;

/// The language model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAi {
    /// The base of the API; empty: there is no model.
    pub base_url: String,
    /// The file with the key; none: the environment has it, or no key is needed.
    #[serde(deserialize_with = "super::folders::optional")]
    pub api_key_file: Option<PathBuf>,
    /// The name of the model.
    pub model: String,
    /// Longest time for one answer.
    pub timeout_ms: u64,
    /// Least votes of one judgement.
    pub votes: u32,
    /// What a million tokens of prompts cost.
    pub input_price: Money,
    /// What a million tokens of answers cost.
    pub output_price: Money,
}

/// An amount in millionths of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// The millionths.
    pub micros: u64,
}

/// Largest amount: a model that costs more for a million tokens is a slip of the pen.
const MONEY_MAX: f64 = 1_000_000.0;

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let amount = f64::deserialize(from)?;
        if !(0.0..=MONEY_MAX).contains(&amount) {
            return Err(serde::de::Error::custom("an amount from 0 to 1000000"));
        }
        Ok(Self { micros: (amount * 1_000_000.0).round() as u64 })
    }
}

impl OpenAi {
    /// Is a model configured?
    pub fn is_set(&self) -> bool {
        !self.base_url.is_empty()
    }

    pub(super) fn check(&self, complaints: &mut Complaints) {
        if self.is_set() && !is_base_url(&self.base_url) {
            let expected =
                "empty, or http(s)://HOST[:PORT][/PATH] without user, query and fragment";
            complaints.add("openai.base_url", "not the base of an address", expected);
        }
        if self.is_set() && self.model.trim().is_empty() {
            complaints.add("openai.model", "empty", "the name of a model of openai.base_url");
        }
        complaints.range("openai.timeout_ms", self.timeout_ms, 100..=HOUR_MS);
        complaints.range("openai.votes", self.votes.into(), 1..=9);
    }
}
