//! The secret of an agent is told to that agent and to nobody else, however it behaves; and a store
//! that is held, or a stand-in, tells nobody anything.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use holdpoint::calls::{Call, Caller, Function, Outcome, StandIn};
use holdpoint::engine::{EngineError, NewAuth, Standing};
use holdpoint::model::agent::{AuthScheme, Mode};
use holdpoint::model::problem::Kind;
use holdpoint::model::status::Status;
use holdpoint::store::{Redb, RedbOptions};
use serde_json::{Value, json};

use super::*;
use crate::calls::server::{Reply, Seen, json as json_reply, reply, with_header};
use crate::engine::me;
use crate::support::lines::Lines;

const CANARY: &str = "canary-\"7f3d\"-9a1c55e0";

fn canary() -> Option<NewAuth> {
    Some(NewAuth { scheme: AuthScheme::Bearer, header: None, secret: Some(CANARY.to_owned()) })
}

/// An agent that says what it was told, in every way that it can think of.
fn parrot(seen: &Seen) -> Reply {
    let told = seen.header("authorization").trim_start_matches("Bearer ").to_owned();
    match seen.target.as_str() {
        "/result" => json_reply(200, json!({ "text": told, told.as_str(): [told] })),
        "/shape" => json_reply(200, json!({ "text": { "said": told } })),
        "/malformed" => reply(200, "application/json", format!("{{ {told}")),
        "/error" => json_reply(500, json!({ "headers": format!("{:?}", seen.headers) })),
        "/refused" => reply(401, "text/plain", told),
        "/status" => with_header(json_reply(202, json!({})), "Location", &format!("/s/{told}")),
        _ => json_reply(404, json!({})),
    }
}

fn holds_canary(bytes: &[u8]) -> bool {
    // Spellings without the quotation marks, which are escaped in many ways.
    ["9a1c55e0", "OWExYzU1ZTA"]
        .iter()
        .any(|part| bytes.windows(part.len()).any(|window| window == part.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_log_or_file_holds_the_secret_of_an_agent() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    // Another test of the same process may have been first; then its lines are not ours to read.
    tracing::subscriber::set_global_default(subscriber).ok();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let store = Redb::open(RedbOptions::new(path.clone())).unwrap();
    let stage = Stage { store: Weather::over(Arc::new(store)), ..Stage::new() };
    let (engine, server) = (stage.engine().await, Server::start(parrot).await);
    let mut shown = String::new();
    for (way, wanted) in [
        ("/result", Status::Completed),
        ("/shape", Status::Failed),
        ("/malformed", Status::Failed),
        ("/error", Status::Failed),
        ("/refused", Status::Failed),
    ] {
        let mut new = NewAgent { auth: canary(), ..new_agent(&server, way) };
        (new.name, new.retry.max_attempts) = (format!("agent{}", way.replace('/', "-")), 2);
        let name = new.name.clone();
        let id = create(&engine, new).await.agent.id;
        let work = json!([{ "work": { "call": "agent", "with": { "agent": name, "input": {} } } }]);
        let workflow = format!("work{}", way.replace('/', "-"));
        register(&engine, &workflow, work).await;
        let job = submit(&engine, &workflow).await;
        until_status(&engine, job, wanted).await;
        let view = engine.job(job).await.unwrap();
        let logs = engine.logs(job, 0, 100).await.unwrap();
        let trial = engine.test_agent(id, json!({})).await.unwrap();
        shown += &format!("{view:?} {logs:?} {trial:?} {:?}", engine.agents());
    }
    let later = NewAgent {
        name: "later".to_owned(),
        auth: canary(),
        mode: Mode::Async,
        ..new_agent(&server, "/status")
    };
    create(&engine, later).await;
    let work = json!([{ "work": { "call": "agent", "with": { "agent": "later", "input": {} } } }]);
    register(&engine, "later", work).await;
    let job = submit(&engine, "later").await;
    until_waits(&engine, job, WaitCode::Callback).await;
    shown += &format!("{:?}", engine.logs(job, 0, 100).await.unwrap());
    let tree = engine.actors().await.unwrap();
    engine.stop().await;
    let told = server.seen();
    assert!(told.iter().all(|seen| seen.header("authorization") == format!("Bearer {CANARY}")));
    assert!(told.len() == 12, "{}", told.len());
    assert!(shown.contains("[secret of the agent]"), "{shown}");
    assert!(!holds_canary(shown.as_bytes()), "{shown}");
    assert!(!holds_canary(format!("{tree:?}").as_bytes()));
    assert!(!holds_canary(&std::fs::read(path).unwrap()), "the store holds the secret");
    let logged = lines.bytes();
    assert!(!holds_canary(&logged), "{}", String::from_utf8_lossy(&logged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_another_key_calls_nobody_and_says_why() {
    let stage = Stage::new();
    let (engine, server) = (stage.engine().await, Server::start(parrot).await);
    let id = create(&engine, NewAgent { auth: canary(), ..new_agent(&server, "/result") }).await;
    register_work(&engine, json!({})).await;
    engine.stop().await;
    let vault = Vault::from_key([9; 32]);
    let engine = Stage { vault, ..stage }.engine_again().await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Configuration), "{problem:?}");
    assert!(problem.detail.unwrap().contains("another key"));
    assert!(server.seen().is_empty());
    // Given again, it works again.
    let edit = holdpoint::engine::AgentEdit { auth: Some(canary()), ..Default::default() };
    engine.edit_agent(id.agent.id, edit, None, crate::engine::me()).await.unwrap();
    ended(&engine, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_a_store_that_is_held() {
    let mut stage = Stage::new();
    let (engine, server) =
        (stage.engine().await, Server::start(|_| json_reply(200, json!({ "text": "done" }))).await);
    let id = create(&engine, new_agent(&server, "/run")).await.agent.id;
    register_work(&engine, json!({})).await;
    engine.stop().await;
    let reason = "a copy".to_owned();
    let copy = stage.store.crash();
    Standing::hold_copy(&*copy, stage.clock.now(), reason).await.unwrap();
    let engine = stage.engine_again().await;
    let job = submit(&engine, "work").await;
    let refused = engine.test_agent(id, json!({})).await;
    assert!(matches!(refused, Err(EngineError::Held { .. })), "{refused:?}");
    assert!(server.seen().is_empty());
    engine.release(me(), "the original is gone".to_owned()).await.unwrap();
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(server.seen().len(), 1);
}

/// Notes what it is asked, and answers.
struct Understudy(Mutex<Vec<(Function, Value)>>);

#[async_trait]
impl StandIn for Understudy {
    async fn run(&self, call: &Call) -> Outcome {
        self.0.lock().unwrap().push((call.function, (*call.arguments).clone()));
        Outcome::Succeeded(json!("from the understudy"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stand_in_sees_calls_of_agents() {
    let understudy = Arc::new(Understudy(Mutex::default()));
    let stage = Stage::new();
    let parts = Parts {
        store: stage.store.clone(),
        clock: stage.clock.clone(),
        caller: Caller::standing_in(understudy.clone()),
        workflows: None,
        options: stage.options.clone(),
    };
    let engine = Engine::start(parts).await.unwrap();
    create(&engine, NewAgent::new("sums", "https://agent.example/run")).await;
    register_work(&engine, json!({})).await;
    let view = ended(&engine, Status::Completed).await;
    assert_eq!(view.job.result.as_deref(), Some(&json!("from the understudy")));
    let asked = understudy.0.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, Function::Agent);
    assert_eq!(asked[0].1.get("agent"), Some(&json!("sums")));
}
