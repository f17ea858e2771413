//! Documents that chance has changed: nothing panics, and what is accepted is whole.

use std::sync::Arc;

use holdpoint::dsl::{Format, Rules, from_value, parse};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const DOCUMENTS: [&str; 5] = [
    include_str!("../../../workflows/simple-task.yaml"),
    include_str!("../../../workflows/code-generation.yaml"),
    include_str!("../../../workflows/data-processing.yaml"),
    include_str!("../../../workflows/agent-task.yaml"),
    include_str!("everything.yaml"),
];

/// Pieces that mean something to YAML, JSON, jq or the DSL.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        "\n",
        "  ",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "#",
        "&a ",
        "*a",
        "<<: *a",
        "!!int ",
        "---\n",
        "|\n",
        "${ ",
        " }",
        "$input",
        ".",
        "null",
        "1e999",
        "-1",
        "\t",
        "\\",
        "~1",
        "\u{0}",
        "\u{feff}",
        "é",
        "then: end",
        "call: http",
        "do: []",
        "catch: {}",
        "PT1S",
        "use: x",
    ]);
    prop_oneof![known.prop_map(str::to_owned), any::<char>().prop_map(String::from)]
}

/// Replaces a stretch of a text.
fn spliced(text: &str, at: Index, length: usize, piece: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let from = at.index(characters.len());
    let to = (from + length).min(characters.len());
    let kept = |range: &[char]| range.iter().collect::<String>();
    format!("{}{piece}{}", kept(&characters[..from]), kept(&characters[to..]))
}

/// Every place inside a value.
fn places(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            let token = name.replace('~', "~0").replace('/', "~1");
            places(member, format!("{pointer}/{token}"), found);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            places(item, format!("{pointer}/{index}"), found);
        }),
        _ => {}
    }
    found.push(pointer);
}

fn replacement() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("${"),
        json!("${ }"),
        json!("${ $nope }"),
        json!("x"),
        json!([]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({"": {}}),
        json!({"x": null}),
        json!([{"x": {"do": []}}]),
        json!({"use": "x"}),
    ])
}

/// Defects are told in order and never empty; a definition is whole.
fn check(result: Result<Arc<holdpoint::dsl::definition::Definition>, Vec<holdpoint::dsl::Defect>>) {
    match result {
        Err(defects) => {
            assert!(!defects.is_empty());
            let lines: Vec<_> = defects.iter().map(|defect| (defect.line, defect.column)).collect();
            assert!(lines.is_sorted(), "{lines:?}");
            assert!(defects.iter().all(|defect| !defect.message.is_empty()));
        }
        Ok(definition) => {
            for (list, references) in &definition.lists {
                for (index, reference) in references.iter().enumerate() {
                    let task = &definition.tasks[reference];
                    assert_eq!((&task.list, task.index), (list, index));
                }
            }
            let again = from_value(Arc::clone(&definition.document), &Rules::default()).unwrap();
            assert_eq!(again.hash, definition.hash);
            assert_eq!(again.tasks.len(), definition.tasks.len());
        }
    }
}

#[test]
fn the_documents_to_be_changed_are_whole() {
    for document in DOCUMENTS {
        let parsed = parse(document, Format::Yaml, &Rules::default());
        assert!(parsed.is_ok(), "{:?}", parsed.err());
        check(parsed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_changed_text_never_panics(
        document in prop::sample::select(DOCUMENTS.to_vec()),
        changes in prop::collection::vec((any::<Index>(), 0..40usize, piece()), 1..4),
    ) {
        let mut text = document.to_owned();
        for (at, length, piece) in changes {
            text = spliced(&text, at, length, &piece);
        }
        check(parse(&text, Format::Yaml, &Rules::default()));
        // Most of these are no JSON, and those that are must do no harm either.
        check(parse(&text, Format::Json, &Rules::default()));
    }

    #[test]
    fn a_changed_value_never_panics(
        document in prop::sample::select(DOCUMENTS.to_vec()),
        changes in prop::collection::vec((any::<Index>(), replacement()), 1..4),
    ) {
        let mut value: Value = serde_saphyr::from_str(document).unwrap();
        for (at, replacement) in changes {
            let mut found = Vec::new();
            places(&value, String::new(), &mut found);
            *value.pointer_mut(&found[at.index(found.len())]).unwrap() = replacement;
        }
        check(parse(&value.to_string(), Format::Json, &Rules::default()));
        check(from_value(Arc::new(value), &Rules::default()));
    }
}
