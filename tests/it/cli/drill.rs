//! `drill` on stores that a real server wrote: everything recovers, what is broken is found, and
//! the store is not touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdpoint::app::drill::{Kind, Order, Report, drill};
use holdpoint::calls::Secrets;
use holdpoint::cli::agent_sim::AgentSim;
use holdpoint::config::store::StoreUrl;
use holdpoint::engine::{Engine, NewAgent, NewJob};
use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::event::Event;
use holdpoint::model::id::{ContentHash, JobId};
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::store::{Memory, Redb, RedbOptions, Store};
use serde_json::{Value, json};

use super::{Run, command, ended, holdpoint, shipped};
use crate::engine::agent::Agent;
use crate::engine::weather::{Fate, Weather};
use crate::engine::{
    approve, checkpoint, me, new_job, register, status, submit, until, until_pending, until_status,
};
use crate::support::server::{self, TestServer};

/// A server whose store stays when it goes.
async fn serve(folder: &Path) -> TestServer {
    let (store, artifacts) = (folder.join("holdpoint.redb"), folder.join("artifacts"));
    server::start(|config| {
        config.store.url = StoreUrl::Redb(store);
        config.artifacts.dir = artifacts;
        config.egress.allow = vec!["127.0.0.0/8".to_owned()];
    })
    .await
}

/// One of everything that a workflow can do to be interrupted.
async fn register_everything(engine: &Engine, agent: &Agent) {
    register(engine, "leaf", json!([{ "ask": agent.task("get", "/leaf") }])).await;
    let run = json!({ "namespace": "test", "name": "leaf", "version": "1.0.0" });
    let retry = json!({
        "delay": { "milliseconds": 30 }, "limit": { "attempt": { "count": 2 } },
    });
    let tasks = json!([
        { "first": agent.task("get", "/first") },
        { "order": agent.task("post", "/order") },
        { "gate": checkpoint() },
        { "spread": { "fork": { "branches": [
            { "left": agent.task("get", "/left") },
            { "right": agent.task("put", "/right") },
        ] } } },
        { "each": {
            "for": { "each": "n", "in": "${ [1, 2] }" },
            "do": [{ "again": agent.task("put", "/again") }],
        } },
        { "tried": {
            "try": [{ "fails": agent.task("get", "/fail") }],
            "catch": { "retry": retry, "do": [{ "given-up": { "set": { "tried": true } } }] },
        } },
        { "pause": { "wait": { "milliseconds": 50 } } },
        { "down": { "run": { "workflow": run, "await": true } } },
        { "hear": { "listen": { "to": { "one": { "with": { "type": "go" } } } } } },
    ]);
    register(engine, "everything", tasks).await;
}

async fn run_everything(engine: &Engine) -> JobId {
    let job = submit(engine, "everything").await;
    approve(engine, until_pending(engine, job).await).await;
    let listens = async || {
        let waiting = engine.job_row(job).await.unwrap().waiting_for;
        waiting.is_some_and(|waiting| waiting.code == WaitCode::Event)
    };
    until(engine, "it listens", listens).await;
    let event = json!({
        "specversion": "1.0", "id": "7", "source": "test", "type": "go", "data": { "go": "on" },
    });
    engine.deliver(CloudEvent::parse(event).unwrap(), me()).await.unwrap();
    until_status(engine, job, Status::Completed).await;
    job
}

/// A job for an agent who leaves the currency out until it is told: its first result is refused and
/// sent back, its second one taken.
async fn run_for_agent(engine: &Engine, mut new: NewJob) {
    let sim = AgentSim::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    engine.create_agent(NewAgent::new("learner", sim.url("/learns")), me()).await.unwrap();
    let when = ".text | test(\"EUR\")";
    let rule = json!({ "name": "currency", "when": when, "message": "the currency is missing" });
    new.acceptance_rules = Arc::new(json!([rule]));
    let submitted = engine.submit_assigned(new, "learner", me(), None).await.unwrap();
    until_status(engine, submitted.job.row.id, Status::Completed).await;
    assert_eq!(sim.seen().len(), 2, "a first result, and a better one");
}

/// The shipped workflows, a job of each.
async fn run_shipped(engine: &Engine) {
    let of = |job_type: &str, input: Value| {
        let mut new = new_job(job_type);
        new.input = Arc::new(input);
        new
    };
    let submit = async |new| engine.submit(new, me(), None).await.unwrap().job.row.id;
    let simple = submit(of("simple-task", json!({ "userId": "u", "action": "a" }))).await;
    until_status(engine, simple, Status::Completed).await;
    run_for_agent(engine, of("agent-task", json!({ "invoices": [12, 30] }))).await;
    let files = json!({ "files": [{ "path": "a.txt", "content": "a" }], "description": "d" });
    let code = submit(of("code-generation", files)).await;
    approve(engine, until_pending(engine, code).await).await;
    until_status(engine, code, Status::Completed).await;
    let data = json!({
        "operation": "transform", "data": [{ "id": 1, "name": "J" }], "transform": "normalize",
    });
    let job = submit(of("data-processing", data)).await;
    loop {
        let over = async || {
            let ended = status(engine, job).await.is_some_and(Status::is_ended);
            ended || crate::engine::pending(engine, job).await.is_some()
        };
        until(engine, "a checkpoint or the end", over).await;
        match crate::engine::pending(engine, job).await {
            Some(open) => approve(engine, open).await,
            None => break,
        }
    }
}

fn digest(file: &Path) -> ContentHash {
    ContentHash::of(&std::fs::read(file).unwrap())
}

fn drilled(folder: &Path, arguments: &[&str]) -> Run {
    ended(command(folder, &[&["drill"], arguments].concat()).output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kill_of_every_workflow_is_survived_and_the_store_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (server, agent) = (serve(folder.path()).await, Agent::start().await);
    let engine = server.app.engine.clone();
    register_everything(&engine, &agent).await;
    let job = run_everything(&engine).await;
    run_shipped(&engine).await;
    // One that nobody can rehearse, and one that goes on.
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    let terminated = submit(&engine, "gate").await;
    until_pending(&engine, terminated).await;
    let reason = "a test".to_owned();
    let terminate = holdpoint::model::command::Command::Terminate { reason };
    engine.command(terminated, terminate, me()).await.unwrap();
    let waiting = submit(&engine, "gate").await;
    until_pending(&engine, waiting).await;

    let running = drilled(folder.path(), &["--data", "."]);
    assert_eq!(running.code, 74, "{}{}", running.out, running.err);
    assert!(running.err.contains("holdpoint drill --from FILE"), "{}", running.err);
    let backup = folder.path().join("backup.redb");
    server.stop().await;

    let store = folder.path().join("holdpoint.redb");
    let before = digest(&store);
    let calls = agent.seen().len();
    let run = drilled(folder.path(), &["--data", ".", "--json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let answer: Value = serde_json::from_str(&run.out).unwrap();
    let of = |name: &str, member: &str| answer["drill"]["workflows"][name][member].as_u64();
    let shipped = shipped();
    for name in shipped.iter().map(String::as_str).chain(["everything"]) {
        assert_eq!((of(name, "jobs"), of(name, "differs")), (Some(1), Some(0)), "{answer:#}");
        let points = of(name, "killPoints").unwrap();
        assert!(points >= 4, "{name}: {points}");
        assert_eq!(Some(points), of(name, "boundaries").map(|n| 2 * n), "{answer:#}");
        assert_eq!(Some(points), of(name, "recovered"), "{answer:#}");
    }
    assert!(of("everything", "killPoints").unwrap() >= 40, "{answer:#}");
    assert!(of("everything", "asked").unwrap() > 0, "the POST is asked about: {answer:#}");
    assert_eq!((&answer["total"]["lost"], &answer["total"]["doubled"]), (&json!(0), &json!(0)));
    let skipped = &answer["drill"]["skipped"];
    assert_eq!(skipped[0]["job"], json!(terminated.to_string()), "{answer:#}");
    assert_eq!(skipped[0]["reason"], "it was terminated by a person");
    assert_eq!(skipped.as_array().unwrap().len(), 1, "what goes on is no matter: {answer:#}");

    // People are told the same, of one workflow, from a backup.
    let out = backup.to_str().unwrap();
    let taken =
        ended(command(folder.path(), &["backup", "--data", ".", "--out", out]).output().unwrap());
    assert_eq!(taken.code, 0, "{}", taken.err);
    let before = (before, digest(&backup));
    let told = drilled(folder.path(), &["--from", out, "--workflow", "everything"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    for words in ["✅ 1 job × ", ": 0 lost, 0 doubled", "everything  1"] {
        assert!(told.out.contains(words), "{words} is not in\n{}", told.out);
    }
    let nothing = drilled(folder.path(), &["--from", out, "--workflow", "gate"]);
    assert_eq!(nothing.code, 1, "{}", nothing.out);
    assert!(nothing.out.contains("Nothing was drilled"), "{}", nothing.out);
    assert!(nothing.out.contains(&terminated.to_string()), "{}", nothing.out);
    assert_eq!(before.1, digest(&backup), "a backup is not touched");
    assert_eq!(calls, agent.seen().len(), "nobody was called; job {job}");
    let opened = Redb::open(RedbOptions::new(&store)).unwrap();
    assert!(opened.job(waiting).await.unwrap().is_some());
    opened.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_store_is_the_same_to_the_last_byte_after_a_drill() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    run_shipped(&server.app.engine).await;
    server.stop().await;
    let store = folder.path().join("holdpoint.redb");
    let before = digest(&store);
    assert_eq!(drilled(folder.path(), &["--data", ".", "--jobs", "1"]).code, 0);
    assert_eq!(before, digest(&store));

    // A damaged one is refused in the words of the store, and left alone as well.
    let mut bytes = std::fs::read(&store).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0xa5);
    std::fs::write(&store, bytes).unwrap();
    let before = digest(&store);
    let refused = drilled(folder.path(), &["--data", "."]);
    assert_eq!(refused.code, 74, "{}{}", refused.out, refused.err);
    for words in ["is damaged", "./holdpoint.redb", "not served"] {
        assert!(refused.err.contains(words), "{words} is not in\n{}", refused.err);
    }
    assert!(!refused.err.contains("holdpoint-drill-"), "{}", refused.err);
    assert_eq!(before, digest(&store));
    let missing = holdpoint(&["drill", "--from", "nothing.redb"]);
    assert_eq!(missing.code, 74, "{}{}", missing.out, missing.err);
    assert!(missing.err.contains("nothing.redb"), "{}", missing.err);
}

/// A store with one job of a call and a checkpoint that has ended.
async fn small_store(agent: &Agent) -> (PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path()).await;
    let engine = server.app.engine.clone();
    register(&engine, "small", json!([{ "a": agent.task("get", "/a") }, { "b": checkpoint() }]))
        .await;
    let job = submit(&engine, "small").await;
    approve(&engine, until_pending(&engine, job).await).await;
    until_status(&engine, job, Status::Completed).await;
    server.stop().await;
    (folder.path().join("holdpoint.redb"), folder)
}

/// Drills with stores of this kind; the first one is that of the rehearsal in peace.
async fn drill_on(
    store: &Path,
    scratch: impl Fn(usize) -> Arc<dyn Store> + Send + Sync + 'static,
) -> Report {
    let store = Arc::new(Redb::open(RedbOptions::new(store)).unwrap());
    let made = AtomicUsize::new(0);
    let scratch = Arc::new(move || scratch(made.fetch_add(1, Ordering::SeqCst)));
    let order = Order { jobs: 10, workflow: None };
    let report = drill(store.clone(), order, Secrets::default(), scratch).await.unwrap();
    store.close().await.unwrap();
    report
}

fn honest(_: usize) -> Arc<dyn Store> {
    Arc::new(Memory::new())
}

/// A store that says that it has what it does not have, the first time that this is in a commit.
fn liar(about: fn(&Event) -> bool) -> Arc<dyn Store> {
    let weather = Weather::new();
    let mut lies = 1;
    weather.plan(move |commit| match commit.events.iter().any(|event| about(event)) {
        true if lies > 0 => {
            lies -= 1;
            Fate::Pretended
        }
        _ => Fate::Pass,
    });
    weather
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgets_what_it_acknowledged_is_found_out() {
    let agent = Agent::start().await;
    let (store, _folder) = small_store(&agent).await;
    let total = drill_on(&store, honest).await.total();
    assert_eq!(total.kill_points, 2 * total.boundaries, "{total:?}");
    assert_eq!((total.recovered, total.jobs), (total.kill_points, 1), "{total:?}");

    let settled = |number| match number {
        0 => honest(number),
        _ => liar(|event| matches!(event, Event::CallSettled { .. })),
    };
    let report = drill_on(&store, settled).await;
    assert!(report.total().doubled > 0, "{report:#?}");
    let failure = report.failures.iter().find(|failure| failure.kind == Kind::Doubled).unwrap();
    assert!(failure.reason.contains("again after its answer"), "{failure:?}");
    assert!(failure.killed.contains("commit "), "{failure:?}");

    let decided = |number| match number {
        0 => honest(number),
        _ => liar(|event| matches!(event, Event::Decided { .. })),
    };
    let report = drill_on(&store, decided).await;
    let total = report.total();
    assert!(total.lost + total.doubled > 0, "{report:#?}");

    // One that lies in peace as well is not drilled at all: it does not do what was done.
    let always = |_| liar(|event| matches!(event, Event::CallSettled { .. }));
    let report = drill_on(&store, always).await;
    assert_eq!((report.total().differs, report.total().kill_points), (1, 0), "{report:#?}");
}
