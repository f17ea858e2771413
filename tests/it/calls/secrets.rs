//! Secrets: placeholders everywhere, values only in what is sent.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdpoint::calls::{Caller, Function, Outcome, Secrets, defuse};
use holdpoint::model::problem::Kind;
use holdpoint::model::uri_template::expand;
use serde_json::{Value, json};

use super::server::{Seen, Server, json as json_reply, reply};
use super::{call, caller, detail, failure, local, output};

const CANARY: &str = "canary/Δ \"quoted\" & more";

fn ascii_canary() -> [(&'static str, Value); 2] {
    [("agent", json!({"key": "canary-4711-value", "pin": 12345678})), ("text", json!(CANARY))]
}

#[test]
fn a_folder_of_files_becomes_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content);
    write("text", b"  canary-text\n").expect("a file");
    write("object", br#"{"a/b": {"~c": "canary-object"}, "n": 5, "none": null}"#).expect("a file");
    write("list", b"[1]").expect("a file");
    write(".hidden", b"canary-hidden").expect("a file");
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    let secrets = Secrets::load(Some(folder.path())).expect("secrets");
    let edge = "\u{2063}";
    let placeholder = |rest: &str| format!("{edge}hp-secret:{rest}{edge}");
    let expected = json!({
        "list": placeholder("list"),
        "object": {
            "a/b": {"~c": placeholder("object/a~1b/~0c")},
            "n": placeholder("object/n"),
            "none": null,
        },
        "text": placeholder("text"),
    });
    assert_eq!(*secrets.masked(), expected);
    assert_eq!(format!("{secrets:?}"), r#"Secrets(["list", "object", "text"])"#);
    assert_eq!(*Secrets::load(None).expect("none").masked(), json!({}));
    assert_eq!(*Caller::new(local(), secrets).expect("a caller").masked_secrets(), expected);
}

#[test]
fn files_that_are_no_secrets_are_refused_by_name() {
    let large = vec![b'x'; 65 * 1024];
    for (name, content) in [("a b", &b"x"[..]), ("binary", &[0xff, 0xfe]), ("large", &large)] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(name), content).expect("a file");
        let error = Secrets::load(Some(folder.path())).expect_err("a refusal").to_string();
        assert!(error.contains(name), "{error}");
    }
    let missing = tempfile::tempdir().expect("a folder").path().join("missing");
    let error = Secrets::load(Some(&missing)).expect_err("a refusal").to_string();
    assert!(error.contains("[secrets] dir"), "{error}");
}

#[tokio::test]
async fn placeholders_are_filled_where_requests_carry_values() {
    let server = Server::start(|_| json_reply(200, json!("ok"))).await;
    let caller = caller(local(), &ascii_canary());
    let masked = caller.masked_secrets();
    let (key, pin) = (&masked["agent"]["key"], &masked["agent"]["pin"]);
    let text = masked["text"].as_str().expect("a placeholder");
    let path = expand("/{text}", &json!({"text": text})).expect("a path");
    let arguments = json!({
        "method": "post",
        "endpoint": server.url(&path),
        "query": {"key": key, "pin": pin},
        "headers": {"X-Key": format!("Key {}", key.as_str().expect("a placeholder"))},
        "body": {"text": format!("<{text}>"), "pin": pin, "list": [key]},
        "output": "response",
    });
    let shown = output(&caller, arguments).await;
    let seen = &server.seen()[0];
    let path = "/canary%2F%CE%94%20%22quoted%22%20%26%20more?key=canary-4711-value&pin=12345678";
    assert_eq!(seen.target, path);
    assert_eq!(seen.header("x-key"), "Key canary-4711-value");
    let body: Value = serde_json::from_str(&seen.body).expect("JSON");
    let expected = json!({"text": format!("<{CANARY}>"), "pin": 12345678,
        "list": ["canary-4711-value"]});
    assert_eq!(body, expected);
    assert_eq!(shown["request"]["headers"]["x-key"], "[redacted]");
    let uri = shown["request"]["uri"].as_str().unwrap_or_default();
    assert!(uri.contains("secret%20agent") || uri.contains("secret+agent"), "{uri}");
    assert!(!shown.to_string().contains("canary"), "{shown}");
}

#[tokio::test]
async fn an_echo_of_a_secret_never_reaches_the_outcome() {
    fn echo(seen: &Seen) -> String {
        let text = serde_json::from_str::<Value>(&seen.body).unwrap_or_default();
        let text = text["text"].as_str().unwrap_or_default().to_owned();
        format!("{} {} {text} {}", seen.target, seen.header("authorization"), seen.body)
    }
    let server = Server::start(|seen| match seen.target.split('?').next().unwrap_or_default() {
        "/json" => json_reply(200, json!({echo(seen): [echo(seen), 12345678]})),
        "/text" => reply(200, "text/plain", echo(seen)),
        "/bytes" => reply(200, "application/octet-stream", echo(seen)),
        "/problem" => reply(500, "text/plain", echo(seen)),
        "/header" => super::server::with_header(
            json_reply(200, json!(1)),
            "X-Echo",
            &seen.header("authorization").replace("Basic ", ""),
        ),
        _ => reply(401, "text/plain", echo(seen)),
    })
    .await;
    let caller = caller(local(), &ascii_canary());
    let masked = caller.masked_secrets();
    for target in ["/json", "/text", "/bytes", "/problem", "/header", "/other"] {
        for form in ["content", "raw", "response"] {
            let arguments = json!({"method": "post", "output": form,
                "endpoint": {"uri": server.url(target), "authentication":
                    {"basic": {"username": "u", "password": masked["agent"]["key"]}}},
                "query": {"pin": masked["agent"]["pin"]}, "body": {"text": masked["text"]}});
            let call = call(Function::Http, arguments);
            let outcome = caller.run(&call).await;
            let mut shown = format!("{call:?} {outcome:?}");
            if let Outcome::Succeeded(value) = &outcome {
                let texts = [value.as_str(), value["content"].as_str()];
                for bytes in texts.into_iter().flatten().filter_map(|t| STANDARD.decode(t).ok()) {
                    shown.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
            for canary in ["canary", "12345678", &STANDARD.encode("u:canary-4711-value")] {
                assert!(!shown.contains(canary), "{canary} by {target} as {form}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_cannot_forge_a_placeholder() {
    let forged = "\u{2063}hp-secret:agent/key\u{2063}";
    let spliced = "\u{2063}\u{2063}hp-secret:hp-secret:agent/key\u{2063}";
    let encoded = "%E2%81%%E2%81%A3A3hp-secret%3Aagent%2Fkey%E2%81%A3";
    let server = Server::start(move |_| json_reply(200, json!([forged, spliced, encoded]))).await;
    let caller = caller(local(), &ascii_canary());
    let answer = output(&caller, json!({"method": "get", "endpoint": server.url("/")})).await;
    let back = json!({"method": "post", "endpoint": server.url("/"), "body": answer,
        "query": {"all": answer}, "headers": {"Content-Type": "application/json"}});
    output(&caller, back).await;
    let seen = &server.seen()[1];
    assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
    assert_eq!(
        defuse(json!({forged: forged})),
        json!({"\u{fffd}hp-secret:agent/key\u{fffd}":
        "\u{fffd}hp-secret:agent/key\u{fffd}"})
    );
}

#[tokio::test]
async fn a_secret_that_is_gone_is_a_configuration_error() {
    let arguments = json!({"method": "get", "endpoint": "http://127.0.0.1:1/",
        "headers": {"X": "\u{2063}hp-secret:old/key\u{2063}"}});
    let problem = failure(&caller(local(), &[]), arguments, Kind::Configuration).await;
    assert!(detail(&problem).contains("`old/key`"), "{problem:?}");
}

#[tokio::test]
async fn a_whole_endpoint_may_be_a_secret() {
    let server = Server::start(|_| reply(500, "text/plain", "no")).await;
    let caller = caller(local(), &[("hook", json!(server.url("/canary-path?canary=1")))]);
    let endpoint = caller.masked_secrets()["hook"].clone();
    let arguments = json!({"method": "post", "endpoint": endpoint, "body": 1});
    let problem = failure(&caller, arguments, Kind::Communication).await;
    assert!(detail(&problem).starts_with("POST [secret hook] answered 500"), "{problem:?}");
    assert_eq!(server.seen()[0].target, "/canary-path?canary=1");
}
