//! `serve` from its first line to its end, and `check-db` on what it leaves: journeys through the
//! real binary, the real store and the real API.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use super::{Run, Running, command, ended, workflows};

const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = "correct-horse-battery";

/// A server on a free port, with its address.
fn serve(folder: &Path) -> (Running, String) {
    let documents = workflows();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--workflows"];
    let mut command = command(folder, &arguments);
    command.arg(&documents);
    command.env("HOLDPOINT_ADMIN_EMAIL", EMAIL).env("HOLDPOINT_ADMIN_PASSWORD", PASSWORD);
    let mut server = Running::start(command);
    let url = server.until("address", |line| line.strip_prefix("listening on ").map(str::to_owned));
    (server, url)
}

/// A command as the admin of that server.
fn ask(folder: &Path, url: &str, arguments: &[&str]) -> Run {
    let mut command = command(folder, arguments);
    command.env("HOLDPOINT_URL", url);
    command.env("HOLDPOINT_EMAIL", EMAIL).env("HOLDPOINT_PASSWORD", PASSWORD);
    ended(command.output().unwrap())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}\n{}", run.out, run.err))
}

/// Creates a job that stops at a checkpoint, over the API as curl would.
fn create(folder: &Path, url: &str) -> String {
    let script = format!(
        "curl -s -o /dev/null -c c {url}/api/auth/login -H 'Content-Type: application/json' \
         -d '{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}' && \
         curl -s -b c {url}/api/agent-jobs -H 'Content-Type: application/json' \
         -d '{{\"jobType\":\"code-generation\",\"taskDescription\":\"two \\u001b[2J files\",\
         \"inputData\":{{\"files\":[{{\"path\":\"a.txt\",\"content\":\"a\"}}]}}}}'"
    );
    let made = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    made["job"]["id"].as_str().unwrap().to_owned()
}

/// The checkpoint that a job waits at, once it does.
fn checkpoint(folder: &Path, url: &str, job: &str) -> Value {
    loop {
        let rows = json(&ask(folder, url, &["checkpoints", "list", "--job", job, "--json"]));
        if let Some(row) = rows["checkpoints"].get(0) {
            return row.clone();
        }
    }
}

#[test]
fn a_job_waits_over_a_kill_and_goes_on_when_it_is_approved() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut server, url) = serve(folder);
    assert!(server.said.contains(&format!("Made the admin {EMAIL}")), "{:#?}", server.said);
    let job = create(folder, &url);
    let waits = checkpoint(folder, &url, &job);
    server.kill();

    let (mut server, url) = serve(folder);
    assert!(server.said.iter().any(|line| line.contains("Recovered 1 job (1 IN_PROGRESS)")));
    assert!(!server.said.iter().any(|line| line.contains("Made the admin")), "only once");
    let again = checkpoint(folder, &url, &job);
    assert_eq!(waits, again, "the same checkpoint, with the same digest and expiry");

    let id = again["id"].as_str().unwrap();
    let shown = ask(folder, &url, &["checkpoints", "show", id]);
    assert!(shown.out.contains("+++ b/a.txt"), "{}", shown.out);
    let digest = "0".repeat(64);
    let wrong = ask(folder, &url, &["checkpoints", "approve", id, "--digest", &digest]);
    assert_eq!(wrong.code, 1, "{}", wrong.err);
    assert!(wrong.err.contains("409"), "{}", wrong.err);
    let digest = again["digest"].as_str().unwrap();
    let approved = ask(folder, &url, &["checkpoints", "approve", id, "--digest", digest]);
    assert_eq!((approved.code, approved.err.as_str()), (0, ""));
    let late = ask(folder, &url, &["checkpoints", "reject", id, "--reason", "late"]);
    assert_eq!(late.code, 1);
    assert!(late.err.contains("APPROVED already"), "{}", late.err);

    let status = || json(&ask(folder, &url, &["jobs", "show", &job, "--json"]));
    while status()["job"]["status"] != "COMPLETED" {}
    assert_eq!(
        fs::read_to_string(folder.join(format!("data/artifacts/{job}/a.txt"))).unwrap(),
        "a"
    );
    let page = ask(folder, &url, &["jobs", "show", &job]).out;
    assert!(
        page.contains("\\u{1b}[2J") && !page.contains('\u{1b}'),
        "the name is harmless: {page}"
    );
    server.signal("TERM");
    assert_eq!(server.code(), 0);
}

#[test]
fn a_store_is_checked_while_it_is_served_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let missing = ended(command(folder, &["check-db"]).output().unwrap());
    assert_eq!(missing.code, 74);
    assert!(missing.out.contains("there is no file") && missing.out.contains("1. "));

    let (mut server, url) = serve(folder);
    let served = ask(folder, &url, &["check-db"]);
    assert_eq!(served.code, 0, "{}{}", served.out, served.err);
    for expected in ["open in another process", &url, "Store is ready for the worker!"] {
        assert!(served.out.contains(expected), "{expected} is not in {}", served.out);
    }
    let elsewhere = ask(folder, "http://127.0.0.1:1", &["check-db"]);
    assert_eq!(elsewhere.code, 74);
    assert!(elsewhere.out.contains("fuser"), "{}", elsewhere.out);
    let second = command(folder, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let second = ended(second);
    assert_eq!((second.code, second.out.as_str()), (74, ""));
    assert!(second.err.contains("is open in another process"), "{}", second.err);

    server.signal("INT");
    assert_eq!(server.code(), 0);
    assert_eq!(server.said.iter().rev().find(|line| !line.is_empty()).unwrap(), "stopped");
    let sound = ended(command(folder, &["check-db"]).output().unwrap());
    assert_eq!(sound.code, 0, "{}{}", sound.out, sound.err);
    for expected in ["✅ Store file opened", "✅ jobs table exists", "✅ checkpoints table exists"]
    {
        assert!(sound.out.contains(expected), "{expected} is not in {}", sound.out);
    }

    fs::write(folder.join("data/holdpoint.redb"), "something else").unwrap();
    let foreign = ended(command(folder, &["check-db", "--json"]).output().unwrap());
    assert_eq!(foreign.code, 74);
    assert_eq!(json(&foreign)["ok"], false);
}

#[test]
fn a_taken_address_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = command(folder.path(), &["serve", "--listen", &address, "--workflows"]);
    let run = ended(command.arg(workflows()).output().unwrap());
    assert_eq!((run.code, run.out.as_str()), (74, ""));
    assert!(run.err.contains(&address) && run.err.contains("--listen 127.0.0.1:0"), "{}", run.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no store, no unseen password");
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let (mut server, url) = serve(folder.path());
        // Half a request: the server waits for the rest of it when it drains.
        let mut open = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        let head = "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                    Content-Type: application/json\r\nContent-Length: 9\r\n\r\n";
        open.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        open.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100", "the request is in its handler");
        server.signal("TERM");
        server.until("word that it drains", |line| line.starts_with("draining").then_some(()));
        server.signal(name);
        assert_eq!(server.code(), code);
    }
}
