//! The conformance kit of the standard (`ctk/features`), run through the public API of a whole
//! server. Each scenario has a server of its own, because the kit uses some names and versions
//! twice; so every document is sent exactly as it is written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use self::gherkin::Scenario;
use self::outcome::Outcome;
use self::plan::{Plan, plan};
use self::services::{NAMES, Services};
use crate::support::server::{self, TestServer};

/// The files.
mod gherkin;
/// What came of a scenario.
mod outcome;
/// What a scenario asks for.
mod plan;
/// The services that the kit calls.
mod services;

/// Scenarios that are not run yet, with the reason for which their documents must be refused. One
/// that begins to be accepted has to leave the list.
const PENDING: &[(&str, &str)] = &[
    ("Call OpenAPI With Content Output", "`call: openapi` comes second"),
    ("Call OpenAPI With Response Output", "`call: openapi` comes second"),
];

/// How a scenario went, unless it failed.
enum Verdict {
    Passed,
    Pending,
}

/// The standard's features, which are not part of this repository.
fn features() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/swf");
    let folder = std::env::var_os("SWF_SPEC_DIR").map_or(beside, PathBuf::from);
    let folder = folder.join("ctk/features");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: the conformance kit is not at {}; set SWF_SPEC_DIR", folder.display());
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_of_the_kit_passes_but_those_that_come_later() {
    let Some(folder) = features() else { return };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "feature")).collect();
    files.sort();
    let mut scenarios = Vec::new();
    for path in files {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        scenarios.extend(read(&file, &std::fs::read_to_string(&path).unwrap()));
    }
    let Tally { passed, pending } = run_all(&scenarios).await;
    let listed: Vec<&str> = PENDING.iter().map(|(name, _)| *name).collect();
    assert_eq!(pending, listed, "a scenario of the list is not in the kit");
    assert!(passed > 15, "only {passed} scenarios were found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standard_says_beyond_its_kit_holds() {
    let scenarios = read("beyond.feature", include_str!("conformance_kit/beyond.feature"));
    let Tally { passed, .. } = run_all(&scenarios).await;
    assert_eq!(passed, scenarios.len());
}

/// Every scenario of a file, with the file's name.
fn read(file: &str, text: &str) -> Vec<(String, Scenario)> {
    let feature = gherkin::parse(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    feature.scenarios.into_iter().map(|scenario| (file.to_owned(), scenario)).collect()
}

/// How many passed, and which are pending.
struct Tally {
    passed: usize,
    pending: Vec<String>,
}

/// Runs them one by one, prints the table, and fails with every failure.
async fn run_all(scenarios: &[(String, Scenario)]) -> Tally {
    let services = Services::start().await;
    let mut tally = Tally { passed: 0, pending: Vec::new() };
    let (mut table, mut failures) = (String::new(), Vec::new());
    for (file, scenario) in scenarios {
        let name = scenario.name.as_str();
        let word = match run(scenario, &services).await {
            Ok(Verdict::Passed) => {
                tally.passed += 1;
                "passed"
            }
            Ok(Verdict::Pending) => {
                tally.pending.push(name.to_owned());
                "pending"
            }
            Err(problem) => {
                failures.push(format!("{file}: {name}: {problem}"));
                "FAILED"
            }
        };
        let _ = writeln!(table, "{file:<18} {name:<46} {word}");
    }
    let Tally { passed, pending } = &tally;
    println!("{table}{passed} passed, {} pending, {} failed", pending.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    tally
}

async fn run(scenario: &Scenario, services: &Services) -> Result<Verdict, String> {
    let plan = plan(scenario)?;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, &services.https.authority).unwrap();
    let address = services.https.address;
    let server = server::start(|config| {
        config.workflows.dir = folder.path().to_owned();
        config.egress.allow = vec![address.ip().to_string()];
        config.egress.ca_files = vec![authority];
        config.egress.resolve = NAMES.iter().map(|name| ((*name).to_owned(), address)).collect();
    })
    .await;
    let pending = PENDING.iter().find(|(name, _)| *name == scenario.name);
    let verdict = match pending {
        Some((_, reason)) => is_refused(&server, &plan, reason).await,
        None => passes(&server, &plan).await,
    };
    server.stop().await;
    let asked = services.were_asked_by(&scenario.name);
    verdict.and_then(|verdict| asked.map(|()| verdict))
}

async fn register(server: &TestServer, plan: &Plan) -> (u16, Value) {
    let body = Some(("application/yaml", plan.definition.clone()));
    let reply = server.client.send(Method::POST, "/api/admin/workflows", body).await;
    (reply.status, reply.body)
}

async fn is_refused(server: &TestServer, plan: &Plan, reason: &str) -> Result<Verdict, String> {
    let (status, body) = register(server, plan).await;
    if status == 201 {
        return Err("is accepted now; take it off the list of pending scenarios".to_owned());
    }
    let errors = body["errors"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let because = |error: &Value| error["message"].as_str().is_some_and(|m| m.contains(reason));
    if status == 422 && !errors.is_empty() && errors.iter().all(because) {
        return Ok(Verdict::Pending);
    }
    Err(format!("is refused for another reason than {reason:?}: {status} {body:#}"))
}

async fn passes(server: &TestServer, plan: &Plan) -> Result<Verdict, String> {
    let (status, body) = register(server, plan).await;
    if status != 201 {
        return Err(format!("is not registered: {status} {body:#}"));
    }
    let mut job = json!({"jobType": body["workflow"]["name"], "taskDescription": "conformance"});
    if let Some(input) = &plan.input {
        job["inputData"] = input.clone();
    }
    let created = server.client.post("/api/agent-jobs", &job).await;
    if created.status != 201 {
        return Err(format!("no job: {} {:#}", created.status, created.body));
    }
    let id = created.body["job"]["id"].as_str().ok_or("the job has no id")?;
    let mut told = server.wait_for_end(id).await;
    let path = format!("/api/jobs/{id}/timeline");
    told["timeline"] = server.client.get(&path).await.expect(200)["timeline"].take();
    let outcome: Outcome = serde_json::from_value(told).map_err(|error| error.to_string())?;
    for (line, expectation) in &plan.expectations {
        let kept = outcome.keeps(expectation);
        kept.map_err(|problem| format!("line {line}: {expectation:?}: {problem}"))?;
    }
    Ok(Verdict::Passed)
}
