//! Backup and restore as an operator does them: through the real binary, with a server and without.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{Run, Running, command, ended, workflows};

const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = "correct-horse-battery";

/// A server on a free port, with its address.
fn serve(folder: &Path) -> (Running, String) {
    let mut command = command(folder, &["serve", "--listen", "127.0.0.1:0", "--workflows"]);
    command.arg(workflows());
    command.env("HOLDPOINT_ADMIN_EMAIL", EMAIL).env("HOLDPOINT_ADMIN_PASSWORD", PASSWORD);
    let mut server = Running::start(command);
    let url = server.until("address", |line| line.strip_prefix("listening on ").map(str::to_owned));
    (server, url)
}

/// A command without a server.
fn alone(folder: &Path, arguments: &[&str]) -> Run {
    ended(command(folder, arguments).output().unwrap())
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

fn good(run: Run) -> String {
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    run.out
}

/// A refusal with the exit code of files and disks, in these words.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, 74, "{}\n{}", run.out, run.err);
    for word in words {
        assert!(run.err.contains(word), "{word} is not in\n{}", run.err);
    }
}

/// Creates a job that stops at a checkpoint, over the API as curl would.
fn create(folder: &Path, url: &str) -> String {
    let script = format!(
        "curl -s -o /dev/null -c c {url}/api/auth/login -H 'Content-Type: application/json' \
         -d '{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}' && \
         curl -s -b c {url}/api/agent-jobs -H 'Content-Type: application/json' \
         -d '{{\"jobType\":\"code-generation\",\"taskDescription\":\"one file\",\
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
fn checkpoint(folder: &Path, url: &str, job: &str) -> String {
    loop {
        let rows = json(&ask(folder, url, &["checkpoints", "list", "--job", job, "--json"]));
        if let Some(row) = rows["checkpoints"].get(0) {
            return row["id"].as_str().unwrap().to_owned();
        }
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_is_backed_up_lost_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (job, waits) = back_up(folder);
    refuse_what_is_damaged(folder);
    let restored = good(alone(folder, &REPLACE));
    assert!(restored.contains("the store that was there is now data/holdpoint.redb.before-"));
    assert!(restored.contains("generation 1") && restored.contains("It is held"), "{restored}");
    good(alone(folder, &["check-db"]));
    release(folder, &job, &waits);

    let healthy = good(alone(folder, &["doctor"]));
    assert!(healthy.contains("Healthy") && healthy.contains("last backup"), "{healthy}");
    let nobodys = folder.join("data/artifacts/0198c7a2-6c2e-7b3a-9f5e-2f6d1d7a0c11");
    fs::create_dir(&nobodys).unwrap();
    let found = alone(folder, &["doctor", "--json"]);
    assert_eq!((found.code, json(&found)["verdict"].as_str()), (1, Some("attention")));
    fs::remove_dir(&nobodys).unwrap();
    move_with_a_stream(folder);
    let compacted = good(alone(folder, &["compact", "--data", "data"]));
    assert!(compacted.contains("bytes before"), "{compacted}");
    good(alone(folder, &["check-db"]));
}

const RESTORE: [&str; 5] = ["restore", "--from", "brought.redb", "--data", "data"];
const REPLACE: [&str; 6] = ["restore", "--from", "brought.redb", "--data", "data", "--replace"];

/// Backups of a running server and of one that was killed; the job that they hold, and the
/// checkpoint that it waits at.
fn back_up(folder: &Path) -> (String, String) {
    let (mut server, url) = serve(folder);
    let job = create(folder, &url);
    let waits = checkpoint(folder, &url, &job);
    let here = good(ask(folder, &url, &["backup"]));
    assert!(here.contains("Backup taken and verified: ") && here.contains("1 job"), "{here}");
    let brought = good(ask(folder, &url, &["backup", "--out", "brought.redb"]));
    assert!(brought.contains("holdpoint restore --from brought.redb --data DIR"), "{brought}");
    refused(&ask(folder, &url, &["backup", "--out", "brought.redb"]), &["exists already"]);
    let offline = ["backup", "--data", "data", "--out", "offline.redb"];
    refused(&alone(folder, &offline), &["is open in another process"]);
    refused(&alone(folder, &RESTORE), &["exists already", "--replace"]);
    refused(&alone(folder, &REPLACE), &["is open in another process"]);
    server.kill();
    let nobody = ask(folder, &url, &["backup"]);
    assert_eq!(nobody.code, 69, "{}", nobody.err);
    assert!(nobody.err.contains("holdpoint backup --data DIR --out FILE"), "{}", nobody.err);
    good(alone(folder, &offline));
    assert_eq!(fs::read_dir(folder.join("data/backups")).unwrap().count(), 4);
    (job, waits)
}

/// A damaged store is refused with its last backup and the command that puts it back; a backup that
/// is not what was taken restores nothing.
fn refuse_what_is_damaged(folder: &Path) {
    let (store, last) = (folder.join("data/holdpoint.redb"), folder.join("offline.redb"));
    let bytes = fs::read(&store).unwrap();
    let half = bytes.len() / 2;
    fs::write(&store, &bytes[..half]).unwrap();
    let command = format!("holdpoint restore --from {} --data data --replace", last.display());
    let served = alone(folder, &["serve", "--listen", "127.0.0.1:0"]);
    refused(&served, &["is damaged", "taken at 2", &command]);
    let checked = alone(folder, &["check-db"]);
    assert!(checked.out.contains(&command), "{}", checked.out);
    flip(&last);
    let damaged = ["restore", "--from", "offline.redb", "--data", "data", "--replace"];
    refused(&alone(folder, &damaged), &["is not what was backed up"]);
    fs::remove_file(folder.join("offline.redb.manifest.json")).unwrap();
    refused(&alone(folder, &damaged), &["read manifest"]);
    assert_eq!(fs::read(&store).unwrap().len(), half);
}

/// A held server decides and does nothing; a released one goes on.
fn release(folder: &Path, job: &str, waits: &str) {
    let (mut server, url) = serve(folder);
    assert!(server.said.iter().any(|line| line.contains("The store is held since")));
    let status = good(ask(folder, &url, &["worker", "status"]));
    assert!(status.contains("Nothing starts") && status.contains("\"isRunning\": false"));
    let start = ask(folder, &url, &["worker", "start"]);
    assert!(start.code == 1 && start.err.contains("holdpoint release"), "{}", start.err);
    good(ask(folder, &url, &["checkpoints", "approve", waits]));
    let show = || json(&ask(folder, &url, &["jobs", "show", job, "--json"]))["job"].take();
    let shown = show();
    assert_eq!(
        (&shown["status"], &shown["waitingFor"]["code"]),
        (&Value::from("IN_PROGRESS"), &Value::from("release"))
    );
    assert!(!folder.join(format!("data/artifacts/{job}")).exists());
    let curl = format!("curl -s {url}/readyz");
    let ready = std::process::Command::new("sh").args(["-c", &curl]).output().unwrap();
    let ready: Value = serde_json::from_slice(&ready.stdout).unwrap();
    assert_eq!(ready["status"], "held");
    let asked = ask(folder, &url, &["doctor"]);
    assert!(asked.code == 1 && asked.out.contains("held since"), "{}\n{}", asked.out, asked.err);

    let silent = ask(folder, &url, &["release", "--reason", " "]);
    assert_eq!(silent.code, 1, "a release needs a reason");
    good(ask(folder, &url, &["release", "--reason", "the original is gone"]));
    let again = ask(folder, &url, &["release", "--reason", "once more"]);
    assert!(again.code == 1 && again.err.contains("not held"), "{}", again.err);
    while show()["status"] != "COMPLETED" {}
    let written = fs::read_to_string(folder.join(format!("data/artifacts/{job}/a.txt"))).unwrap();
    assert_eq!(written, "a");
    server.signal("TERM");
    assert_eq!(server.code(), 0);
}

/// Exports the store of `data` and imports it elsewhere.
fn move_with_a_stream(folder: &Path) {
    good(alone(folder, &["export", "--data", "data", "--out", "store.jsonl"]));
    refused(&alone(folder, &["export", "--data", "data", "--out", "store.jsonl"]), &["exists"]);
    let import = ["import", "--from", "store.jsonl", "--data", "other"];
    let imported = good(alone(folder, &import));
    assert!(imported.contains("It is held") && imported.contains("1 jobs"), "{imported}");
    refused(&alone(folder, &import), &["exists already"]);
    good(alone(folder, &["check-db", "--data", "other"]));
    let text = fs::read_to_string(folder.join("store.jsonl")).unwrap();
    fs::write(folder.join("store.jsonl"), text.replacen("\"job\":\"0", "\"job\":\"1", 1)).unwrap();
    let altered = [&import[..], &["--replace"]].concat();
    refused(&alone(folder, &altered), &["cannot be imported: line ", "was altered"]);
    good(alone(folder, &["check-db", "--data", "other"]));
}
