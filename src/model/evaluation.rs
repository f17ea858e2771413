//! Evaluations: what was found about a result, by rules, by a judge, by a person. A judge that
//! could not be asked has found nothing, and leaves no judgement.

use serde::{Deserialize, Serialize};

use crate::model::principal::Principal;

/// What was found about a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// Is it good enough?
    pub is_valid: bool,
    /// Why, for people and for the agent that is to do better.
    pub reason: String,
    /// What each rule said.
    #[serde(default)]
    pub rules: Vec<RuleResult>,
    /// What the judge said, if one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judgement>,
    /// The person who decided, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Principal>,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// The name of the rule.
    pub name: String,
    /// Does the result keep it?
    pub passed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What the judge said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// Does the result meet the criteria, by the majority of the votes?
    pub is_valid: bool,
    /// The reason of the first vote of that majority.
    pub reason: String,
    /// The model that judged, as it names itself.
    pub model: String,
    /// Every vote that was cast.
    pub votes: Vec<Vote>,
    /// Tokens of all prompts.
    pub input_tokens: u64,
    /// Tokens of all answers.
    pub output_tokens: u64,
    /// What they cost, in millionths of the currency of the prices; none without prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

/// One vote of a judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// Does the result meet the criteria?
    pub is_valid: bool,
    /// Why.
    pub reason: String,
}
