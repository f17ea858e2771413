//! `call: http`: what is sent, and what becomes the output.

use holdpoint::model::problem::Kind;
use serde_json::{Value, json};

use super::server::{Reply, Server, json as json_reply, redirect, reply, with_header};
use super::{caller, detail, failure, local, output};

#[tokio::test]
async fn each_output_form_is_what_the_standard_says() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/json" => json_reply(200, json!({"id": 7, "tags": ["a"]})),
        "/problem" => reply(200, "application/vnd.api+json; charset=utf-8", r#"{"a":1}"#),
        "/bom" => reply(200, "application/json", b"\xef\xbb\xbf[1]".to_vec()),
        "/text" => reply(200, "text/plain; charset=utf-8", "grüße"),
        "/latin" => reply(200, "text/html; charset=\"iso-8859-1\"", b"gr\xfc\xdfe".to_vec()),
        "/bytes" => reply(200, "application/octet-stream", vec![0, 255]),
        "/none" => reply(204, "application/json", ""),
        other => reply(404, "text/plain", other),
    })
    .await;
    let caller = caller(local(), &[]);
    let cases = [
        ("/json", "content", json!({"id": 7, "tags": ["a"]})),
        ("/problem", "content", json!({"a": 1})),
        ("/bom", "content", json!([1])),
        ("/text", "content", json!("grüße")),
        ("/latin", "content", json!("grüße")),
        ("/bytes", "content", json!("AP8=")),
        ("/none", "content", Value::Null),
        ("/text", "raw", json!("Z3LDvMOfZQ==")),
        ("/json", "raw", json!("eyJpZCI6NywidGFncyI6WyJhIl19")),
        ("/none", "raw", json!("")),
    ];
    for (target, form, expected) in cases {
        let arguments = json!({"method": "get", "endpoint": server.url(target), "output": form});
        assert_eq!(output(&caller, arguments).await, expected, "{target} as {form}");
    }
    let arguments = json!({"method": "GET", "endpoint": {"uri": server.url("/json?x=1")},
        "output": "response", "headers": {"X-Trace": 5, "Cookie": "a=b"}});
    // `/json?x=1` is no target of the script.
    let problem = failure(&caller, arguments, Kind::Communication).await;
    assert_eq!((problem.status, problem.title.as_deref()), (404, Some("Not Found")));
    assert_eq!(
        detail(&problem).matches("x=1").count(),
        1,
        "the server's own words alone: {problem:?}"
    );
}

#[tokio::test]
async fn the_response_form_shows_the_exchange_without_credentials() {
    let server = Server::start(|_| with_header(json_reply(201, json!([1])), "X-Two", "b")).await;
    let arguments = json!({"method": "post", "endpoint": {"uri": server.url("/a"),
        "authentication": {"bearer": {"token": "abcdefgh-token"}}}, "output": "response",
        "query": {"a": "ä b", "list": [1, true], "none": null}, "body": {"k": 1},
        "headers": {"X-Trace": 5, "Cookie": "a=b", "X-Api-Key": "k"}});
    let shown = output(&caller(local(), &[]), arguments).await;
    assert_eq!(shown["statusCode"], 201);
    assert_eq!(shown["content"], json!([1]));
    assert_eq!(shown["headers"]["x-two"], "b");
    let request = &shown["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["uri"], server.url("/a?a=%C3%A4+b&list=1&list=true"));
    assert_eq!(
        request["headers"],
        json!({"x-trace": "5", "cookie": "[redacted]",
        "x-api-key": "[redacted]", "idempotency-key": "[redacted]",
        "content-type": "application/json"})
    );
    let seen = &server.seen()[0];
    assert_eq!(seen.target, "/a?a=%C3%A4+b&list=1&list=true");
    assert_eq!(seen.header("authorization"), "Bearer abcdefgh-token");
}

#[tokio::test]
async fn every_request_carries_the_key_and_the_name_of_the_program() {
    let server = Server::start(|_| reply(200, "text/plain", "ok")).await;
    let caller = caller(local(), &[]);
    let uri = server.url("/");
    output(&caller, json!({"method": "get", "endpoint": uri})).await;
    output(
        &caller,
        json!({"method": "get", "endpoint": uri,
            "headers": {"idempotency-key": "mine", "User-Agent": "other"}}),
    )
    .await;
    let seen = server.seen();
    assert_eq!(seen[0].header("idempotency-key"), "job/1/do.0/0/1");
    assert!(seen[0].header("user-agent").starts_with("holdpoint/"));
    assert_eq!(seen[1].header("idempotency-key"), "mine");
    assert_eq!(seen[1].header("user-agent"), "other");
}

#[tokio::test]
async fn bodies_go_out_as_their_content_type_says() {
    let server = Server::start(|_| reply(200, "text/plain", "ok")).await;
    let caller = caller(local(), &[]);
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (None, json!({"a": [1]}), r#"{"a":[1]}"#, "application/json"),
        (None, json!("text"), "\"text\"", "application/json"),
        (Some("text/plain"), json!("text"), "text", "text/plain"),
        (Some("application/xml"), json!("<a/>"), "<a/>", "application/xml"),
        (Some(form), json!({"a b": "c&d", "e": [1, 2]}), "a+b=c%26d&e=1&e=2", form),
        (
            Some("application/cloudevents+json"),
            json!({"id": "1"}),
            r#"{"id":"1"}"#,
            "application/cloudevents+json",
        ),
    ];
    for (index, (media_type, body, sent, sent_type)) in cases.into_iter().enumerate() {
        let mut arguments = json!({"method": "put", "endpoint": server.url("/"), "body": body});
        if let Some(media_type) = media_type {
            arguments["headers"] = json!({"Content-Type": media_type});
        }
        output(&caller, arguments).await;
        let seen = &server.seen()[index];
        assert_eq!((seen.body.as_str(), seen.header("content-type")), (sent, sent_type));
    }
}

#[tokio::test]
async fn arguments_that_make_no_request_are_named() {
    let caller = caller(local(), &[]);
    let at = "http://127.0.0.1:1/";
    let cases = [
        (json!([]), "`with` must be an object"),
        (json!({"endpoint": at}), "`method` is missing"),
        (json!({"method": "get"}), "`endpoint` is missing"),
        (json!({"method": "connect", "endpoint": at}), "`connect` is no method"),
        (json!({"method": "a b", "endpoint": at}), "`a b` is no method"),
        (json!({"method": "get", "endpoint": "pets/1"}), "no URL"),
        (json!({"method": "get", "endpoint": at, "haeders": {}}), "`haeders` is no argument"),
        (json!({"method": "get", "endpoint": at, "output": "xml"}), "`output` must be"),
        (json!({"method": "get", "endpoint": at, "redirect": "yes"}), "`redirect` must be"),
        (json!({"method": "get", "endpoint": at, "query": {"q": {}}}), "parameter `q`"),
        (json!({"method": "get", "endpoint": at, "headers": {"a b": 1}}), "`a b` is no name"),
        (json!({"method": "get", "endpoint": at, "headers": {"Host": "x"}}), "`host` is set"),
        (json!({"method": "get", "endpoint": at, "headers": {"Transfer-Encoding": "x"}}), "is set"),
        (json!({"method": "get", "endpoint": at, "headers": {"x": "a\r\nb: c"}}), "`x` has"),
    ];
    for (arguments, words) in cases {
        let problem = failure(&caller, arguments, Kind::Validation).await;
        assert!(detail(&problem).contains(words), "{words}: {problem:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_only_on_demand() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/303" => redirect(303, "/end"),
        "/307" => redirect(307, "/end"),
        "/304" => reply(304, "text/plain", ""),
        "/loop" => redirect(302, "/loop"),
        "/nowhere" => redirect(302, "http://["),
        _ => json_reply(200, json!({"method": seen.method, "body": seen.body})),
    })
    .await;
    let caller = caller(local(), &[]);
    let to = |target: &str, redirect: bool| {
        let endpoint = server.url(target);
        json!({"method": "post", "endpoint": endpoint, "body": 1, "redirect": redirect})
    };
    let problem = failure(&caller, to("/303", false), Kind::Communication).await;
    assert_eq!(problem.status, 303);
    let after_303 = output(&caller, to("/303", true)).await;
    assert_eq!(after_303, json!({"method": "GET", "body": ""}));
    let after_307 = output(&caller, to("/307", true)).await;
    assert_eq!(after_307, json!({"method": "POST", "body": "1"}));
    assert_eq!(output(&caller, to("/304", true)).await, Value::Null);
    let problem = failure(&caller, to("/loop", true), Kind::Communication).await;
    assert!(detail(&problem).contains("more than 5 redirects"), "{problem:?}");
    let loops = server.seen().iter().filter(|seen| seen.target == "/loop").count();
    assert_eq!(loops, 6, "the first request and five redirects");
    failure(&caller, to("/nowhere", true), Kind::Communication).await;
}

#[tokio::test]
async fn credentials_stay_with_the_first_server() {
    let other = Server::start(|_| json_reply(200, json!("there"))).await;
    let away = other.url("/landed");
    let first = Server::start(move |seen| match seen.target.as_str() {
        "/here" => redirect(302, "/again"),
        _ => redirect(307, &away),
    })
    .await;
    let caller = caller(local(), &[("key", json!("canary-of-the-key"))]);
    let key = caller.masked_secrets()["key"].clone();
    let headers = json!({"X-Api-Key": key, "X-Custom": "mine", "Cookie": "a=b", "Accept": "a/b"});
    let arguments = json!({"method": "get", "redirect": true, "headers": headers,
        "endpoint": {"uri": first.url("/here"),
            "authentication": {"basic": {"username": "u", "password": "canary-password"}}}});
    output(&caller, arguments).await;
    let hops = first.seen();
    assert_eq!(hops.len(), 2);
    assert!(hops.iter().all(|hop| hop.header("authorization").starts_with("Basic ")));
    let landed = &other.seen()[0];
    let mut names = landed.headers.keys().map(String::as_str).collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host", "user-agent"]);
    // A body that holds a secret is not sent to the other server at all.
    let arguments = json!({"method": "post", "redirect": true, "endpoint": first.url("/away"),
        "body": {"key": caller.masked_secrets()["key"]}});
    failure(&caller, arguments, Kind::Authorization).await;
    assert_eq!(other.seen().len(), 1);
}

#[tokio::test]
async fn a_reply_that_is_no_http_is_a_communication_error() {
    let server = Server::start(|_| Reply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec())).await;
    let arguments = json!({"method": "get", "endpoint": server.url("/")});
    failure(&caller(local(), &[]), arguments, Kind::Communication).await;
}
