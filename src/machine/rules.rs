//! Rules about a result: data, compiled when they are asked, under the limits of every expression
//! and schema. A rule that cannot be asked is not met, and says why.

use std::collections::HashSet;

use serde_json::Value;

use crate::dsl::schema::Schema;
use crate::expr::{Expression, Scope, Variables, strict};
use crate::machine::scratch::Raised;
use crate::model::evaluation::RuleResult;
use crate::model::limits::{FEEDBACK_BYTES_MAX, NAME_BYTES_MAX, RULES_MAX};
use crate::model::problem::{Kind, Problem};

/// What every rule says about a result, in their order.
///
/// # Errors
/// A `validation` problem when these are no rules at all.
pub(super) fn ask(rules: &Value, result: &Value) -> Raised<Vec<RuleResult>> {
    let list = match rules {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(wrong("they must be a list of {name, when | schema, message}")),
    };
    if list.len() > RULES_MAX {
        return Err(wrong(&format!("there are {}, and {RULES_MAX} at most", list.len())));
    }
    let mut names = HashSet::new();
    let mut results = Vec::with_capacity(list.len());
    for (index, rule) in list.iter().enumerate() {
        let Some(name) = rule.get("name").and_then(Value::as_str) else {
            return Err(wrong(&format!("rule {index} has no name")));
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(wrong(&format!("the name of rule {index} is empty or too long")));
        }
        if !names.insert(name) {
            return Err(wrong(&format!("there are two rules {name:?}")));
        }
        results.push(one(name, rule, result));
    }
    Ok(results)
}

fn wrong(what: &str) -> Problem {
    Problem::new(Kind::Validation, format!("the rules cannot be asked: {what}"))
}

fn one(name: &str, rule: &Value, result: &Value) -> RuleResult {
    let asked = match (rule.get("when"), rule.get("schema")) {
        (Some(when), None) => condition(when, result),
        (None, Some(schema)) => fits(schema, result),
        (Some(_), Some(_)) => Err(unasked("it has `when` and `schema`; it must have one of them")),
        (None, None) => Err(unasked("it has neither `when` nor `schema`")),
    };
    let said = rule.get("message").and_then(Value::as_str);
    let message = match asked {
        Ok(()) => None,
        // What its author says of a result that does not meet it, and what exactly does not fit.
        Err(Failed::NotMet(None)) => {
            Some(said.map_or_else(|| format!("the rule {name:?} is not met"), str::to_owned))
        }
        Err(Failed::NotMet(Some(detail))) => Some(match said {
            Some(said) => format!("{said} ({detail})"),
            None => format!("the rule {name:?} is not met: {detail}"),
        }),
        Err(Failed::Unasked(reason)) => {
            Some(format!("the rule {name:?} cannot be asked: {reason}"))
        }
    };
    RuleResult { name: name.to_owned(), passed: message.is_none(), message: message.map(cut) }
}

/// Why a rule is not met.
enum Failed {
    /// The result does not meet it.
    NotMet(Option<String>),
    /// The rule itself does not work.
    Unasked(String),
}

fn unasked(reason: &str) -> Failed {
    Failed::Unasked(reason.to_owned())
}

fn condition(when: &Value, result: &Value) -> Result<(), Failed> {
    let Some(text) = when.as_str() else { return Err(unasked("`when` must be a text")) };
    let source = strict(text).unwrap_or(text);
    let expression = Expression::compile(source, &Scope::default()).map_err(|defect| {
        let hint = defect.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        Failed::Unasked(format!("{}{hint}", defect.message))
    })?;
    match expression.is_true(result, &Variables::default()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failed::NotMet(None)),
        // A condition on a member that the result does not have fails with jq's own words.
        Err(error) => Err(Failed::NotMet(Some(error.to_string()))),
    }
}

fn fits(schema: &Value, result: &Value) -> Result<(), Failed> {
    let listed = |violations: Vec<crate::dsl::schema::Violation>| {
        let list: Vec<String> = violations
            .into_iter()
            .map(|found| match found.pointer.as_str() {
                "" => found.message,
                pointer => format!("{pointer}: {}", found.message),
            })
            .collect();
        list.join("; ")
    };
    let schema =
        Schema::compile(schema).map_err(|violations| Failed::Unasked(listed(violations)))?;
    let violations = schema.violations(result);
    if violations.is_empty() { Ok(()) } else { Err(Failed::NotMet(Some(listed(violations)))) }
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(FEEDBACK_BYTES_MAX));
    message
}
