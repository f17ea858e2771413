//! What a call of an agent sends, and what each answer means.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdpoint::engine::{Engine, NewAuth};
use holdpoint::model::agent::{AuthScheme, Mode};
use holdpoint::model::checkpoint::Purpose;
use holdpoint::model::problem::Kind;
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::*;
use crate::calls::server::{Reply, Seen, json as json_reply, redirect, reply, with_header};
use crate::engine::{pending, until_pending};

fn good() -> Reply {
    json_reply(200, json!({ "text": "total 42" }))
}

/// Answers with these, one after the other; the last one again and again.
fn in_turn(replies: Vec<fn() -> Reply>) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let count = Arc::new(AtomicUsize::new(0));
    move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        replies.get(turn).or(replies.last()).map_or_else(good, |reply| reply())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inputs_are_posted_with_a_key_and_credentials() {
    let schemes = [
        (AuthScheme::Bearer, None, "canary-secret", "authorization", "Bearer canary-secret"),
        (
            AuthScheme::Basic,
            None,
            "vera:canary-secret",
            "authorization",
            "Basic dmVyYTpjYW5hcnktc2VjcmV0",
        ),
        (AuthScheme::Header, None, "canary-secret", "x-api-key", "canary-secret"),
        (AuthScheme::Header, Some("X-Team"), "canary-secret", "x-team", "canary-secret"),
    ];
    for (scheme, header, secret, sent_in, sent) in schemes {
        let (engine, server) = (Stage::new().engine().await, Server::start(|_| good()).await);
        let auth =
            NewAuth { scheme, header: header.map(str::to_owned), secret: Some(secret.to_owned()) };
        create(&engine, NewAgent { auth: Some(auth), ..new_agent(&server, "/run?v=2") }).await;
        register_work(&engine, json!({})).await;
        let view = ended(&engine, Status::Completed).await;
        assert_eq!(view.job.result.as_deref(), Some(&json!({ "text": "total 42" })));
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("POST", "/run?v=2"));
        assert_eq!(seen[0].header("content-type"), "application/json");
        assert_eq!(seen[0].header("accept"), "application/json");
        assert_eq!(seen[0].header(sent_in), sent);
        assert_eq!(seen[0].header("holdpoint-job-id"), view.row.id.to_string());
        assert!(seen[0].header("idempotency-key").starts_with(&view.row.id.to_string()));
        assert_eq!(seen[0].header("holdpoint-callback-url"), "");
        assert_eq!(serde_json::from_str::<Value>(&seen[0].body).unwrap(), json!({"task": "sum"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_agent_is_asked_again_with_the_same_key_when_it_says() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let busy: fn() -> Reply =
        || with_header(json_reply(503, json!({ "error": "busy" })), "Retry-After", "120");
    let limited: fn() -> Reply = || reply(429, "text/plain", "slow down");
    let server = Server::start(in_turn(vec![busy, limited, good])).await;
    create(&engine, new_agent(&server, "/run")).await;
    register_work(&engine, json!({})).await;
    let job = submit(&engine, "work").await;
    let text = until_waits(&engine, job, WaitCode::Retry).await;
    assert!(text.contains("503") && text.contains("busy"), "{text}");
    let none = async || engine.worker().await.is_ok_and(|worker| worker.active_jobs == 0);
    until(&engine, "a wait holds no slot", none).await;
    clock.advance(Span::from_secs(119));
    let row = engine.job_row(job).await.unwrap();
    assert_eq!(row.waiting_for.map(|waiting| waiting.code), Some(WaitCode::Retry));
    assert_eq!(server.seen().len(), 1);
    clock.advance(Span::from_secs(1));
    until_status(&engine, job, Status::Completed).await;
    let keys: Vec<String> =
        server.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, vec![keys[0].clone(); 3]);
    assert_eq!(engine.job(job).await.unwrap().row.attempts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_come_to_an_end_and_the_error_counts_them() {
    let (engine, server) = (
        Stage::new().engine().await,
        Server::start(|_| json_reply(500, json!({ "why": "no model is loaded" }))).await,
    );
    let mut new = new_agent(&server, "/run");
    new.retry.max_attempts = 3;
    create(&engine, new).await;
    register_work(&engine, json!({})).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Communication) && problem.status == 500, "{problem:?}");
    let detail = problem.detail.unwrap();
    assert!(
        detail.contains("after 3 attempts") && detail.contains("no model is loaded"),
        "{detail}"
    );
    assert_eq!(server.seen().len(), 3);
}

/// An agent that answers like this ends its job like that, at the first attempt.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_would_be_the_same_again_are_not_asked_for_again() {
    let wrong_shape = || json_reply(200, json!({ "text": 7, "total": "many" }));
    let huge = || reply(200, "application/json", format!("\"{}\"", "x".repeat(70_000)));
    let deep = || reply(200, "application/json", "[".repeat(100) + &"]".repeat(100));
    let broken =
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{".into());
    type Case = (fn() -> Reply, Kind, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            || reply(200, "application/json", "this is not json"),
            Kind::Validation,
            &["malformed JSON", "this is not json"],
        ),
        (wrong_shape, Kind::Validation, &["/text: ", "/total: ", "output schema"]),
        (
            || json_reply(200, json!({ "unexpected": 1 })),
            Kind::Validation,
            &["\"text\"", "required"],
        ),
        (|| reply(200, "text/html", "<html>"), Kind::Validation, &["no JSON but `text/html`"]),
        (|| reply(204, "application/json", ""), Kind::Validation, &["object"]),
        (|| json_reply(202, json!({})), Kind::Validation, &["is its mode `async`?"]),
        (huge, Kind::Communication, &["larger than 65536 bytes"]),
        (|| Reply::Endless, Kind::Communication, &["larger than 65536 bytes"]),
        (deep, Kind::Validation, &["nested deeper"]),
        (broken, Kind::Validation, &["malformed JSON"]),
        (
            || redirect(307, "http://169.254.169.254/latest"),
            Kind::Communication,
            &["answered 307", "not followed"],
        ),
        (|| redirect(302, "/elsewhere"), Kind::Communication, &["answered 302"]),
        (|| json_reply(401, json!({})), Kind::Authentication, &["refuses the credentials"]),
        (|| json_reply(403, json!({})), Kind::Authentication, &["refuses the credentials"]),
        (
            || json_reply(404, json!({ "hint": "try /v2" })),
            Kind::Communication,
            &["404", "try /v2"],
        ),
        (
            || json_reply(422, json!({ "hint": "no task" })),
            Kind::Communication,
            &["422", "no task"],
        ),
    ];
    for (script, kind, words) in cases {
        let mut stage = Stage::new();
        stage.egress.response_bytes_max = 65_536;
        let (engine, server) = (stage.engine().await, Server::start(move |_| script()).await);
        create(&engine, new_agent(&server, "/run")).await;
        register_work(&engine, json!({})).await;
        let problem = error(&ended(&engine, Status::Failed).await);
        assert!(problem.is(kind), "{words:?}: {problem:?}");
        let detail = problem.detail.unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{words:?}: {detail}");
        assert!(
            !detail.contains(&server.address.to_string()),
            "the owner sees no endpoint: {detail}"
        );
        assert_eq!(problem.instance.as_deref(), Some("/do/0/work"));
        assert_eq!(server.seen().len(), 1, "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_time_limits_of_its_own() {
    type Case = (fn() -> Reply, &'static str);
    let cases: [Case; 3] = [
        (|| Reply::Silence, "`timeouts.responseMs`"),
        (|| Reply::Stall, "`timeouts.responseMs`"),
        (|| Reply::Silence, "`timeouts.totalMs`"),
    ];
    for (script, limit) in cases {
        let (engine, server) =
            (Stage::new().engine().await, Server::start(move |_| script()).await);
        let mut new = new_agent(&server, "/run");
        new.retry.max_attempts = 2;
        // A connect timeout of its own makes a client of its own.
        new.timeouts.connect_ms = 4_321;
        match limit {
            "`timeouts.totalMs`" => new.timeouts.total_ms = 40,
            _ => new.timeouts.response_ms = 40,
        }
        create(&engine, new).await;
        register_work(&engine, json!({})).await;
        let problem = error(&ended(&engine, Status::Failed).await);
        assert!(problem.is(Kind::Timeout), "{problem:?}");
        let detail = problem.detail.unwrap();
        assert!(detail.contains(limit) && detail.contains("after 2 attempts"), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_may_give_an_agent_less_time() {
    let (engine, server) = (Stage::new().engine().await, Server::start(|_| Reply::Silence).await);
    let mut new = new_agent(&server, "/run");
    new.retry.max_attempts = 1;
    create(&engine, new).await;
    register_work(&engine, json!({ "timeout": { "milliseconds": 40 } })).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Timeout) && problem.detail.unwrap().contains("not done after 40 ms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_stands_in_the_body_or_else_in_a_header() {
    let feedback = ["the currency is missing", "say „EUR“, 100 %"];
    let closed = json!({ "type": "object", "additionalProperties": false,
                         "properties": { "task": { "type": "string" } } });
    for (input_schema, in_body) in [(json!({ "type": "object" }), true), (closed, false)] {
        let (engine, server) = (Stage::new().engine().await, Server::start(|_| good()).await);
        create(&engine, NewAgent { input_schema, ..new_agent(&server, "/run") }).await;
        register_work(&engine, json!({ "feedback": feedback })).await;
        ended(&engine, Status::Completed).await;
        let seen = &server.seen()[0];
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let header = seen.header("holdpoint-feedback");
        let decoded = percent_encoding::percent_decode_str(header).decode_utf8().unwrap();
        match in_body {
            true => {
                assert_eq!(body, json!({ "task": "sum", "feedback": feedback }));
                assert_eq!(header, "");
            }
            false => {
                assert_eq!(body, json!({ "task": "sum" }));
                assert_eq!(serde_json::from_str::<Value>(&decoded).unwrap(), json!(feedback));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_do_not_fit_never_leave() {
    let (engine, server) = (Stage::new().engine().await, Server::start(|_| good()).await);
    let input_schema = json!({ "type": "object", "required": ["path", "depth"] });
    create(&engine, NewAgent { input_schema, ..new_agent(&server, "/run") }).await;
    register_work(&engine, json!({})).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Validation), "{problem:?}");
    let detail = problem.detail.unwrap();
    assert!(detail.contains("\"path\"") && detail.contains("\"depth\""), "{detail}");
    assert!(server.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_not_registered_is_a_wrong_configuration() {
    let engine = Stage::new().engine().await;
    register_work(&engine, json!({ "agent": "nobody" })).await;
    let problem = error(&ended(&engine, Status::Failed).await);
    assert!(problem.is(Kind::Configuration), "{problem:?}");
    assert!(problem.detail.unwrap().contains("no agent `nobody`"));
}

async fn in_doubt(engine: &Engine, script: fn() -> Reply) -> Server {
    let server = Server::start(move |_| script()).await;
    let mut new = new_agent(&server, "/run");
    (new.idempotent, new.timeouts.response_ms) = (false, 40);
    create(engine, new).await;
    register_work(engine, json!({})).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_about_a_lost_answer_of_an_agent_that_must_not_do_it_twice() {
    type Case = fn() -> Reply;
    let cases: [Case; 3] =
        [|| Reply::Silence, || Reply::Bytes(Vec::new()), || reply(504, "text/plain", "gateway")];
    for script in cases {
        let engine = Stage::new().engine().await;
        let server = in_doubt(&engine, script).await;
        let job = submit(&engine, "work").await;
        let checkpoint = until_pending(&engine, job).await;
        let view = engine.checkpoint(checkpoint).await.unwrap();
        assert_eq!(view.checkpoint.purpose, Purpose::InDoubt);
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_certainly_did_not_happen_is_asked_for_again_whoever_the_agent_is() {
    let engine = Stage::new().engine().await;
    let _server = in_doubt(&engine, || reply(429, "text/plain", "later")).await;
    let job = submit(&engine, "work").await;
    until_status(&engine, job, Status::Failed).await;
    assert_eq!(pending(&engine, job).await, None);
    assert_eq!(engine.job(job).await.unwrap().row.attempts, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_an_admin_what_a_job_would_meet() {
    let (engine, server) = (
        Stage::new().engine().await,
        Server::start(|seen| match seen.target.as_str() {
            "/good" => good(),
            "/later" => json_reply(202, json!({})),
            _ => json_reply(200, json!({ "wrong": true })),
        })
        .await,
    );
    let sample = json!({ "task": "sample" });
    let id = create(&engine, new_agent(&server, "/good")).await.agent.id;
    let trial = engine.test_agent(id, sample.clone()).await.unwrap();
    assert!(trial.passed && trial.problem.is_none());
    assert_eq!(trial.result.as_deref(), Some(&json!({ "text": "total 42" })));
    assert_eq!(serde_json::from_str::<Value>(&server.seen()[0].body).unwrap(), sample);

    let wrong = NewAgent { name: "wrong".to_owned(), ..new_agent(&server, "/wrong") };
    let id = create(&engine, wrong).await.agent.id;
    let trial = engine.test_agent(id, sample.clone()).await.unwrap();
    assert!(!trial.passed && trial.problem.unwrap().is(Kind::Validation));

    let later =
        NewAgent { name: "later".to_owned(), mode: Mode::Async, ..new_agent(&server, "/later") };
    let id = create(&engine, later).await.agent.id;
    assert!(engine.test_agent(id, sample.clone()).await.unwrap().passed);

    // Nobody listens on this port of loopback; an admin may see which.
    let gone = NewAgent { name: "gone".to_owned(), ..NewAgent::new("", "http://127.0.0.1:1/") };
    let id = create(&engine, gone).await.agent.id;
    let problem = engine.test_agent(id, sample).await.unwrap().problem.unwrap();
    assert!(problem.detail.unwrap().contains("connection refused"));
}
