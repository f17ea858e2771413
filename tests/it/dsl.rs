//! Workflow documents: what is said about broken ones, and what whole ones become.

use std::sync::Arc;

use holdpoint::dsl::definition::Definition;
use holdpoint::dsl::{Defect, Format, Rules, from_value, parse};

/// What a document becomes.
mod definitions;
/// Durations, in documents and as texts.
mod durations;
/// Folders of documents.
mod folders;
/// Calls of functions.
mod functions;
/// Documents at and above every limit.
mod limits;
/// Documents that chance has changed.
mod mutations;
/// Compiled JSON Schemas.
mod schemas;

/// A proper head; its five lines stand before the body of most tests.
const HEAD: &str =
    "document:\n  dsl: '1.0.3'\n  namespace: test\n  name: test\n  version: '1.0.0'\n";

fn yaml(text: &str) -> Result<Arc<Definition>, Vec<Defect>> {
    parse(text, Format::Yaml, &Rules::default())
}

/// The definition of a document with a proper head and this body.
fn accepted(body: &str) -> Arc<Definition> {
    yaml(&format!("{HEAD}{body}")).unwrap_or_else(|defects| panic!("{}", told(&defects).join("\n")))
}

fn told(defects: &[Defect]) -> Vec<String> {
    defects.iter().map(Defect::to_string).collect()
}

/// What is said about a text that is refused.
fn refused(text: &str, format: Format) -> Vec<String> {
    match parse(text, format, &Rules::default()) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(defects) => told(&defects),
    }
}

#[test]
fn every_defect_of_a_broken_document_is_told_with_its_line() {
    let mut documents = 0;
    let mut problems = Vec::new();
    for part in include_str!("dsl/broken_documents.txt").split("=== ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap();
        let (body, defects) = rest.split_once("--- defects\n").unwrap();
        let expected: Vec<&str> = defects.lines().collect();
        let found = refused(&format!("{HEAD}{body}"), Format::Yaml);
        let same = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| found.starts_with(expected));
        if !same {
            problems.push(format!("=== {name}\n{}", found.join("\n")));
        }
        documents += 1;
    }
    assert!(documents > 20, "only {documents} documents were found");
    assert!(problems.is_empty(), "other defects were found:\n{}", problems.join("\n"));
}

/// Whole texts, since it is their beginning that is broken.
#[test]
fn a_broken_head_is_told() {
    let body = "do: [ { a: { set: { x: 1 } } } ]\n";
    let head = |dsl: &str, namespace: &str, name: &str, version: &str| {
        format!(
            "document: {{ dsl: {dsl}, namespace: {namespace}, name: {name}, version: {version} }}\n\
             {body}"
        )
    };
    let table: [(String, &[&str]); 8] = [
        (head("'1.0.0'", "a", "b", "'1.0.0-rc.1+5'"), &[]),
        (
            head("'1.1.0'", "a", "b", "'1.0.0'"),
            &["line 1: /document/dsl: version 1.1.0 of the DSL is not supported"],
        ),
        (
            head("1.0", "-a", "b c", "1"),
            &[
                "line 1: /document/dsl: a version must be a text, and it is the number 1.0",
                "line 1: /document/namespace: `-a` cannot be a name",
                "line 1: /document/name: `b c` cannot be a name",
                "line 1: /document/version: a version must be a text, and it is the number 1 ",
            ],
        ),
        (
            head("1.0.0-alpha5", "a", "b", "01.0.0"),
            &[
                "line 1: /document/dsl: version 1.0.0-alpha5 of the DSL is not supported",
                "line 1: /document/version: `01.0.0` is no semantic version",
            ],
        ),
        (body.to_owned(), &["line 1: a workflow needs the member `document`"]),
        ("[]".to_owned(), &["line 1: a workflow must be an object, and it is a list"]),
        (
            format!(
                "document: {{ title: '', tags: 1, metadata: {{ holdpoint: {{ x: 1 }} }} }}\n{body}"
            ),
            &[
                "line 1: /document: `document` needs the member `dsl`",
                "line 1: /document: `document` needs the member `namespace`",
                "line 1: /document: `document` needs the member `name`",
                "line 1: /document: `document` needs the member `version`",
                "line 1: /document/title: `title` must not be empty",
                "line 1: /document/tags: `tags` must be an object, and it is the number 1",
                "line 1: /document/metadata/holdpoint/x: `metadata.holdpoint` has no member `x`",
            ],
        ),
        (
            head("'1.0.3'", &"a".repeat(64), "b", "'1.0.0'"),
            &["line 1: /document/namespace: `aaaaaaaaaaaaa"],
        ),
    ];
    for (text, expected) in table {
        let found = yaml(&text).err().map(|defects| told(&defects)).unwrap_or_default();
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
        assert!(same, "{text}\n{found:#?}");
    }
}

#[test]
fn a_text_that_cannot_be_read_is_one_defect_with_its_line() {
    let table = [
        ("a: b: c", Format::Yaml, "line 1: the text is no usable YAML: "),
        ("do:\n  - a: {\n", Format::Yaml, "line 2: the text is no usable YAML: "),
        ("a: 1\n---\nb: 2\n", Format::Yaml, "line 2: the text is no usable YAML: "),
        ("a: .nan", Format::Yaml, "line 1: the text is no usable YAML: "),
        ("a: !!int x", Format::Yaml, "line 1: the text is no usable YAML: "),
        ("{\n  \"a\": 1,\n}", Format::Json, "line 3: the text is no JSON: "),
        ("", Format::Json, "line 1: the text is no JSON: "),
        ("{} {}", Format::Json, "line 1: the text is no JSON: "),
    ];
    for (text, format, expected) in table {
        let found = refused(text, format);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn json_has_lines_and_columns_too() {
    let text = include_str!("dsl/columns.json");
    let defects = parse(text, Format::Json, &Rules::default()).err().unwrap();
    let found: Vec<(&str, Option<usize>, Option<usize>)> =
        defects.iter().map(|found| (found.pointer.as_str(), found.line, found.column)).collect();
    let expected = [
        ("/do/0/a~1b/then", Some(5), Some(34)),
        ("/do/1/d/wait", Some(7), Some(7)),
        ("/do/1/d/wait", Some(7), Some(18)),
        ("/input", Some(9), Some(21)),
    ];
    assert_eq!(found, expected, "{:#?}", told(&defects));
}

#[test]
fn defects_of_a_value_have_no_lines_and_are_the_same() {
    let text = format!("{HEAD}do: [ {{ a: {{ wait: soon, then: b }} }} ]\n");
    let of_text = yaml(&text).err().unwrap();
    let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let of_value = from_value(Arc::new(value), &Rules::default()).err().unwrap();
    assert!(of_value.iter().all(|defect| defect.line.is_none() && defect.column.is_none()));
    let places = |defects: &[Defect]| {
        let mut places: Vec<_> = defects.iter().map(|defect| defect.pointer.clone()).collect();
        places.sort();
        places
    };
    assert_eq!(places(&of_text), places(&of_value));
    let shown = serde_json::to_value(&of_value).unwrap();
    assert_eq!(
        shown[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["hint", "message", "pointer"]
    );
}

#[test]
fn what_a_defect_quotes_is_printable() {
    let found =
        refused(&format!("{HEAD}do: [ {{ a: {{ \"x\\e[31m\": 1 }} }} ]\nz\u{85}: 1"), Format::Yaml);
    assert!(found.iter().all(|text| !text.chars().any(char::is_control)), "{found:?}");
}

#[test]
fn an_operator_who_allows_processes_is_told_that_there_are_none_yet() {
    let rules = Rules { run_allow: ["shell".to_owned()].into() };
    let text = format!("{HEAD}do: [ {{ a: {{ run: {{ shell: {{ command: ls }} }} }} }} ]\n");
    let defects = parse(&text, Format::Yaml, &rules).err().unwrap();
    assert_eq!(
        told(&defects),
        ["line 6: /do/0/a/run/shell: `run: shell` is not supported by this version"]
    );
}
