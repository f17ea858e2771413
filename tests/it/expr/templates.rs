//! Values with expressions inside, and the scopes they are compiled for.

use std::sync::Arc;

use holdpoint::expr::{Scope, Template, Variables, strict};
use serde_json::json;

#[test]
fn only_a_whole_string_is_an_expression() {
    assert_eq!(strict("${ .a }"), Some(".a"));
    assert_eq!(strict("  ${.a}\n"), Some(".a"));
    assert_eq!(strict("${}"), Some(""));
    assert_eq!(strict("${ {a: 1} }"), Some("{a: 1}"));
    for text in ["", ".a", "a ${ .a }", "${ .a } b", "$ { .a }", "${ .a"] {
        assert_eq!(strict(text), None, "{text}");
    }
}

#[test]
fn a_template_fills_in_its_expressions() {
    let scope = Scope::new(["context"]);
    let mut variables = Variables::new();
    variables.insert("context", Arc::new(json!({"name": "Ada"})));
    let value = json!({
        "plain": [1, "text", {"a": null}],
        "who": "${ $context.name }",
        "list": ["${ .a }", "b", "${ .c // 3 }"],
    });
    let template = Template::compile(&value, &scope).expect("compiles");
    assert!(template.is_cheap());
    assert_eq!(
        template.evaluate(&json!({"a": 1}), &variables),
        Ok(json!({
            "plain": [1, "text", {"a": null}],
            "who": "Ada",
            "list": [1, "b", 3],
        }))
    );
    let literal = Template::compile(&json!([{"a": "$b"}]), &scope).expect("compiles");
    assert!(matches!(literal, Template::Literal(_)));
    let dear = Template::compile(&json!({"a": ["${ [range(3)] }"]}), &scope).expect("compiles");
    assert!(!dear.is_cheap());
}

#[test]
fn a_template_reports_all_defects_with_pointers() {
    let value = json!({"a/b": ["${ $x }", "${ .ok }", {"~": "${ 1 + }"}], "c": "${ now }"});
    let defects = Template::compile(&value, &Scope::default()).expect_err("three defects");
    let pointers: Vec<&str> = defects.iter().map(|defect| defect.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a~1b/0", "/a~1b/2/~0", "/c"]);
    assert!(defects.iter().all(|defect| value.pointer(&defect.pointer).is_some()));
    assert!(defects[0].to_string().starts_with("/a~1b/0: the variable `$x` is not defined here"));
    let whole = Template::compile(&json!("${ $x }"), &Scope::default()).expect_err("one defect");
    assert_eq!(whole[0].pointer, "");
}

#[test]
fn a_scope_grows_without_doubles() {
    let scope = Scope::new(["b", "a", "b"]).with("c").with("c");
    assert_eq!(scope.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(scope.contains("c") && !scope.contains("$c"));
}
