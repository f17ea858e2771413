//! What people and models write: workflow documents, expressions, durations, schemas.

use std::sync::Arc;

use holdpoint::dsl::{Format, Rules, from_value, parse, parse_duration};
use holdpoint::expr::{Expression, Scope, Template, Variables};
use holdpoint::model::time::Timestamp;
use serde_json::{Value, json};

use super::run;

fn document(target: &str, format: Format) {
    let rules = Rules::default();
    run(target, 3, |input| {
        let text = String::from_utf8_lossy(input);
        match parse(&text, format, &rules) {
            Ok(definition) => {
                // What is accepted is accepted again as the value that it is.
                let again = from_value(Arc::clone(&definition.document), &rules);
                assert_eq!(again.expect("the same document").hash, definition.hash);
            }
            Err(defects) => assert!(!defects.is_empty(), "a refusal names a defect"),
        }
    });
}

#[test]
fn yaml_documents() {
    document("workflow-yaml", Format::Yaml);
}

#[test]
fn json_documents() {
    document("workflow-json", Format::Json);
}

/// Compiled or refused; evaluated within its limits or refused.
#[test]
fn expressions() {
    let scope = Scope::new(["context", "input"]);
    let mut variables = Variables::new();
    variables.insert("context", Arc::new(json!({"a": [1, 2.5, null, "x"]})));
    variables.insert("input", Arc::new(json!({"n": 3})));
    let input_value = json!({"a": {"b": [1, 2, 3]}, "text": "ä"});
    run("expressions", 3, |input| {
        let text = String::from_utf8_lossy(input);
        if let Ok(expression) = Expression::compile(&text, &scope)
            && let Ok(value) = expression.evaluate(&input_value, &variables)
        {
            serde_json::to_vec(&value).unwrap();
        }
        Template::compile(&Value::String(text.into_owned()), &scope).ok();
    });
}

#[test]
fn durations() {
    run("durations", 1, |input| {
        let text = String::from_utf8_lossy(input);
        parse_duration(&text);
        if let Some(at) = Timestamp::parse_rfc3339(&text) {
            assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Some(at));
        }
    });
}
