//! `check`: good and broken documents by file and by folder.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{Run, command, ended};

const GOOD: &str = "\
document: { dsl: 1.0.3, namespace: test, name: good, version: 1.0.0 }
do:
  - greet:
      set: { text: hello }
";

/// Two mistakes: an unknown member, and a flow target that does not exist.
const BROKEN: &str = "\
document: { dsl: 1.0.3, namespace: test, name: broken, version: 1.0.0 }
do:
  - greet:
      sett: { text: hello }
  - leave:
      set: { text: bye }
      then: nowhere
";

fn folder(documents: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in documents {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Run {
    ended(command(folder, &[&["check"], arguments].concat()).output().unwrap())
}

#[test]
fn good_documents_are_named_with_their_version() {
    let folder = folder(&[("good.yaml", GOOD)]);
    for path in [".", "good.yaml"] {
        let run = check(folder.path(), &[path]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
        assert!(run.out.contains("good.yaml: test/good 1.0.0"), "{}", run.out);
        assert!(run.out.contains("1 document: 1 good, 0 with defects"), "{}", run.out);
    }
}

#[test]
fn every_defect_of_every_document_is_told_with_its_line() {
    let folder = folder(&[("broken.yaml", BROKEN), ("good.yaml", GOOD)]);
    let run = check(folder.path(), &["."]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("2 documents: 1 good, 1 with defects"), "{}", run.out);
    let lines: Vec<&str> = run.out.lines().map(str::trim_start).collect();
    let at = |line: &str| lines.iter().any(|told| told.starts_with(line));
    assert!(at("4:") || at("3:"), "the unknown member has its line: {}", run.out);
    assert!(at("7:"), "the flow target has its line: {}", run.out);
}

#[test]
fn json_carries_the_same_for_programs() {
    let folder = folder(&[("broken.yaml", BROKEN), ("good.yaml", GOOD)]);
    let run = check(folder.path(), &[".", "--json"]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    let answer: Value = serde_json::from_str(&run.out).unwrap();
    let documents = answer["documents"].as_array().unwrap();
    let defects: Vec<usize> =
        documents.iter().map(|row| row["defects"].as_array().unwrap().len()).collect();
    assert!(defects[0] >= 2, "{answer:#}");
    assert_eq!(defects[1], 0);
    assert_eq!(documents[1]["hash"].as_str().unwrap().len(), 64);
}

#[test]
fn what_is_no_document_is_not_called_good() {
    let folder = folder(&[("notes.txt", GOOD), ("text.yaml", "just words"), ("bad.json", "{")]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("bytes.yaml"), b"\xff\xfe").unwrap();
    let rows = [
        ("missing.yaml", 74, "cannot read missing.yaml"),
        ("empty", 1, "holds no document"),
        ("notes.txt", 1, "its ending does not say what it is"),
        ("text.yaml", 1, "1 with defects"),
        ("bad.json", 1, "1 with defects"),
        ("bytes.yaml", 1, "no UTF-8"),
    ];
    for (path, code, expected) in rows {
        let run = check(folder.path(), &[path]);
        assert_eq!(run.code, code, "{path}: {}{}", run.out, run.err);
        let said = run.out + &run.err;
        assert!(said.contains(expected), "{path}: {said}");
    }
}
