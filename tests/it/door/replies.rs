//! `Idempotency-Key` on requests that change something: the same request is carried out once and
//! answered twice.

use holdpoint::http::replies::{REPLIES, remove_old};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::{Client, Reply};
use crate::support::server::{self, TestServer};

async fn keyed(server: &TestServer, method: Method, path: &str, body: &Value, key: &str) -> Reply {
    let body = (!body.is_null()).then(|| body.clone());
    server.client.attempt(method, path, body, Some(key)).await.expect("an answer")
}

fn template(name: &str) -> Value {
    json!({"name": name, "job": {"name": "From a template", "description": "Something",
        "acceptanceCriteria": "It is done"}})
}

fn is_replay(reply: &Reply) -> bool {
    reply.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

#[tokio::test]
async fn the_same_request_is_carried_out_once_and_answered_twice() {
    let server = server::start(|_| {}).await;
    let body = template("weekly");
    let first = keyed(&server, Method::POST, "/api/templates", &body, "k1").await;
    assert_eq!(first.status, 201, "{:#}", first.body);
    assert!(!is_replay(&first));
    let second = keyed(&server, Method::POST, "/api/templates", &body, "k1").await;
    assert!(is_replay(&second), "{second:?}");
    assert_eq!((second.status, &second.body), (201, &first.body));
    for name in ["content-type", "location"] {
        assert_eq!(second.headers.get(name), first.headers.get(name), "{name}");
    }
    let listed = server.client.get("/api/templates").await.expect(200);
    assert_eq!(listed["templates"].as_array().unwrap().len(), 1, "{listed:#}");
    // Without the key it is another request, and the name is taken.
    assert_eq!(server.client.post("/api/templates", &body).await.status, 409);
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_that_settles_the_matter_is_repeated_as_it_was() {
    let server = server::start(|_| {}).await;
    let path = "/api/jobs/0190aaaa-0000-7000-8000-000000000000/terminate";
    let body = json!({"reason": "why not"});
    let first = keyed(&server, Method::POST, path, &body, "k").await;
    let second = keyed(&server, Method::POST, path, &body, "k").await;
    assert_eq!((first.status, is_replay(&first)), (404, false));
    assert_eq!((second.status, is_replay(&second)), (404, true));
    assert_eq!(first.body, second.body, "the path of the request too");
    assert_eq!(second.body["instance"], path);
    server.stop().await;
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let server = server::start(|_| {}).await;
    let made = keyed(&server, Method::POST, "/api/templates", &template("one"), "k").await;
    let id = made.expect(201)["template"]["id"].as_str().unwrap().to_owned();
    let one = format!("/api/templates/{id}");
    for (method, path, body) in [
        (Method::POST, "/api/templates", template("two")),
        (Method::PUT, one.as_str(), template("one")),
        (Method::DELETE, one.as_str(), Value::Null),
        (Method::POST, "/api/jobs/batch", template("one")),
    ] {
        let other = keyed(&server, method, path, &body, "k").await;
        assert_eq!(other.status, 422, "{:#}", other.body);
        assert_eq!(other.body["type"], "/problems/key-reused");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_key_belongs_to_its_principal() {
    let server = server::start(|_| {}).await;
    let body = template("mine");
    keyed(&server, Method::POST, "/api/templates", &body, "k").await.expect(201);
    let password = server.app.make_admin("other@tests.example").await.unwrap();
    let other = Client::login(&server.url, "other@tests.example", &password).await;
    let reply = other.attempt(Method::POST, "/api/templates", Some(body), Some("k")).await.unwrap();
    assert!(!is_replay(&reply), "what another one was answered is nobody's business");
    assert_eq!(reply.status, 201, "{:#}", reply.body);
    server.stop().await;
}

#[tokio::test]
async fn what_may_pass_is_not_kept() {
    let server = server::start(|_| {}).await;
    let anonymous = Client::anonymous(&server.url);
    let body = template("later");
    let attempt = |client: Client| {
        let body = body.clone();
        async move {
            let path = "/api/templates";
            client.attempt(Method::POST, path, Some(body), Some("k")).await.unwrap()
        }
    };
    assert_eq!(attempt(anonymous).await.status, 401);
    assert!(server.app.engine.documents(REPLIES, None, 10).await.unwrap().is_empty());
    assert_eq!(attempt(server.client.clone()).await.status, 201);
    assert_eq!(server.app.engine.documents(REPLIES, None, 10).await.unwrap().len(), 1);
    assert_eq!(remove_old(&server.app.engine).await.unwrap(), 0, "a day is not over");
    server.stop().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let server = server::start(|_| {}).await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let client = server.client.clone();
        asking.spawn(async move {
            let body = Some(template("raced"));
            client.attempt(Method::POST, "/api/templates", body, Some("race")).await.unwrap()
        });
    }
    let mut made = 0;
    while let Some(reply) = asking.join_next().await {
        let reply = reply.unwrap();
        match reply.status {
            201 => made += usize::from(!is_replay(&reply)),
            409 => {
                assert_eq!(reply.body["type"], "/problems/key-in-use", "{:#}", reply.body);
                assert!(reply.headers.contains_key("retry-after"));
            }
            other => panic!("{other}: {:#}", reply.body),
        }
    }
    assert_eq!(made, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_kept_and_not_shown_again() {
    let server = server::start(|_| {}).await;
    // A member of this name is taken for a secret wherever it stands.
    let canary = "canary-5b1e9c";
    let body = json!({"name": "secret", "job": {"name": "Job", "description": "Something",
        "acceptanceCriteria": "It is done", "inputData": {"token": canary}}});
    let first = keyed(&server, Method::POST, "/api/templates", &body, "k").await;
    assert!(first.expect(201).to_string().contains(canary), "the answer shows it once");
    let second = keyed(&server, Method::POST, "/api/templates", &body, "k").await;
    assert_eq!(second.status, 409, "{:#}", second.body);
    assert_eq!(second.body["type"], "/problems/already-done");
    assert!(second.body["detail"].as_str().unwrap().contains("201"), "{:#}", second.body);
    for kept in server.app.engine.documents(REPLIES, None, 10).await.unwrap() {
        assert!(!String::from_utf8_lossy(&kept.body).contains(canary));
    }
    server.stop().await;
}
