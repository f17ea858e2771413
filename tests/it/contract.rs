//! The API against its own description: Schemathesis makes requests of every operation, right and
//! wrong ones, from one seed. No answer may be a server error, and none may be one that the
//! description does not have.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::server::{self, TestServer};

/// Where each run begins.
const SEED: &str = "1";
/// Requests of each kind for each operation.
const EXAMPLES: &str = "10";
/// What would end the session of the run, or guess at logins until it is told to wait.
const LEFT_OUT: &str = "auth/(login|logout|password)";
/// The operation whose answer goes on until a gate is decided.
const STREAM: &str = "followGate";
/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method,allow_header_conformance,use_after_free";

fn program() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin");
    let program = folder.join("schemathesis");
    program.exists().then_some(program)
}

/// A server with something of every kind in it, so that there are answers beside refusals.
async fn filled() -> TestServer {
    let server = server::start(|_| {}).await;
    let job = json!({"name": "Contract", "description": "Something", "jobType": "simple-task",
        "acceptanceCriteria": "It is done", "inputData": {"a": 1}, "autoExecute": false});
    server.client.post("/api/jobs", &job).await.expect(201);
    let template = json!({"name": "contract", "job": {"name": "From a template"}});
    server.client.post("/api/templates", &template).await.expect(201);
    server
}

/// The first value at this place of a list.
async fn first(server: &TestServer, list: &str, pointer: &str) -> Option<Value> {
    server.client.get(list).await.expect(200).pointer(pointer).cloned()
}

/// The description with what exists as examples of ids, and without the answer that stands for all
/// others: with it, no status would be one too many.
async fn description(server: &TestServer) -> Value {
    let mut document = server.client.get("/api/openapi.json").await.expect(200);
    let job = first(server, "/api/jobs", "/jobs/0/id").await;
    let template = first(server, "/api/templates", "/templates/0/id").await;
    for (path, item) in document["paths"].as_object_mut().unwrap() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            let answers = operation["responses"].as_object_mut().expect("answers");
            assert!(answers.remove("default").is_some(), "{path}");
            // The schema is that of the data of an event; a stream is no JSON as a whole.
            for answer in answers.values_mut() {
                let stream = answer.pointer_mut("/content/text~1event-stream");
                if let Some(stream) = stream.and_then(Value::as_object_mut) {
                    stream.remove("schema");
                }
            }
            let known = if path.contains("jobs/{id}") { &job } else { &template };
            let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut)
            else {
                continue;
            };
            // Whoever waits for a decision waits as long as was asked for: not here.
            parameters.retain(|parameter| parameter["name"] != "wait");
            for parameter in parameters.iter_mut().filter(|parameter| parameter["name"] == "id") {
                if let Some(id) = known {
                    parameter["example"] = id.clone();
                }
            }
        }
    }
    document
}

/// Runs it to its end; what it found is shown when it found something.
async fn examine(server: &TestServer, more: &[&str]) {
    let Some(program) = program() else {
        eprintln!("skipped: schemathesis is not installed; run tests/setup");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, description(server).await.to_string()).unwrap();
    let output = Command::new(program)
        .arg("run")
        .arg(&file)
        .args(["--url", &server.url, "--seed", SEED, "--max-examples", EXAMPLES])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--generation-database", "none", "--generation-with-security-parameters", "false"])
        .args(["--no-color", "--request-timeout", "30", "--max-failures", "20"])
        .args(["--workers", "1", "--continue-on-failure", "--warnings", "off"])
        .args(more)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains(" passed"), "it did something: {said}");
    assert!(!said.contains(" 0 generated"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_signed_in_caller_is_described() {
    let server = filled().await;
    let cookie = format!("Cookie: {}", server.client.cookie());
    let signed_in = ["--header", &cookie, "--exclude-path-regex", LEFT_OUT];
    examine(&server, &[&signed_in[..], &["--exclude-operation-id", STREAM]].concat()).await;
    // What goes on for ever is looked at until there has been time for an answer to begin.
    let stream = ["--include-operation-id", STREAM, "--request-timeout", "2"];
    examine(&server, &[&signed_in[..2], &stream[..]].concat()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_caller_without_a_login_is_described() {
    let server = filled().await;
    examine(&server, &[]).await;
    server.stop().await;
}
