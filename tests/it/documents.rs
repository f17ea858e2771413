//! The standard's own documents, and ours: which are accepted, and why the others are not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint::dsl::definition::{Definition, TaskKind};
use holdpoint::dsl::{Defect, Format, Rules, load_folder, parse};
use holdpoint::expr::Variables;
use serde_json::{Value, json};

/// Examples of the standard that are refused, with the whole of the reason that matters.
const REFUSED: &[(&str, &str)] = &[
    ("accumulate-room-readings.yaml", "`call: openapi` comes second"),
    ("call-asyncapi-publish.yaml", "`call: asyncapi` comes second"),
    ("call-asyncapi-subscribe-consume-amount.yaml", "`call: asyncapi` comes second"),
    ("call-asyncapi-subscribe-consume-forever-foreach.yaml", "`call: asyncapi` comes second"),
    ("call-asyncapi-subscribe-consume-until.yaml", "`call: asyncapi` comes second"),
    ("call-asyncapi-subscribe-consume-while.yaml", "`call: asyncapi` comes second"),
    ("call-custom-function-cataloged.yaml", "functions by address come second"),
    ("call-grpc.yaml", "`call: grpc` comes second"),
    ("call-mcp.yaml", "`call: mcp` comes second"),
    ("call-openapi-redirect.yaml", "`call: openapi` comes second"),
    ("call-openapi.yaml", "`call: openapi` comes second"),
    ("mock-service-extension.yaml", "extensions are not supported"),
    ("run-container-cleanup-always.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-container-cleanup-eventually.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-container-stdin-and-arguments.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-container-with-name.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-container-with-pull-policy.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-container.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-return-all.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-return-code.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-return-none.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-return-stderr.yaml", "`run: container` is refused unless `[run] allow`"),
    ("run-script-with-stdin-and-arguments.yaml", "`run: script` is refused unless `[run] allow`"),
    ("run-shell-stdin-and-arguments.yaml", "`run: shell` is refused unless `[run] allow`"),
    ("schedule-cron.yaml", "schedules come second"),
    ("schedule-event-driven.yaml", "schedules come second"),
    ("set-expression.yaml", "schedules come second"),
    ("set.yaml", "schedules come second"),
];

/// Examples of the standard that are accepted.
const ACCEPTED: &[&str] = &[
    "authentication-bearer-uri-format.yaml",
    "authentication-bearer.yaml",
    "authentication-oauth2-secret.yaml",
    "authentication-oauth2.yaml",
    "authentication-oidc-secret.yaml",
    "authentication-oidc.yaml",
    "authentication-reusable.yaml",
    "call-custom-function-inline.yaml",
    "call-http-endpoint-interpolation-shorthand.yaml",
    "call-http-endpoint-interpolation.yaml",
    "call-http-query-headers-expressions.yaml",
    "call-http-query-parameters.yaml",
    "call-http-redirect.yaml",
    "conditional-task.yaml",
    "do-multiple.yaml",
    "do-single.yaml",
    "emit.yaml",
    "for.yaml",
    "fork.yaml",
    "listen-to-all read-envelope.yaml",
    "listen-to-all.yaml",
    "listen-to-any-filter.yaml",
    "listen-to-any-forever-foreach.yaml",
    "listen-to-any-until-condition.yaml",
    "listen-to-any-until-consumed.yaml",
    "listen-to-any.yaml",
    "listen-to-one.yaml",
    "raise-inline.yaml",
    "raise-reusable.yaml",
    "run-subflow.yaml",
    "star-wars-homeworld.yaml",
    "switch-then-string.yaml",
    "try-catch-retry-inline.yaml",
    "try-catch-retry-reusable.yaml",
    "try-catch-then.yaml",
    "try-catch.yaml",
    "wait-duration-inline.yaml",
    "wait-duration-iso8601.yaml",
];

/// The standard's data, which is not part of this repository.
fn standard() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/swf");
    let folder = std::env::var_os("SWF_SPEC_DIR").map_or(beside, PathBuf::from);
    if folder.join("examples").is_dir() {
        return Some(folder);
    }
    println!("not checked: the standard's documents are not at {}", folder.display());
    None
}

fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn yaml(text: &str) -> Result<Arc<Definition>, Vec<Defect>> {
    parse(text, Format::Yaml, &Rules::default())
}

fn told(defects: &[Defect]) -> String {
    defects.iter().map(|defect| format!("  {defect}\n")).collect()
}

#[test]
fn every_example_of_the_standard_is_accepted_or_refused_for_its_reason() {
    let Some(folder) = standard() else { return };
    let mut problems = Vec::new();
    for (name, text) in files(&folder.join("examples"), "yaml") {
        let refused = REFUSED.iter().find(|(refused, _)| *refused == name);
        match (yaml(&text), refused) {
            (Ok(_), None) if ACCEPTED.contains(&name.as_str()) => {}
            (Err(defects), Some((_, reason)))
                if defects.iter().all(|defect| defect.message.contains(reason)) => {}
            (Ok(_), _) => problems.push(format!("{name} is accepted")),
            (Err(defects), _) => problems.push(format!("{name}:\n{}", told(&defects))),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_document_of_the_conformance_kit_is_accepted_but_for_openapi() {
    let Some(folder) = standard() else { return };
    let mut documents = 0;
    for (name, text) in files(&folder.join("ctk/features"), "feature") {
        for part in text.split("Given a workflow with definition:").skip(1) {
            let document = part.split("\"\"\"").nth(1).unwrap().trim_start_matches("yaml");
            documents += 1;
            match yaml(document) {
                Ok(_) => assert!(!document.contains("call: openapi"), "{name}: {document}"),
                Err(defects) => {
                    let all = defects
                        .iter()
                        .all(|defect| defect.message.contains("`call: openapi` comes second"));
                    assert!(all, "{name}:\n{}{document}", told(&defects));
                }
            }
        }
    }
    assert!(documents > 20, "only {documents} documents were found");
}

fn shipped(name: &str) -> Arc<Definition> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let loaded = load_folder(&folder, &Rules::default()).unwrap();
    for file in &loaded {
        if let Err(defects) = &file.result {
            panic!("{}:\n{}", file.path.display(), told(defects));
        }
    }
    let mut definitions = loaded.into_iter().filter_map(|file| file.result.ok());
    definitions.find(|definition| definition.name == name).unwrap()
}

fn fits(definition: &Definition, input: &Value) -> bool {
    definition.input.schema.as_ref().unwrap().violations(input).is_empty()
}

#[test]
fn code_generation_takes_relative_paths_only() {
    let definition = shipped("code-generation");
    let input = |path: &str| json!({"files": [{"path": path, "content": "x"}], "description": "d"});
    for path in ["lib/auth.ts", "a", ".github/x.yml", "..a/b", "...", "a.b/c-d_e", "ä/ö.txt"] {
        assert!(fits(&definition, &input(path)), "{path:?} was refused");
    }
    let unsafe_paths = [
        "",
        "/etc/passwd",
        "../../etc/cron.d/x",
        "a/../b",
        "a/..",
        "..",
        ".",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "C:\\x",
        "C:x",
        "a\nb",
        "a\0b",
        "..\\x",
    ];
    for path in unsafe_paths {
        assert!(!fits(&definition, &input(path)), "{path:?} was taken");
    }
    assert!(!fits(&definition, &json!({"files": []})), "no files");
    assert!(!fits(&definition, &json!({"files": [{"path": "a", "content": "b", "mode": 7}]})));
}

/// What a `set` task of a shipped document makes of a value.
fn set(definition: &Definition, name: &str, input: &Value) -> Value {
    let task = definition.tasks.values().find(|task| task.name == name).unwrap();
    let TaskKind::Set { value } = &task.kind else { panic!("{name} is no set task") };
    value.evaluate(input, &Variables::default()).unwrap()
}

fn processed(task: &str, transform: Value, data: Value) -> Value {
    let definition = shipped("data-processing");
    let input = json!({"operation": "transform", "transform": transform, "data": data});
    assert!(fits(&definition, &input), "{input} does not fit");
    set(&definition, "count", &set(&definition, task, &input))
}

#[test]
fn data_is_normalised() {
    let data = json!([
        {"id": 1, "name": " John ", "email": " John@Example.com"},
        {"id": 2, "name": "Jane", "email": "jane@example.com", "E-Mail": "X@Y.Z", "n": {"a": " b"}},
    ]);
    let found = processed("normalize", json!("normalize"), data);
    let expected = json!([
        {"id": 1, "name": "John", "email": "john@example.com"},
        {"id": 2, "name": "Jane", "email": "jane@example.com", "E-Mail": "x@y.z", "n": {"a": " b"}},
    ]);
    assert_eq!(found["rows"], expected);
    let counts = json!({"before": 2, "after": 2, "removed": 0, "changed": 2, "problems": 0});
    assert_eq!(found["counts"], counts);
}

#[test]
fn data_is_deduplicated_by_content_in_its_order() {
    let data = json!([{"id": 2}, {"id": 1, "a": [1]}, {"id": 2}, {"a": [1], "id": 1}, {"id": 3}]);
    let found = processed("deduplicate", json!("deduplicate"), data);
    assert_eq!(found["rows"], json!([{"id": 2}, {"id": 1, "a": [1]}, {"id": 3}]));
    assert_eq!(found["counts"]["removed"], json!(2));
}

#[test]
fn data_is_validated_and_every_problem_named() {
    let data = json!([
        {"id": 1, "email": "a@b.example"},
        {"name": "x", "email": "nonsense"},
        {"id": 7},
        {"id": 7, "email": 5},
    ]);
    let found = processed("validate", json!("validate"), data.clone());
    assert_eq!(found["rows"], data);
    let expected = json!([
        {"row": 1, "problem": "has no id"},
        {"row": 1, "problem": "has no e-mail address in `email`"},
        {"row": 2, "problem": "shares its id with another row"},
        {"row": 3, "problem": "shares its id with another row"},
        {"row": 3, "problem": "has no e-mail address in `email`"},
    ]);
    assert_eq!(found["problems"], expected);
    assert_eq!(found["counts"]["problems"], json!(5));
}

#[test]
fn data_is_reduced_to_the_fields_asked_for() {
    let transform = json!({"fields": {"key": "id", "mail": "email"}});
    let found = processed("pickFields", transform, json!([{"id": 1, "email": "a", "x": 2}]));
    assert_eq!(found["rows"], json!([{"key": 1, "mail": "a"}]));
}

#[test]
fn data_processing_normalises_when_nothing_is_said() {
    let definition = shipped("data-processing");
    let from = definition.input.from.as_ref().unwrap();
    let input = json!({"operation": "o", "data": []});
    assert!(fits(&definition, &input));
    let made = from.evaluate(&input, &Variables::default()).unwrap();
    assert_eq!(made["transform"], json!("normalize"));
    for wrong in [json!("shuffle"), json!({"fields": {}}), json!({"expression": "."}), json!(1)] {
        let input = json!({"operation": "o", "data": [], "transform": wrong});
        assert!(!fits(&definition, &input), "{input} was taken");
    }
}

#[test]
fn the_simple_task_marks_its_data() {
    let definition = shipped("simple-task");
    let input = json!({"userId": "user-123", "action": "update-profile"});
    assert!(fits(&definition, &input));
    assert!(!fits(&definition, &json!({"userId": ""})) && !fits(&definition, &json!([])));
    let expected = json!({"userId": "user-123", "action": "update-profile", "processed": true});
    assert_eq!(set(&definition, "process", &input), expected);
}
