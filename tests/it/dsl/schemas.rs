//! JSON Schemas: compiled offline, with limits, and readable violations.

use holdpoint::dsl::schema::{SCHEMA_BYTES_MAX, Schema, VIOLATIONS_MAX};
use serde_json::{Value, json};

fn refused(schema: Value) -> Vec<(String, String)> {
    match Schema::compile(&schema) {
        Ok(_) => panic!("{schema} was taken"),
        Err(violations) => {
            violations.into_iter().map(|found| (found.pointer, found.message)).collect()
        }
    }
}

fn violations(schema: Value, value: Value) -> Vec<String> {
    let schema = Schema::compile(&schema).unwrap_or_else(|found| panic!("{found:?}"));
    let found = schema.violations(&value);
    found.into_iter().map(|found| format!("{}: {}", found.pointer, found.message)).collect()
}

#[test]
fn values_are_checked_and_every_violation_has_its_place() {
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "integer"}, "at": {"format": "date-time"}},
    });
    assert_eq!(violations(schema.clone(), json!({"a": 1, "at": "2026-01-01T00:00:00Z"})), [""; 0]);
    let mut found = violations(schema, json!({"a": "x", "at": "noon", "b": 1}));
    found.sort_by_key(|text| text.split(": ").next().map(str::to_owned));
    let places: Vec<&str> = found.iter().filter_map(|text| text.split(": ").next()).collect();
    assert_eq!(places, ["", "/a", "/at"], "{found:?}");
}

#[test]
fn the_draft_is_2020_12_unless_the_schema_says_otherwise() {
    let items = json!({"prefixItems": [{"type": "integer"}]});
    assert_eq!(violations(items, json!(["x"])).len(), 1);
    let old = json!({"$schema": "http://json-schema.org/draft-07/schema#",
                     "items": [{"type": "integer"}]});
    assert_eq!(violations(old, json!(["x"])).len(), 1);
}

#[test]
fn references_stay_inside_the_schema() {
    let inside = json!({"$id": "https://x.example/s", "$defs": {"n": {"type": "integer"}},
        "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "https://x.example/s#/$defs/n"}}});
    assert_eq!(violations(inside, json!({"a": "x", "b": "x"})).len(), 2);
    for outside in
        ["http://169.254.169.254/s", "https://x.example/s", "file:///etc/passwd", "urn:x:y"]
    {
        let found = refused(json!({"properties": {"a": {"$ref": outside}}}));
        assert_eq!(found[0].0, "/properties/a/$ref");
        assert!(found[0].1.contains("nothing is fetched"), "{found:?}");
    }
    assert!(!refused(json!({"$ref": "other.json"})).is_empty());
    assert!(!refused(json!({"$ref": "#/nowhere"})).is_empty());
    assert!(!refused(json!({"$schema": "https://x.example/meta"})).is_empty());
}

#[test]
fn a_schema_has_limits() {
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert!(Schema::compile(&nested(64)).is_ok());
    assert!(refused(nested(65))[0].1.contains("nested deeper"));
    let long = |bytes: usize| json!({"const": "x".repeat(bytes - r#"{"const":""}"#.len())});
    assert!(Schema::compile(&long(SCHEMA_BYTES_MAX)).is_ok());
    assert!(refused(long(SCHEMA_BYTES_MAX + 1))[0].1.contains("larger than"));
    assert!(!refused(json!({"pattern": "(a{1000}){1000}"})).is_empty(), "a pattern that grows");
    assert!(!refused(json!({"pattern": "(?!a)"})).is_empty(), "look-around is not linear");
    for wrong in [json!(null), json!(7), json!("x"), json!([])] {
        assert!(!refused(wrong).is_empty());
    }
}

#[test]
fn violations_are_few_and_short() {
    let schema = json!({"items": {"type": "integer"}});
    let long = "x".repeat(100_000);
    let found = violations(schema.clone(), json!(vec![long; VIOLATIONS_MAX + 5]));
    assert_eq!(found.len(), VIOLATIONS_MAX);
    assert!(found.iter().all(|text| text.chars().count() < 400), "{}", found[0]);
    let deep = (0..1_000).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(violations(schema, deep).len(), 1);
}

#[test]
fn patterns_are_matched_in_linear_time() {
    let schema = json!({"pattern": "^(a+)+$"});
    assert_eq!(violations(schema, json!(format!("{}!", "a".repeat(50_000)))).len(), 1);
}
