//! Was a result good enough? What the rules, the judge and a person said about it. A judge that
//! cannot be reached says nothing: that is never a verdict.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::principal::Principal;
use crate::model::status::{UnknownWord, words};

words! {
    /// Who says whether a result is good enough. Rules always come first.
    JudgeMode {
        /// The rules, then the model when there is one; a person when there are neither.
        Auto = "auto",
        /// The rules alone; a person when there are none.
        Rules = "rules",
        /// The rules, then the model.
        Model = "model",
        /// The rules, then a person.
        Human = "human",
    }
}

words! {
    /// What happens when the judge cannot be reached.
    OnUnavailable {
        /// A person decides.
        Human = "human",
        /// The task fails with the error `judge-unavailable`.
        Fault = "fault",
    }
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The name of the rule.
    pub name: String,
    /// Does the result meet it?
    pub passed: bool,
    /// Why not; none when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One of several opinions of a judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// Is the result good enough?
    pub is_valid: bool,
    /// Why.
    pub reason: String,
}

/// What a judge said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// Is the result good enough?
    pub is_valid: bool,
    /// Why.
    pub reason: String,
    /// Who judged, as its endpoint names itself.
    pub model: String,
    /// Every opinion, when it was asked more than once.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// Tokens that it read.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens that it wrote.
    #[serde(default)]
    pub output_tokens: u64,
    /// What it cost, millionths of the currency of the price list; none when no price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

/// A verdict about a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// Is the result good enough?
    pub is_valid: bool,
    /// Why, in one text.
    pub reason: String,
    /// What every rule said.
    pub rules: Vec<RuleResult>,
    /// What the judge said, if one was asked and answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judgement>,
    /// The person who decided, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Principal>,
}

impl Evaluation {
    /// What the next attempt is told: one text for each failed rule, or else the reason of whoever
    /// said no. Nothing when the result is good enough.
    pub fn reasons(&self) -> Vec<String> {
        if self.is_valid {
            return Vec::new();
        }
        let failed = self.rules.iter().filter(|rule| !rule.passed);
        let reasons: Vec<String> = failed
            .map(|rule| match &rule.message {
                Some(message) => message.clone(),
                None => format!("the rule {:?} is not met", rule.name),
            })
            .collect();
        if reasons.is_empty() { vec![self.reason.clone()] } else { reasons }
    }
}
