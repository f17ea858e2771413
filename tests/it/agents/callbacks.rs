//! Agents that answer later: they bring the result, or are looked after.

use holdpoint::engine::{CallbackBody, EngineError};
use holdpoint::model::agent::Mode;
use holdpoint::model::job::{CallStage, FrameState};
use holdpoint::model::problem::Kind;
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::*;
use crate::calls::server::{Reply, Seen, json as json_reply, with_header};
use crate::engine::until_no_job_actors;

fn accepts(_: &Seen) -> Reply {
    json_reply(202, json!({}))
}

fn asynchronous(server: &Server) -> NewAgent {
    NewAgent { mode: Mode::Async, ..new_agent(server, "/run") }
}

/// The token that the agent was told with its n-th request.
fn token(server: &Server, turn: usize) -> String {
    let seen = server.seen();
    let url = seen[turn].header("holdpoint-callback-url");
    let token = url.strip_prefix(&format!("{PUBLIC_URL}/api/callbacks/")).expect("a callback URL");
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')), "{token}");
    token.to_owned()
}

fn result(text: &str) -> CallbackBody {
    CallbackBody::Result(json!({ "text": text }))
}

/// A job whose call was accepted, with its token.
async fn accepted(engine: &Engine, server: &Server) -> (JobId, String) {
    create(engine, asynchronous(server)).await;
    register_work(engine, json!({})).await;
    let job = submit(engine, "work").await;
    until_waits(engine, job, WaitCode::Callback).await;
    (job, token(server, 0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_brought_once() {
    let (engine, server) = (Stage::new().engine().await, Server::start(accepts).await);
    let (job, token) = accepted(&engine, &server).await;
    until_no_job_actors(&engine).await;
    assert_eq!(engine.worker().await.unwrap().active_jobs, 0);
    assert_eq!(engine.callback(&token, result("total 42")).await.unwrap(), job);
    until_status(&engine, job, Status::Completed).await;
    let view = engine.job(job).await.unwrap();
    assert_eq!(view.job.result.as_deref(), Some(&json!({ "text": "total 42" })));
    for again in [result("total 42"), result("another")] {
        let refused = engine.callback(&token, again).await;
        assert!(matches!(refused, Err(EngineError::CallbackOver)), "{refused:?}");
    }
    assert_eq!(engine.job(job).await.unwrap().row.version, view.row.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_guesses_a_token() {
    let (engine, server) = (Stage::new().engine().await, Server::start(accepts).await);
    let (job, token) = accepted(&engine, &server).await;
    let mut forged = vec![String::new(), "x".to_owned(), token.clone() + "A", "é".to_owned()];
    for place in (0..token.len()).step_by(7) {
        let other = if &token[place..=place] == "A" { "B" } else { "A" };
        forged.push(format!("{}{other}{}", &token[..place], &token[place + 1..]));
        forged.push(token[..place].to_owned());
    }
    for forged in forged {
        let refused = engine.callback(&forged, result("mine")).await;
        assert!(matches!(refused, Err(EngineError::BadCallback)), "{forged}: {refused:?}");
    }
    let other_key = Stage { vault: Vault::from_key([8; 32]), ..Stage::new() }.engine().await;
    let refused = other_key.callback(&token, result("mine")).await;
    assert!(matches!(refused, Err(EngineError::BadCallback)));
    assert_eq!(engine.job_row(job).await.unwrap().status, Status::InProgress);
    engine.callback(&token, result("its own")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_may_come_before_the_word_that_it_will() {
    let (engine, server) = (Stage::new().engine().await, Server::start(|_| Reply::Silence).await);
    create(&engine, asynchronous(&server)).await;
    register_work(&engine, json!({})).await;
    let job = submit(&engine, "work").await;
    until(&engine, "the agent was asked", async || !server.seen().is_empty()).await;
    engine.callback(&token(&server, 0), result("early")).await.unwrap();
    until_status(&engine, job, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_the_wrong_shape_ends_the_call_with_every_reason() {
    let (engine, server) = (Stage::new().engine().await, Server::start(accepts).await);
    let (job, token) = accepted(&engine, &server).await;
    let wrong = CallbackBody::Result(json!({ "text": 1, "total": "x" }));
    let Err(EngineError::InvalidResult { violations }) = engine.callback(&token, wrong).await
    else {
        panic!("a result of the wrong shape was taken")
    };
    let pointers: Vec<&str> = violations.iter().map(|found| found.pointer.as_str()).collect();
    assert_eq!(pointers, ["/text", "/total"]);
    until_status(&engine, job, Status::Failed).await;
    let problem = error(&engine.job(job).await.unwrap());
    assert!(problem.is(Kind::Validation), "{problem:?}");
    let again = engine.callback(&token, result("better")).await;
    assert!(matches!(again, Err(EngineError::CallbackOver)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_say_that_it_gave_up() {
    let (engine, server) = (Stage::new().engine().await, Server::start(accepts).await);
    let (job, token) = accepted(&engine, &server).await;
    let problem = json!({ "title": "No model", "detail": "the model is gone\r\nfor good" });
    engine.callback(&token, CallbackBody::Problem(problem)).await.unwrap();
    until_status(&engine, job, Status::Failed).await;
    let problem = error(&engine.job(job).await.unwrap());
    assert!(problem.is(Kind::Communication), "{problem:?}");
    assert!(problem.detail.unwrap().contains("gave up: the model is gonefor good"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_the_process_that_gave_it_out() {
    let (mut stage, server) = (Stage::new(), Server::start(accepts).await);
    let engine = stage.engine().await;
    let (job, token) = accepted(&engine, &server).await;
    until_no_job_actors(&engine).await;
    engine.stop().await;
    let engine = stage.engine_again().await;
    engine.callback(&token, result("after the restart")).await.unwrap();
    until_status(&engine, job, Status::Completed).await;
    assert_eq!(server.seen().len(), 1, "the call is not made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_call_back_is_looked_after() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let server = Server::start(|seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("POST", _) => with_header(accepts(seen), "Location", "/status/7?of=sums"),
        ("GET", "/status/7?of=sums") => match seen.header("x-turn") {
            _ if seen.header("idempotency-key").is_empty() => json_reply(400, json!({})),
            _ => json_reply(200, json!({ "text": "found" })),
        },
        _ => json_reply(404, json!({})),
    })
    .await;
    let (job, _) = accepted(&engine, &server).await;
    clock.advance(Span::from_secs(29));
    assert_eq!(server.seen().len(), 1);
    clock.advance(Span::from_secs(1));
    until_status(&engine, job, Status::Completed).await;
    let view = engine.job(job).await.unwrap();
    assert_eq!(view.job.result.as_deref(), Some(&json!({ "text": "found" })));
    let (rows, _) = engine.logs(job, 0, 100).await.unwrap();
    let text = format!("{rows:?}");
    assert!(!text.contains(&server.address.to_string()), "a journal has no endpoint: {text}");
}

/// Does the call wait for its agent, and is not being asked about?
async fn is_accepted(engine: &Engine, job: JobId) -> bool {
    let view = engine.job(job).await.unwrap();
    let mut frames = view.job.run.iter().flat_map(|run| run.frames.values());
    let accepted = |state: &FrameState| {
        matches!(state, FrameState::Call { stage: CallStage::Accepted { .. }, .. })
    };
    frames.any(|frame| accepted(&frame.state))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_still_works_is_asked_again_when_it_says_until_its_time_is_over() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => json_reply(202, json!({ "statusUrl": "/status" })),
        _ => with_header(json_reply(202, json!({})), "Retry-After", "100"),
    })
    .await;
    let (job, token) = accepted(&engine, &server).await;
    let polls = || server.seen().iter().filter(|seen| seen.method == "GET").count();
    // 30 s, then as it says, to the end of its 300 s.
    for (wait, expected) in [(30, 1), (100, 2), (100, 3)] {
        clock.advance(Span::from_secs(wait));
        until(&engine, "it was asked", async || polls() == expected).await;
        // The next pause begins when the answer is in the journal.
        until(&engine, "its answer is taken", async || is_accepted(&engine, job).await).await;
    }
    clock.advance(Span::from_secs(200));
    until_status(&engine, job, Status::Failed).await;
    let problem = error(&engine.job(job).await.unwrap());
    assert!(problem.is(Kind::Timeout), "{problem:?}");
    let late = engine.callback(&token, result("too late")).await;
    assert!(matches!(late, Err(EngineError::CallbackOver)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_url_on_another_server_is_not_asked() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let other = Server::start(|_| json_reply(200, json!({ "text": "not mine" }))).await;
    let elsewhere = other.url("/status");
    let server =
        Server::start(move |seen| with_header(accepts(seen), "Location", &elsewhere)).await;
    let (job, token) = accepted(&engine, &server).await;
    clock.advance(Span::from_secs(120));
    engine.callback(&token, result("mine")).await.unwrap();
    until_status(&engine, job, Status::Completed).await;
    assert!(other.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_agent_may_answer_at_once() {
    let (engine, server) = (
        Stage::new().engine().await,
        Server::start(|_| json_reply(200, json!({ "text": "at once" }))).await,
    );
    create(&engine, asynchronous(&server)).await;
    register_work(&engine, json!({})).await;
    let view = ended(&engine, Status::Completed).await;
    let late = engine.callback(&token(&server, 0), result("again")).await;
    assert!(matches!(late, Err(EngineError::CallbackOver)));
    assert_eq!(view.job.result.as_deref(), Some(&json!({ "text": "at once" }) as &Value));
}
