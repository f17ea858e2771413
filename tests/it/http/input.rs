//! What a request may hold: every limit at its edge, and every refusal by name.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use holdpoint::http::authorize::Role;
use holdpoint::http::{Options, strict_json};
use holdpoint::model::limits::{
    BODY_BYTES_MAX, BODY_VALUES_MAX, DEPTH_MAX, IDEMPOTENCY_KEY_BYTES_MAX, LABEL_BYTES_MAX,
    LABELS_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Ask, Site};

async fn site() -> (Site, String) {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    (site, cookie)
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Content type, body, status, code.
#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let (site, cookie) = site().await;
    let deep = format!(r#"{{"inputData": {}}}"#, nested(DEPTH_MAX));
    let cases: &[(&str, &str, u16, &str)] = &[
        ("application/json", "", 400, "malformed"),
        ("application/json", "{", 400, "malformed"),
        ("application/json", "{} {}", 400, "malformed"),
        ("application/json", "{\"name\": \"\\ud800\"}", 400, "malformed"),
        ("application/json", "{\"name\": 1, \"name\": 2}", 400, "malformed"),
        ("application/json", "{\"inputData\": {\"a\": [{\"b\": 1, \"b\": 1}]}}", 400, "malformed"),
        ("application/json", &deep, 400, "malformed"),
        ("application/json", "[]", 422, "invalid-request"),
        ("application/json; charset=utf-8", "{}", 422, "invalid-request"),
        ("APPLICATION/JSON", "{}", 422, "invalid-request"),
        ("text/plain", "{}", 415, "wrong-content-type"),
        ("application/x-www-form-urlencoded", "name=x", 415, "wrong-content-type"),
        ("", "{}", 415, "wrong-content-type"),
    ];
    for (kind, body, status, code) in cases {
        let ask = site.ask("POST", "/api/jobs").by(&cookie).text(kind, body);
        let answer = ask.to(&site.router).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (*status, *code), "{kind} {body}");
    }
}

/// The body and the pointer and word of each defect.
#[tokio::test]
async fn defects_of_a_new_job_are_named() {
    let (site, cookie) = site().await;
    let full = json!({"name": "n", "description": "d", "acceptanceCriteria": "c",
        "jobType": "simple-task", "inputData": {"userId": "u"}});
    let with = |name: &str, value: Value| {
        let mut body = full.clone();
        body[name] = value;
        body
    };
    let labels = |count: usize| {
        (0..count).map(|at| (at.to_string(), json!(""))).collect::<serde_json::Map<_, _>>()
    };
    let rule = json!([{"name": "total", "when": "true", "message": "m"}]);
    let cases: Vec<(Value, &[&str])> = vec![
        (with("surprise", json!(1)), &["/surprise"]),
        (json!({"name": "n", "description": "d"}), &["/acceptanceCriteria"]),
        (with("name", json!(7)), &["/name"]),
        (with("name", json!(" ")), &["/name"]),
        (with("name", json!("x".repeat(NAME_BYTES_MAX))), &[]),
        (with("name", json!("x".repeat(NAME_BYTES_MAX + 1))), &["/name"]),
        (with("description", json!("x".repeat(TEXT_BYTES_MAX))), &[]),
        (with("description", json!("x".repeat(TEXT_BYTES_MAX + 1))), &["/description"]),
        (
            with("acceptanceCriteria", json!("x".repeat(TEXT_BYTES_MAX + 1))),
            &["/acceptanceCriteria"],
        ),
        (with("priority", json!(9)), &[]),
        (with("priority", json!(10)), &["/priority"]),
        (with("priority", json!(-1)), &["/priority"]),
        (with("labels", Value::Object(labels(LABELS_MAX))), &[]),
        (with("labels", Value::Object(labels(LABELS_MAX + 1))), &["/labels"]),
        (with("labels", json!({"a/b": "x".repeat(LABEL_BYTES_MAX + 1)})), &["/labels/a~1b"]),
        (with("labels", json!({"a": 1})), &["/labels/a"]),
        (with("dueAt", json!("2026-02-01T00:00:00Z")), &[]),
        (with("dueAt", json!("tomorrow")), &["/dueAt"]),
        (with("agentId", json!("a")), &["/agentId"]),
        (with("template", json!(1)), &["/template"]),
        (with("acceptanceRules", rule), &[]),
        (with("acceptanceRules", json!({})), &["/acceptanceRules"]),
        (
            with("acceptanceRules", json!([{"name": 1, "when": "x", "odd": 2}])),
            &["/acceptanceRules/0/odd", "/acceptanceRules/0/name"],
        ),
        (with("jobType", json!("no-such-type")), &["/jobType"]),
        (with("inputData", json!({"userId": 7})), &["/inputData/userId"]),
    ];
    for (body, pointers) in cases {
        let answer = site.post("/api/jobs", &cookie, &body).await;
        if pointers.is_empty() {
            assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
            continue;
        }
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
        answer.problem();
        let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> =
            errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(found, pointers, "{}", answer.text);
        let name = pointers[0].rsplit('/').next().unwrap_or_default();
        assert!(answer.text.contains(name), "{name} in {}", answer.text);
    }
}

#[tokio::test]
async fn a_body_is_as_large_as_its_limit_and_no_larger() {
    let (site, cookie) = site().await;
    let padded = |bytes: usize| {
        let head = r#"{"name": "n", "surprise": ""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    let send =
        |body: String| site.ask("POST", "/api/jobs").by(&cookie).text("application/json", &body);
    let answer = send(padded(BODY_BYTES_MAX)).to(&site.router).await;
    assert_eq!(answer.problem(), "invalid-request", "the largest body is read");
    let answer = send(padded(BODY_BYTES_MAX + 1)).to(&site.router).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (413, "too-large"));
    // Announced: refused before a byte is read. This body would never end.
    let endless = Body::new(Never);
    let ask = Ask { body: endless, ..send(String::new()) };
    let answer = ask.header("content-length", "3000000").to(&site.router).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (413, "too-large"));
}

/// A body that never comes.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn an_operator_sets_the_largest_body() {
    let site = Site::with(Options { body_bytes_max: 1024, ..Options::default() }).await;
    let body = json!({"email": "a@b", "password": "x".repeat(1024)});
    let answer = site.post("/api/auth/login", "", &body).await;
    assert_eq!(answer.problem(), "too-large");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let (site, cookie) = site().await;
    tokio::time::pause();
    let ask = site.ask("POST", "/api/jobs").by(&cookie).text("application/json", "");
    let ask = Ask { body: Body::new(Never), ..ask };
    // Paused time goes on by itself when nothing else can happen.
    let answer = ask.to(&site.router).await;
    assert!(matches!(answer.problem(), "request-timeout" | "slow"), "{}", answer.text);
}

/// The query and the parameter that is named; none: it is taken.
#[tokio::test]
async fn queries_refuse_what_they_do_not_know() {
    let (site, cookie) = site().await;
    let cases: &[(&str, Option<&str>)] = &[
        ("", None),
        ("?", None),
        ("?status=RUNNING,PENDING&jobType=simple-task&limit=1&offset=0", None),
        ("?status=IN_PROGRESS", None),
        ("?phase=waiting&waiting=true&label=team:blue,size:1&q=a+b%20c&sort=-priority", None),
        ("?createdFrom=2026-01-01T00:00:00Z&createdTo=2027-01-01T00:00:00Z", None),
        ("?status=", None),
        ("?limit=200", None),
        ("?limit=201", Some("limit")),
        ("?limit=0", Some("limit")),
        ("?limit=ten", Some("limit")),
        ("?offset=-1", Some("offset")),
        ("?offset=100001", Some("offset")),
        ("?offset=1&cursor=x", Some("offset")),
        ("?cursor=nonsense", Some("cursor")),
        ("?status=DONE", Some("status")),
        ("?phase=RUNNING", Some("phase")),
        ("?waiting=yes", Some("waiting")),
        ("?sort=name", Some("sort")),
        ("?label=team", Some("label")),
        ("?createdFrom=yesterday", Some("createdFrom")),
        ("?surprise=1", Some("surprise")),
        ("?limit=1&limit=2", Some("limit")),
        ("?userId=somebody-else", Some("userId")),
    ];
    for (query, wrong) in cases {
        let answer = site.get(&format!("/api/jobs{query}"), &cookie).await;
        match wrong {
            None => assert_eq!(answer.ok(200)["jobs"], json!([]), "{query}"),
            Some(name) => {
                assert_eq!(answer.status.as_u16(), 422, "{query}: {}", answer.text);
                assert_eq!(answer.json["errors"][0]["parameter"], *name, "{}", answer.text);
            }
        }
    }
    let answer = site.get("/api/jobs?status=%ff", &cookie).await;
    assert_eq!(answer.problem(), "malformed");
    let answer = site.get("/api/auth/me?verbose=1", &cookie).await;
    assert_eq!(answer.json["errors"][0]["parameter"], "verbose");
}

#[tokio::test]
async fn keys_have_a_length() {
    let (site, cookie) = site().await;
    let body =
        json!({"jobType": "simple-task", "taskDescription": "t", "inputData": {"userId": "u"}});
    let with = |key: String| {
        site.ask("POST", "/api/agent-jobs").by(&cookie).json(&body).header("idempotency-key", &key)
    };
    with("k".repeat(IDEMPOTENCY_KEY_BYTES_MAX)).to(&site.router).await.ok(201);
    for key in ["k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1), " ".to_owned()] {
        assert_eq!(with(key).to(&site.router).await.problem(), "invalid-request");
    }
}

#[test]
fn nesting_has_a_limit() {
    assert!(strict_json::parse(nested(DEPTH_MAX).as_bytes()).is_ok());
    let error = strict_json::parse(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("64 levels"), "{error}");
    // Far beyond it there is still an answer and no overflow of the stack.
    assert!(strict_json::parse(nested(1_000_000).as_bytes()).is_err());
}

#[test]
fn values_have_a_limit() {
    // The list is a value as well.
    let list = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|name| format!("\"{name}\":{{}}")).collect();
        format!("{{{}}}", members.join(","))
    };
    for text in [list(BODY_VALUES_MAX - 1), members(BODY_VALUES_MAX - 1)] {
        assert!(strict_json::parse(text.as_bytes()).is_ok());
    }
    for text in [list(BODY_VALUES_MAX), members(BODY_VALUES_MAX)] {
        let error = strict_json::parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("more than 200000 values"), "{error}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(strict_json::parse(text.as_bytes()).unwrap(), value);
    }

    #[test]
    fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let strict = strict_json::parse(&bytes);
        let lenient: Result<Value, _> = serde_json::from_slice(&bytes);
        prop_assert!(strict.is_err() || strict.ok() == lenient.ok());
    }
}
