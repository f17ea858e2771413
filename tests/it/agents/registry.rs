//! The registry: what is taken, what is refused and with which words, and what a restart finds.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use holdpoint::engine::{AgentEdit, EngineError, NewAuth};
use holdpoint::model::agent::{AuthScheme, RateLimit};
use holdpoint::model::limits::AGENT_NAME_BYTES_MAX;
use holdpoint::model::problem::Kind;
use serde_json::{Value, json};

use super::*;
use crate::calls::server::json as json_reply;

fn bearer(secret: &str) -> Option<NewAuth> {
    Some(NewAuth { scheme: AuthScheme::Bearer, header: None, secret: Some(secret.to_owned()) })
}

/// The pointers of everything that is wrong with a registration.
async fn defects(engine: &Engine, new: NewAgent) -> Vec<(String, String)> {
    match engine.create_agent(new, crate::engine::me()).await {
        Err(EngineError::InvalidAgent { violations }) => {
            violations.into_iter().map(|found| (found.pointer, found.message)).collect()
        }
        other => panic!("not refused for its defects: {other:?}"),
    }
}

fn local_agent(name: &str) -> NewAgent {
    NewAgent::new(name, "http://127.0.0.1:9/run")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_there_after_a_restart() {
    let mut stage = Stage::new();
    let engine = stage.engine().await;
    let new = NewAgent {
        tags: vec!["finance".to_owned()],
        auth: bearer("canary-secret"),
        rate_limit: Some(RateLimit { requests: 5, per_ms: 1_000 }),
        ..local_agent("Sums")
    };
    let created = create(&engine, new).await;
    create(&engine, local_agent("other")).await;
    engine.stop().await;
    let engine = stage.engine_again().await;
    let names: Vec<String> =
        engine.agents().into_iter().map(|view| view.agent.name.clone()).collect();
    assert_eq!(names, ["other", "Sums"]);
    let found = engine.find_agent("sUMS").unwrap();
    assert_eq!(found.agent, created.agent);
    assert_eq!(engine.find_agent(&created.agent.id.to_string()).unwrap().agent, created.agent);
    let sealed = &found.agent.auth.as_ref().unwrap().sealed;
    assert!(!format!("{found:?}").contains("canary") && !sealed.is_empty());
    for unknown in ["nobody", "0192f0c1-0000-7000-8000-000000000000"] {
        let refused = engine.find_agent(unknown);
        assert!(matches!(refused, Err(EngineError::UnknownAgent { .. })), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_and_changes_are_about_a_version() {
    let engine = Stage::new().engine().await;
    let first = create(&engine, local_agent("sums")).await.agent;
    let second = create(&engine, local_agent("reports")).await.agent;
    let taken = engine.create_agent(local_agent("SUMS"), crate::engine::me()).await;
    assert!(matches!(taken, Err(EngineError::AgentNameTaken { agent, .. }) if agent == first.id));
    let rename = |name: &str| AgentEdit { name: Some(name.to_owned()), ..AgentEdit::default() };
    let taken = engine.edit_agent(second.id, rename("Sums"), None, crate::engine::me()).await;
    assert!(matches!(taken, Err(EngineError::AgentNameTaken { .. })), "{taken:?}");
    // Its own name in other letters is no other agent's.
    let renamed = engine
        .edit_agent(first.id, rename("SUMS"), Some(1), crate::engine::me())
        .await
        .unwrap()
        .agent;
    assert_eq!((renamed.version, renamed.name.as_str()), (2, "SUMS"));
    let late = engine.edit_agent(first.id, rename("totals"), Some(1), crate::engine::me()).await;
    assert!(matches!(late, Err(EngineError::AgentChanged { version: 2 })), "{late:?}");
    engine.edit_agent(first.id, rename("totals"), Some(2), crate::engine::me()).await.unwrap();
    // The old name is free again.
    create(&engine, local_agent("sums")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_named_at_once() {
    let engine = Stage::new().engine().await;
    let mut new = local_agent(" ");
    new.endpoint = "ftp://127.0.0.1/#part".to_owned();
    new.tags = vec!["x".repeat(65), String::new()];
    new.auth = Some(NewAuth {
        scheme: AuthScheme::Header,
        header: Some("Content-Length".to_owned()),
        secret: Some("short".to_owned()),
    });
    (new.timeouts.connect_ms, new.timeouts.total_ms) = (0, u64::MAX);
    (new.retry.max_attempts, new.retry.backoff_ms) = (0, u64::MAX);
    new.concurrency_max = 0;
    new.rate_limit = Some(RateLimit { requests: 0, per_ms: 0 });
    new.input_schema = json!({ "type": "strin" });
    new.output_schema = json!({ "properties": { "a": { "minimum": "1" } } });
    let found = defects(&engine, new).await;
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    for expected in [
        "/name",
        "/endpointURL",
        "/tags/0",
        "/tags/1",
        "/auth/header",
        "/auth/secret",
        "/timeouts/connectMs",
        "/timeouts/totalMs",
        "/retry/maxAttempts",
        "/retry/backoffMs",
        "/maxConcurrency",
        "/rateLimit/requests",
        "/rateLimit/perMs",
        "/inputSchema/type",
        "/outputSchema/properties/a/minimum",
    ] {
        assert!(pointers.contains(&expected), "{expected} is not in {found:?}");
    }
    assert!(engine.agents().is_empty());
    let long = defects(&engine, local_agent(&"n".repeat(AGENT_NAME_BYTES_MAX + 1))).await;
    assert_eq!(long[0].0, "/name");
    let uuid = defects(&engine, local_agent("0192f0c1-0000-7000-8000-000000000000")).await;
    assert_eq!(uuid[0].0, "/name");
    let basic = NewAuth {
        scheme: AuthScheme::Basic,
        header: None,
        secret: Some("no colon in here".to_owned()),
    };
    let basic = defects(&engine, NewAgent { auth: Some(basic), ..local_agent("b") }).await;
    assert!(basic[0].1.contains("user:password"), "{basic:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_could_do_harm_are_refused() {
    let mut deep = json!({});
    for _ in 0..70 {
        deep = json!({ "items": deep });
    }
    let cases: [(Value, &str); 6] = [
        (json!({ "$ref": "http://169.254.169.254/schema.json" }), "nothing is fetched"),
        (json!({ "$ref": "file:///etc/passwd" }), "nothing is fetched"),
        (json!({ "pattern": "(?=a)b" }), "linear time"),
        (json!({ "pattern": "(a{1000}){1000}" }), ""),
        (deep, "deeper"),
        (json!({ "enum": ["x".repeat(300_000)] }), "larger"),
    ];
    let engine = Stage::new().engine().await;
    for (schema, words) in cases {
        for (pointer, new) in [
            ("/inputSchema", NewAgent { input_schema: schema.clone(), ..local_agent("x") }),
            ("/outputSchema", NewAgent { output_schema: schema.clone(), ..local_agent("x") }),
        ] {
            let found = defects(&engine, new).await;
            assert!(found.iter().all(|(place, _)| place.starts_with(pointer)), "{found:?}");
            assert!(found.iter().any(|(_, message)| message.contains(words)), "{words}: {found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_would_backtrack_for_ever_is_matched_in_linear_time() {
    let server =
        Server::start(|_| json_reply(200, json!({ "text": "a".repeat(50_000) + "!" }))).await;
    let engine = Stage::new().engine().await;
    let mut new = new_agent(&server, "/run");
    new.output_schema = json!({ "properties": { "text": { "pattern": "^(a+)+$" } } });
    create(&engine, new).await;
    register_work(&engine, json!({})).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Validation), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_may_not_be_called_is_not_registered() {
    let mut stage = Stage::new();
    stage.egress = holdpoint::calls::Options::default();
    let engine = stage.engine().await;
    for endpoint in [
        "http://169.254.169.254/latest",
        "http://127.0.0.1:9/",
        "http://[::1]/",
        "http://2130706433/",
        "http://10.0.0.7/",
        "https://user:secret-word@agent.example/",
        "gopher://agent.example/",
        "/relative",
    ] {
        let found = defects(&engine, NewAgent::new("x", endpoint)).await;
        assert_eq!(found[0].0, "/endpointURL", "{endpoint}: {found:?}");
        assert!(!found[0].1.contains("secret-word"), "{found:?}");
    }
}

/// A name that is public at first and moves home later.
struct Moving(AtomicU8);

#[async_trait]
impl Lookup for Moving {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match host {
            "nowhere.example" => Err(io::Error::other("no such name")),
            "home.example" => Ok(vec![IpAddr::V4(Ipv4Addr::new(192, 168, 0, 7))]),
            _ if self.0.fetch_add(1, Ordering::SeqCst) == 0 => {
                Ok(vec![IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34))])
            }
            _ => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_looked_up_at_registration_and_again_at_every_call() {
    let server = Server::start(|_| json_reply(200, json!({ "text": "stolen" }))).await;
    let port = server.address.port();
    let mut stage = Stage::new();
    stage.egress = holdpoint::calls::Options::default();
    stage.lookup = Some(Arc::new(Moving(AtomicU8::new(0))));
    let engine = stage.engine().await;
    let found = defects(&engine, NewAgent::new("x", "https://home.example/run")).await;
    assert!(found[0].1.contains("192.168.0.7"), "{found:?}");
    let found = defects(&engine, NewAgent::new("x", "https://nowhere.example/run")).await;
    assert!(found[0].1.contains("could not resolve nowhere.example"), "{found:?}");

    let endpoint = format!("http://moving.example:{port}/run");
    create(&engine, NewAgent::new("sums", endpoint)).await;
    register_work(&engine, json!({})).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Authorization), "{problem:?}");
    let detail = problem.detail.unwrap();
    assert!(!detail.contains("127.0.0.1") && !detail.contains("moving.example"), "{detail}");
    assert!(server.seen().is_empty());
    let id = engine.find_agent("sums").unwrap().agent.id;
    let trial = engine.test_agent(id, json!({})).await.unwrap();
    assert!(trial.problem.unwrap().detail.unwrap().contains("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stays_where_it_was_given() {
    let old = Server::start(|_| json_reply(200, json!({ "text": "old" }))).await;
    let new = Server::start(|_| json_reply(200, json!({ "text": "new" }))).await;
    let engine = Stage::new().engine().await;
    let auth = bearer("canary-secret");
    let id = create(&engine, NewAgent { auth, ..new_agent(&old, "/run") }).await.agent.id;
    register_work(&engine, json!({})).await;
    let change = |edit: AgentEdit| engine.edit_agent(id, edit, None, crate::engine::me());
    let to = |endpoint: String| AgentEdit { endpoint: Some(endpoint), ..AgentEdit::default() };
    change(to(old.url("/other"))).await.unwrap();
    ended(&engine, Status::Completed).await;
    assert_eq!(old.seen()[0].header("authorization"), "Bearer canary-secret");

    let Err(EngineError::InvalidAgent { violations }) = change(to(new.url("/run"))).await else {
        panic!("a secret went to another server")
    };
    assert_eq!(violations[0].pointer, "/auth/secret");
    let with_secret = AgentEdit { auth: Some(bearer("another-secret")), ..to(new.url("/run")) };
    change(with_secret).await.unwrap();
    ended(&engine, Status::Completed).await;
    assert_eq!(new.seen()[0].header("authorization"), "Bearer another-secret");

    let kept = NewAuth { scheme: AuthScheme::Basic, header: None, secret: None };
    let other_scheme = AgentEdit { auth: Some(Some(kept)), ..AgentEdit::default() };
    assert!(matches!(change(other_scheme).await, Err(EngineError::InvalidAgent { .. })));
    change(AgentEdit { auth: Some(None), ..AgentEdit::default() }).await.unwrap();
    ended(&engine, Status::Completed).await;
    assert_eq!(new.seen()[1].header("authorization"), "");
}
