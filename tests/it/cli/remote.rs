//! Commands that talk to a server, against one that answers from a script: what a person reads when
//! the server is away, refuses, or is another program.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::{JoinHandle, spawn};

use serde_json::{Value, json};

use super::{Run, command, ended};

/// A server that answers the first requests with these answers and keeps what it was asked.
struct Script {
    url: String,
    asked: JoinHandle<Vec<String>>,
}

/// Status, content type, further headers, body.
type Answer = (u16, &'static str, &'static str, String);

fn script(answers: Vec<Answer>) -> Script {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked =
        spawn(move || answers.into_iter().map(|answer| serve_one(&listener, &answer)).collect());
    Script { url, asked }
}

fn serve_one(listener: &TcpListener, answer: &Answer) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the client hung up");
        request.extend_from_slice(&buffer[..read]);
    }
    let (status, kind, headers, body) = answer;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{headers}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    String::from_utf8(request).unwrap()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn ok(body: &Value) -> Answer {
    (200, "application/json", "", body.to_string())
}

fn problem(status: u16, headers: &'static str, body: &Value) -> Answer {
    (status, "application/problem+json", headers, body.to_string())
}

fn run(script: &Script, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), arguments);
    command.env("HOLDPOINT_URL", &script.url).envs(environment.iter().copied());
    ended(command.output().unwrap())
}

fn worker() -> Value {
    json!({
        "success": true,
        "worker": {
            "isRunning": false, "activeJobs": 1, "maxConcurrentJobs": 3, "pollInterval": 5000
        },
        "jobs": { "pending": 5, "running": 1, "completed": 42, "failed": 2 }
    })
}

#[test]
fn nobody_listening_is_69_with_what_to_do() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let run = ended(command(folder.path(), &["jobs", "list", "--url", &url]).output().unwrap());
    assert_eq!(run.code, 69);
    for expected in [url.as_str(), "Connection refused", "holdpoint serve", "--url"] {
        assert!(run.err.contains(expected), "{expected} is not in {}", run.err);
    }
}

#[test]
fn a_refusal_is_1_and_keeps_the_servers_words() {
    let unauthorised = json!({
        "success": false, "type": "/problems/unauthenticated", "title": "Not signed in",
        "status": 401, "detail": "this address needs a login", "instance": "/api/jobs"
    });
    let script = script(vec![problem(401, "", &unauthorised)]);
    let run = run(&script, &["jobs", "list"], &[]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    for expected in ["401 unauthenticated", "this address needs a login", "HOLDPOINT_TOKEN"] {
        assert!(run.err.contains(expected), "{expected} is not in {}", run.err);
    }
}

#[test]
fn an_overloaded_server_says_when_to_come_back() {
    let busy = json!({ "success": false, "type": "/problems/busy", "title": "Busy", "status": 503, "detail": "the queue is full", "instance": "/x" });
    let script = script(vec![problem(503, "Retry-After: 7\r\n", &busy)]);
    let run = run(&script, &["worker", "start"], &[]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("try again in 7 s"), "{}", run.err);
}

#[test]
fn another_program_on_the_port_is_recognised() {
    for answer in [
        (200, "text/html", "", "<html>".to_owned()),
        (404, "text/html", "", "<html>".to_owned()),
        (302, "text/html", "Location: http://127.0.0.1:1/\r\n", String::new()),
    ] {
        let script = script(vec![answer]);
        let run = run(&script, &["worker", "status"], &[]);
        assert_eq!(run.code, 69);
        assert!(run.err.contains("not the API of Holdpoint"), "{}", run.err);
    }
}

#[test]
fn a_login_is_one_request_and_its_cookie_goes_with_the_next() {
    let user = json!({ "success": true, "user": { "id": "1" } });
    let cookie = "Set-Cookie: holdpoint=abc; HttpOnly; Path=/\r\n";
    let script = script(vec![(200, "application/json", cookie, user.to_string()), ok(&worker())]);
    let environment = [("HOLDPOINT_EMAIL", "a@example.com"), ("HOLDPOINT_PASSWORD", "pass-word")];
    let run = run(&script, &["worker", "start"], &environment);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let asked = script.asked.join().unwrap();
    assert!(asked[0].starts_with("POST /api/auth/login "), "{}", asked[0]);
    assert!(asked[0].ends_with(r#"{"email":"a@example.com","password":"pass-word"}"#));
    assert!(asked[1].starts_with("POST /api/admin/agent-worker "), "{}", asked[1]);
    assert!(asked[1].contains("cookie: holdpoint=abc\r\n"), "{}", asked[1]);
    assert!(asked[1].contains(&format!("origin: {}\r\n", script.url)), "{}", asked[1]);
}

#[test]
fn a_token_goes_with_every_request_and_into_no_message() {
    let refusal = json!({ "success": false, "type": "/problems/forbidden", "title": "no", "status": 403, "detail": "not you", "instance": "/x" });
    let script = script(vec![problem(403, "", &refusal)]);
    let run = run(&script, &["worker", "stop"], &[("HOLDPOINT_TOKEN", "hp_canary7781")]);
    assert_eq!(run.code, 1);
    assert!(!run.err.contains("canary") && !run.out.contains("canary"), "{}", run.err);
    let asked = script.asked.join().unwrap();
    assert!(asked[0].contains("authorization: Bearer hp_canary7781\r\n"), "{}", asked[0]);
}

#[test]
fn the_worker_is_shown_in_words_and_as_json() {
    let script = script(vec![ok(&worker()), ok(&worker())]);
    let text = run(&script, &["worker", "status"], &[]);
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    for expected in ["\"isRunning\": false", "42 completed", "holdpoint worker start"] {
        assert!(text.out.contains(expected), "{expected} is not in {}", text.out);
    }
    let raw = run(&script, &["worker", "status", "--json"], &[]);
    assert_eq!(serde_json::from_str::<Value>(&raw.out).unwrap(), worker());
}

#[test]
fn an_id_is_one_segment_of_a_path_whatever_it_holds() {
    let gone = json!({ "success": false, "type": "/problems/no-such-job", "title": "no", "status": 404, "detail": "no such job", "instance": "/x" });
    let script = script(vec![problem(404, "", &gone)]);
    let run = run(&script, &["jobs", "show", "../admin/jobs?x=1"], &[]);
    assert_eq!(run.code, 1);
    let asked = script.asked.join().unwrap();
    assert!(asked[0].starts_with("GET /api/jobs/%2E%2E%2Fadmin%2Fjobs%3Fx%3D1?"), "{asked:?}");
}
