//! The examples of the documentation run as they stand there: they open a gate, wait for people,
//! and believe the same messages as the server's own verification.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::signatures::cases;
use super::text;
use crate::support::client::Client;
use crate::support::server::{TestServer, start};

/// The blocks of this language, in order.
fn blocks(language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/GATES.md");
    let page = std::fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let rest = page.split(&fence).skip(1);
    rest.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// A program of the documentation, with how it is run.
struct Example {
    program: &'static str,
    arguments: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Example {
    fn new(program: &'static str, flags: &[&str], name: &str, source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join(name);
        std::fs::write(&file, source).unwrap();
        let mut arguments: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(file.display().to_string());
        Self { program, arguments, _folder: folder }
    }

    fn python() -> Self {
        Self::new("python3", &[], "gate.py", &blocks("python")[0])
    }

    /// Nothing when there is no `node` that runs TypeScript.
    fn typescript() -> Option<Self> {
        let version = Command::new("node").arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let major =
            version.trim().trim_start_matches('v').split('.').next()?.parse::<u32>().ok()?;
        if major < 22 {
            println!("skipped: node {} cannot run TypeScript, which takes 22", version.trim());
            return None;
        }
        let flags = ["--experimental-strip-types", "--no-warnings"];
        Some(Self::new("node", &flags, "gate.mts", &blocks("ts")[0]))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(&self.arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it says about the cases, one line each.
    fn verdicts(&self) -> Vec<String> {
        let mut command = self.command();
        let mut child = command.arg("verify").stdin(Stdio::piped()).spawn().unwrap();
        let lines: Vec<String> = cases().iter().map(super::signatures::Case::line).collect();
        child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

fn expected() -> Vec<String> {
    cases().iter().map(|case| case.is_good.to_string()).collect()
}

#[test]
fn python_believes_what_the_server_believes() {
    assert_eq!(Example::python().verdicts(), expected());
}

#[test]
fn typescript_believes_what_the_server_believes() {
    if let Some(example) = Example::typescript() {
        assert_eq!(example.verdicts(), expected());
    }
}

#[test]
fn the_shell_believes_what_the_server_believes() {
    let check = &blocks("sh")[1];
    // It compares with one signature and one secret: the rest is for the other two.
    let simple = cases().into_iter().filter(|case| {
        let signature = case.headers["webhook-signature"].as_str().unwrap_or_default();
        let sent = case.headers["webhook-timestamp"].as_str().unwrap_or_default();
        case.secrets.len() == 1
            && !signature.contains(' ')
            && sent.parse::<u64>().is_ok()
            && !sent.starts_with('+')
    });
    let mut told = 0;
    for case in simple {
        let header = |name: &str| case.headers[name].as_str().unwrap_or_default().to_owned();
        let script = check.replace("$(date +%s)", &case.now_s.to_string());
        let output = Command::new("bash")
            .args(["-eu", "-c", &script])
            .env("HOLDPOINT_SECRET", case.secrets[0])
            .env("webhook_id", header("webhook-id"))
            .env("webhook_timestamp", header("webhook-timestamp"))
            .env("webhook_signature", header("webhook-signature"))
            .env("body", &case.body)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, case.is_good.to_string(), "{}: {error}", case.name);
        told += 1;
    }
    assert!(told > 12, "{told} cases");
}

/// A token of a program that may use gates.
async fn token(server: &TestServer) -> String {
    let body = json!({"kind": "agent", "agent": "example", "name": "example", "roles": ["user"],
        "scopes": ["gates:write"]});
    let made = server.client.post("/api/admin/tokens", &body).await.expect(201);
    let found = super::find_text(&made, &|text| text.starts_with("hp_"));
    found.unwrap_or_else(|| panic!("no token in {made:#}"))
}

/// The only open checkpoint, once there is one.
async fn open_checkpoint(server: &TestServer, client: &Client) -> Value {
    server
        .wait_until("a gate", async || {
            let list = client.get("/api/admin/agent-checkpoints?status=PENDING").await.expect(200);
            let found = list["checkpoints"].as_array().unwrap().first().cloned();
            found
        })
        .await
}

/// Runs the program while a person decides at the gate that it opens; what it prints.
async fn asked(server: &TestServer, mut command: Command, token: &str) -> String {
    command.env("HOLDPOINT_URL", &server.url).env("HOLDPOINT_TOKEN", token);
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    let checkpoint = open_checkpoint(server, &server.client).await;
    let path = format!("/api/admin/agent-checkpoints/{}", text(&checkpoint["id"]));
    server.client.post(&path, &json!({"comment": "fine"})).await.expect(200);
    let output = running.await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_asks_and_waits_for_a_person() {
    let server = start(|_| {}).await;
    let token = token(&server).await;
    let mut shell = Command::new("bash");
    shell.args(["-c", &blocks("sh")[0]]);
    let mut commands = vec![shell];
    let examples: Vec<Example> =
        [Some(Example::python()), Example::typescript()].into_iter().flatten().collect();
    for (turn, example) in examples.iter().enumerate() {
        let mut command = example.command();
        command.args(["ask", "Go on?", &format!("example-{turn}")]);
        commands.push(command);
    }
    for command in commands {
        let said = asked(&server, command, &token).await;
        assert!(said.contains("asked: ") && said.trim().ends_with("APPROVED"), "{said}");
    }
    server.stop().await;
}
