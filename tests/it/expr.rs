//! Expressions through their public surface: what they compute, what is refused, what is stopped.

mod limits;
mod refusals;
mod results;
mod templates;

use std::sync::Arc;

use holdpoint::expr::{Expression, ExpressionError, Scope, Variables};
use proptest::prelude::*;
use serde_json::Value;

fn evaluate(
    source: &str,
    input: &Value,
    values: &[(&str, Value)],
) -> Result<Value, ExpressionError> {
    let scope = Scope::new(values.iter().map(|(name, _)| *name));
    let mut variables = Variables::new();
    for (name, value) in values {
        variables.insert(*name, Arc::new(value.clone()));
    }
    let expression = Expression::compile(source, &scope);
    let expression = expression.unwrap_or_else(|defect| panic!("{source}: {defect}"));
    expression.evaluate(input, &variables)
}

#[track_caller]
fn check(source: &str, input: Value, expected: Value) {
    assert_eq!(evaluate(source, &input, &[]), Ok(expected), "{source}");
}

#[track_caller]
fn check_with(source: &str, input: Value, values: &[(&str, Value)], expected: Value) {
    assert_eq!(evaluate(source, &input, values), Ok(expected), "{source}");
}

/// The text of the defect, with its hint.
#[track_caller]
fn refused(source: &str) -> String {
    let scope = Scope::new(["context", "input"]);
    match Expression::compile(source, &scope) {
        Ok(_) => panic!("{source} was not refused"),
        Err(defect) => {
            assert!(defect.offset <= source.len(), "{source}: offset {}", defect.offset);
            defect.to_string()
        }
    }
}

#[track_caller]
fn failed(source: &str, input: Value) -> String {
    match evaluate(source, &input, &[]) {
        Err(ExpressionError::Failed { message, .. }) => message,
        other => panic!("{source} gave {other:?}"),
    }
}

/// Any JSON value: integers of 64 bits with and without sign, and finite doubles.
fn any_json() -> impl Strategy<Value = Value> {
    let finite = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inside, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn identity_changes_nothing(value in any_json()) {
        let same = evaluate(".", &value, &[]);
        prop_assert_eq!(same, Ok(value.clone()));
        // The text of jq is the text of the product: what is counted is what is stored.
        prop_assert_eq!(evaluate("tojson", &value, &[]), Ok(Value::from(value.to_string())));
        prop_assert_eq!(evaluate("tojson | fromjson", &value, &[]), Ok(value));
    }

    #[test]
    fn no_source_brings_the_compiler_down(source in "[-a-z0-9$.|,:;+*/()\\[\\]{}\"\\\\# ]{0,80}") {
        if let Err(defect) = Expression::compile(&source, &Scope::new(["a"])) {
            prop_assert!(defect.offset <= source.len());
        }
    }
}
