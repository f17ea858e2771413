//! Documents at the edge of every limit and above it.

use holdpoint::dsl::{Format, Rules, from_value, parse};
use holdpoint::model::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_TASKS_MAX};
use serde_json::{Value, json};

use super::{HEAD, accepted, refused, yaml};

fn document(set: Value) -> Value {
    json!({
        "document": {"dsl": "1.0.3", "namespace": "t", "name": "t", "version": "1.0.0"},
        "do": [{"a": {"set": {"x": set}}}],
    })
}

/// A document nested so deep: five levels lead to `x`.
fn nested(levels: usize) -> Value {
    document((6..levels).fold(json!([]), |inner, _| json!([inner])))
}

#[test]
fn a_document_may_be_so_large() {
    let text = format!("{HEAD}do: [ {{ a: {{ set: {{ x: 1 }} }} }} ]\n");
    let padded = |bytes: usize| format!("{text}#{}", "x".repeat(bytes - text.len() - 1));
    assert!(yaml(&padded(DOCUMENT_BYTES_MAX)).is_ok());
    let found = refused(&padded(DOCUMENT_BYTES_MAX + 1), Format::Yaml);
    assert_eq!(found, [format!("the document is larger than {DOCUMENT_BYTES_MAX} bytes")]);
}

#[test]
fn a_document_may_be_nested_so_deep() {
    let rules = Rules::default();
    for format in [Format::Yaml, Format::Json] {
        // JSON is YAML in flow style.
        assert!(parse(&nested(DEPTH_MAX).to_string(), format, &rules).is_ok(), "{format:?}");
        let found = refused(&nested(DEPTH_MAX + 1).to_string(), format);
        assert_eq!(found.len(), 1, "{format:?}: {found:?}");
        assert!(
            found[0].contains("nest") || found[0].contains("recursion limit"),
            "{format:?}: {found:?}"
        );
        let found = refused(&"[".repeat(100_000), format);
        assert_eq!(found.len(), 1, "{format:?}: {found:?}");
    }
    assert!(from_value(nested(DEPTH_MAX).into(), &rules).is_ok());
    assert!(from_value(nested(DEPTH_MAX + 1).into(), &rules).is_err());
    let block: String = (0..10_000).map(|level| format!("{}-\n", " ".repeat(level))).collect();
    assert_eq!(refused(&block[..DOCUMENT_BYTES_MAX], Format::Yaml).len(), 1);
}

#[test]
fn a_document_may_have_so_many_tasks() {
    let tasks = |count: usize| -> String {
        let tasks: String =
            (0..count).map(|n| format!("  - t{n}: {{ set: {{ x: 1 }} }}\n")).collect();
        format!("do:\n{tasks}")
    };
    assert_eq!(accepted(&tasks(DOCUMENT_TASKS_MAX)).tasks.len(), DOCUMENT_TASKS_MAX);
    let found = refused(&format!("{HEAD}{}", tasks(DOCUMENT_TASKS_MAX + 3)), Format::Yaml);
    assert_eq!(found.len(), 1, "{found:?}");
    let expected = format!("/do/{0}/t{0}: the document has more than", DOCUMENT_TASKS_MAX);
    assert!(found[0].contains(&expected), "{found:?}");
}

#[test]
fn functions_that_call_functions_do_not_grow_without_end() {
    let functions: String = (0..30)
        .map(|n| {
            let next = n + 1;
            let call = |name: &str| format!("{{ {name}: {{ call: f{next} }} }}");
            format!("    f{n}: {{ do: [ {}, {} ] }}\n", call("a"), call("b"))
        })
        .collect();
    let body = format!("use:\n  functions:\n{functions}    f30: {{ set: {{ x: 1 }} }}\n");
    let found = refused(&format!("{HEAD}{body}do: [ {{ a: {{ call: f0 }} }} ]\n"), Format::Yaml);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the document has more than"), "{found:?}");
}

#[test]
fn bombs_of_aliases_are_refused() {
    let mut laughs = String::from("a0: &a0 [ lol, lol, lol, lol, lol, lol, lol, lol, lol ]\n");
    for n in 1..12 {
        let before = n - 1;
        let aliases = vec![format!("*a{before}"); 9].join(", ");
        laughs.push_str(&format!("a{n}: &a{n} [ {aliases} ]\n"));
    }
    // Each anchor holds the one before it, so that the depth adds up without any deep text.
    let mut chain = String::from("a0: &a0 [ [ [ [ x ] ] ] ]\n");
    for n in 1..900 {
        chain.push_str(&format!("a{n}: &a{n} [ [ [ [ *a{} ] ] ] ]\n", n - 1));
    }
    let many = format!("a: &a x\nb: [ {} ]\n", vec!["*a"; 20_000].join(", "));
    let long = format!("a: &a {}\nb: [ {} ]\n", "x".repeat(500_000), vec!["*a"; 90].join(", "));
    let own = "a: &a [ *a ]\n".to_owned();
    let merges = format!("a: &a {{ x: 1 }}\nb: {{ {} }}\n", "<<: *a, ".repeat(5_000));
    for (name, text) in [
        ("laughs", laughs),
        ("chain", chain),
        ("many", many),
        ("long", long),
        ("own", own),
        ("merges", merges),
    ] {
        let found = refused(&text, Format::Yaml);
        assert_eq!(found.len(), 1, "{name}: {:?}", found.first());
        assert!(found[0].contains("no usable YAML"), "{name}: {found:?}");
    }
}

#[test]
fn very_many_defects_are_cut_off() {
    let body: String = (0..50_000).map(|n| format!("x{n}: 1\n")).collect();
    let found =
        refused(&format!("{HEAD}do: [ {{ a: {{ set: {{ x: 1 }} }} }} ]\n{body}"), Format::Yaml);
    assert_eq!(found.len(), 500);
}
