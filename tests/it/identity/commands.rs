//! `user` and `token` through the real binary against a real server, and every other command with
//! a token.

use std::path::Path;

use serde_json::Value;

use crate::cli::{Run, Running, command, ended, workflows};

const EMAIL: &str = "root@x.org";
const PASSWORD: &str = "a wet Tuesday in May";

fn serve(folder: &Path) -> (Running, String) {
    let mut command = command(folder, &["serve", "--listen", "127.0.0.1:0", "--workflows"]);
    command.arg(workflows());
    command.env("HOLDPOINT_ADMIN_EMAIL", EMAIL).env("HOLDPOINT_ADMIN_PASSWORD", PASSWORD);
    let mut server = Running::start(command);
    let url = server.until("address", |line| line.strip_prefix("listening on ").map(str::to_owned));
    (server, url)
}

fn ask(folder: &Path, url: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = command(folder, arguments);
    command.env("HOLDPOINT_URL", url).envs(environment.iter().copied());
    ended(command.output().unwrap())
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}\n{}", run.out, run.err))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// A server in a folder, and commands as this or that person.
struct Stage {
    _server: Running,
    folder: tempfile::TempDir,
    url: String,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, url) = serve(folder.path());
        Self { _server: server, folder, url }
    }

    fn ask(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Run {
        ask(self.folder.path(), &self.url, environment, arguments)
    }

    fn root(&self, arguments: &[&str]) -> Run {
        self.ask(&[("HOLDPOINT_EMAIL", EMAIL), ("HOLDPOINT_PASSWORD", PASSWORD)], arguments)
    }

    /// Makes a person: the one-time password.
    fn add(&self, email: &str) -> String {
        let arguments = ["user", "add", email, "--role", "user", "--role", "reviewer", "--group"];
        let added = self.root(&[&arguments[..], &["finance", "--json"]].concat());
        text(&json(&added)["oneTimePassword"])
    }
}

#[test]
fn a_new_person_chooses_a_password_before_anything_else() {
    let stage = Stage::new();
    let drawn = stage.add("ann@x.org");
    let once = [("HOLDPOINT_EMAIL", "ann@x.org"), ("HOLDPOINT_PASSWORD", drawn.as_str())];
    let refused = stage.ask(&once, &["jobs", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("password-change-required"), "{}", refused.err);
    let change = stage.ask(&once, &["user", "password"]);
    assert_eq!(change.code, 2, "{}", change.err);
    assert!(change.err.contains("HOLDPOINT_NEW_PASSWORD"), "{}", change.err);
    let with_new = [once[0], once[1], ("HOLDPOINT_NEW_PASSWORD", "battery staple")];
    let changed = stage.ask(&with_new, &["user", "password"]);
    assert_eq!((changed.code, changed.err.as_str()), (0, ""), "{}", changed.out);
    let ann = [("HOLDPOINT_EMAIL", "ann@x.org"), ("HOLDPOINT_PASSWORD", "battery staple")];
    assert_eq!(stage.ask(&ann, &["jobs", "list"]).code, 0);
    let again = stage.ask(&with_new, &["user", "password"]);
    assert_eq!(again.code, 1, "the old password is none any more: {}", again.out);
}

#[test]
fn a_token_works_for_every_command_within_its_scopes() {
    let stage = Stage::new();
    let create = ["token", "create", "report", "--scope", "jobs:read", "--days", "7", "--json"];
    let made = json(&stage.root(&create));
    let (id, secret) = (text(&made["token"]["id"]), text(&made["secret"]));
    let token = [("HOLDPOINT_TOKEN", secret.as_str())];
    assert_eq!(stage.ask(&token, &["jobs", "list"]).code, 0);
    let beyond = stage.ask(&token, &["checkpoints", "list"]);
    assert_eq!(beyond.code, 1);
    assert!(beyond.err.contains("checkpoints:read"), "{}", beyond.err);
    let list = stage.root(&["token", "list"]);
    assert!(list.out.contains(&id) && !list.out.contains(&secret), "{}", list.out);
    assert_eq!(stage.root(&["token", "revoke", &id]).code, 0);
    let over = stage.ask(&token, &["jobs", "list"]);
    assert!(over.err.contains("invalid-token"), "{}", over.err);

    let program = stage.root(&["token", "create", "CI", "--agent", "ci", "--scope", "jobs:write"]);
    let secret = program.out.lines().last().unwrap_or_default().to_owned();
    assert!(secret.starts_with("hp_"), "the token stands alone on its line: {}", program.out);
    let token = [("HOLDPOINT_TOKEN", secret.as_str())];
    assert_eq!(stage.ask(&token, &["jobs", "list"]).code, 0);
    let all = stage.root(&["token", "list", "--all"]);
    assert!(all.out.contains("agent:ci") && all.out.contains("report"), "{}", all.out);
    let of = stage.root(&["token", "list", "--all", "--of", "agent:ci"]);
    assert!(of.out.contains("agent:ci") && !of.out.contains("report"), "{}", of.out);
}

#[test]
fn an_account_is_changed_and_taken_out_of_use() {
    let stage = Stage::new();
    stage.add("ann@x.org");
    let set = ["user", "set", "ann@x.org", "--role", "user", "--no-groups", "--name", "Ann"];
    let set = stage.root(&set);
    assert!(set.out.contains("Roles       user\n"), "{}", set.out);
    let reset = stage.root(&["user", "password", "ann@x.org"]);
    assert_eq!(reset.out.lines().last().map(str::len), Some(24), "{}", reset.out);
    let off = json(&stage.root(&["user", "set", "ann@x.org", "--active", "false", "--json"]));
    assert_eq!(off["user"]["isActive"], false);
    assert_eq!(stage.root(&["user", "deactivate", "ann@x.org"]).code, 0);
    let list = stage.root(&["user", "list"]);
    let line = list.out.lines().find(|line| line.contains("ann@x.org")).unwrap_or_default();
    assert!(line.contains("gone"), "{}", list.out);
    let last = stage.root(&["user", "deactivate", EMAIL]);
    assert_eq!(last.code, 1);
    assert!(last.err.contains("last-admin"), "{}", last.err);
}
