//! No password, token or session id is anywhere but where it is shown once: not in the store, not
//! in the log, not in an answer.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::cli::{command, workflows};

const PASSWORD: &str = "canary-password-of-the-admin";

/// A server with everything that it says in a file, at the most talkative level.
struct Talkative {
    child: Child,
    url: String,
}

impl Talkative {
    fn start(folder: &Path) -> Self {
        let mut command = command(folder, &["serve", "--listen", "127.0.0.1:0", "--workflows"]);
        command.arg(workflows()).env("HOLDPOINT__LOG__FILTER", "\"trace\"");
        command.env("HOLDPOINT_ADMIN_EMAIL", "root@x.org");
        command.env("HOLDPOINT_ADMIN_PASSWORD", PASSWORD);
        let log = File::create(folder.join("log")).unwrap();
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut server = Self { child, url: String::new() };
        let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
        let url =
            lines.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned));
        server.url = url.expect("it starts");
        server
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        // One that ended already cannot be killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A caller that keeps every answer it gets.
struct Listener {
    http: reqwest::Client,
    url: String,
    heard: Vec<String>,
}

impl Listener {
    /// Asks with these headers; answers the JSON and the cookie that was set.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> (Value, String) {
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|it| it.to_str().unwrap().to_owned());
        let cookie = cookie.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        self.heard.push(text);
        (json, cookie)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Everything secret that comes about when people and programs use a server.
async fn use_it(caller: &mut Listener) -> Vec<String> {
    let login = json!({"email": "root@x.org", "password": PASSWORD});
    let (_, cookie) = caller.ask("POST", "/api/auth/login", &[], Some(login)).await;
    let by_cookie = [("cookie", cookie.as_str())];
    let made = json!({"email": "ann@x.org"});
    let (made, _) = caller.ask("POST", "/api/admin/users", &by_cookie, Some(made)).await;
    let drawn = text(&made["oneTimePassword"]);
    let own = json!({"name": "n", "scopes": ["*"]});
    let (own, _) = caller.ask("POST", "/api/auth/tokens", &by_cookie, Some(own)).await;
    let program = json!({"kind": "agent", "agent": "ci", "name": "n", "scopes": ["*"]});
    let (program, _) = caller.ask("POST", "/api/admin/tokens", &by_cookie, Some(program)).await;
    let (own, program) = (text(&own["secret"]), text(&program["secret"]));
    let login = json!({"email": "ann@x.org", "password": drawn});
    let (_, ann) = caller.ask("POST", "/api/auth/login", &[], Some(login)).await;
    let chosen = "canary-password-of-ann".to_owned();
    let change = json!({"current": drawn, "new": chosen});
    let by_ann = [("cookie", ann.as_str())];
    let (_, ann_again) = caller.ask("POST", "/api/auth/password", &by_ann, Some(change)).await;
    // What is shown once was shown in the answers so far.
    caller.heard.clear();
    let wrong = format!("{}z", &own[..own.len() - 1]);
    for bearer in [&own, &program, &wrong] {
        read_everything(caller, bearer).await;
    }
    let mistyped = "canary-typed-into-the-wrong-field".to_owned();
    for (email, password) in [(mistyped.as_str(), "x"), ("root@x.org", mistyped.as_str())] {
        let login = json!({"email": email, "password": password});
        caller.ask("POST", "/api/auth/login", &[], Some(login)).await;
    }
    let again = json!({"current": mistyped, "new": "password1"});
    let by_ann = [("cookie", ann_again.as_str())];
    caller.ask("POST", "/api/auth/password", &by_ann, Some(again)).await;
    caller.ask("POST", "/api/auth/logout", &by_cookie, None).await;
    let session = |cookie: &str| cookie.split('=').next_back().unwrap_or_default().to_owned();
    let secret = |token: &str| token.rsplit('_').next().unwrap_or_default().to_owned();
    let of_sessions = [session(&cookie), session(&ann), session(&ann_again)];
    let others = [PASSWORD.to_owned(), drawn, chosen, mistyped, secret(&own), secret(&program)];
    of_sessions.into_iter().chain(others).collect()
}

/// Reads, as the holder of this token, whatever tells of people and tokens.
async fn read_everything(caller: &mut Listener, bearer: &str) {
    let bearer = format!("Bearer {bearer}");
    let by_token = [("authorization", bearer.as_str())];
    for path in [
        "/api/auth/me",
        "/api/jobs",
        "/api/auth/tokens",
        "/api/admin/tokens",
        "/api/admin/users",
        "/api/admin/audit",
        "/api/admin/status",
        "/api/admin/doctor",
    ] {
        caller.ask("GET", path, &by_token, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_kept_told_or_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Talkative::start(folder.path());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut caller = Listener { http, url: server.url.clone(), heard: Vec::new() };
    let secrets = use_it(&mut caller).await;
    let id = server.child.id().to_string();
    let stopped = std::process::Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(stopped.unwrap().success());
    assert!(server.child.wait().unwrap().success());
    let mut kept = Vec::new();
    files(folder.path(), &mut kept);
    for ending in [".redb", "log"] {
        let found = kept.iter().find(|(path, _)| path.ends_with(ending));
        assert!(found.is_some_and(|(_, bytes)| bytes.len() > 1_000), "{ending}");
    }
    for word in &secrets {
        assert!(word.len() >= 16, "{word:?} would be found anywhere");
        for (path, bytes) in &kept {
            assert!(!holds(bytes, word), "{word} is in {path}");
        }
        for answer in &caller.heard {
            assert!(!answer.contains(word), "{word} is in {answer}");
        }
    }
    // The search finds what is there.
    assert!(kept.iter().any(|(_, bytes)| holds(bytes, "ann@x.org")));
}
