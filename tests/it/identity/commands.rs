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

#[test]
fn people_and_programs_are_kept_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_server, url) = serve(folder);
    let root = [("HOLDPOINT_EMAIL", EMAIL), ("HOLDPOINT_PASSWORD", PASSWORD)];
    let as_root = |arguments: &[&str]| ask(folder, &url, &root, arguments);

    // A new person with a one-time password, which is of use for one thing.
    let add = ["user", "add", "ann@x.org", "--role", "user", "--role", "reviewer", "--group",
        "finance", "--json"];
    let added = json(&as_root(&add));
    let drawn = text(&added["oneTimePassword"]);
    let once = [("HOLDPOINT_EMAIL", "ann@x.org"), ("HOLDPOINT_PASSWORD", drawn.as_str())];
    let refused = ask(folder, &url, &once, &["jobs", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("password-change-required"), "{}", refused.err);
    let change = ask(folder, &url, &once, &["user", "password"]);
    assert_eq!(change.code, 2, "{}", change.err);
    assert!(change.err.contains("HOLDPOINT_NEW_PASSWORD"), "{}", change.err);
    let with_new = [once[0], once[1], ("HOLDPOINT_NEW_PASSWORD", "battery staple")];
    let changed = ask(folder, &url, &with_new, &["user", "password"]);
    assert_eq!((changed.code, changed.err.as_str()), (0, ""), "{}", changed.out);
    let ann = [("HOLDPOINT_EMAIL", "ann@x.org"), ("HOLDPOINT_PASSWORD", "battery staple")];
    assert_eq!(ask(folder, &url, &ann, &["jobs", "list"]).code, 0);

    // Her token does what she may, within its scope, for any command.
    let create = ["token", "create", "report", "--scope", "jobs:read", "--days", "7", "--json"];
    let made = json(&ask(folder, &url, &ann, &create));
    let (id, secret) = (text(&made["token"]["id"]), text(&made["secret"]));
    let token = [("HOLDPOINT_TOKEN", secret.as_str())];
    assert_eq!(ask(folder, &url, &token, &["jobs", "list"]).code, 0);
    let beyond = ask(folder, &url, &token, &["checkpoints", "list"]);
    assert_eq!(beyond.code, 1);
    assert!(beyond.err.contains("checkpoints:read"), "{}", beyond.err);
    let list = ask(folder, &url, &ann, &["token", "list"]);
    assert!(list.out.contains(&id) && !list.out.contains(&secret), "{}", list.out);
    assert_eq!(ask(folder, &url, &ann, &["token", "revoke", &id]).code, 0);
    let over = ask(folder, &url, &token, &["jobs", "list"]);
    assert!(over.err.contains("invalid-token"), "{}", over.err);

    // A program.
    let program = ["token", "create", "CI", "--agent", "ci", "--scope", "jobs:write"];
    let shown = as_root(&program);
    let secret = shown.out.lines().last().unwrap_or_default().to_owned();
    assert!(secret.starts_with("hp_"), "the token stands alone on its line: {}", shown.out);
    let token = [("HOLDPOINT_TOKEN", secret.as_str())];
    assert_eq!(ask(folder, &url, &token, &["jobs", "list"]).code, 0);
    let all = as_root(&["token", "list", "--all"]);
    assert!(all.out.contains("agent:ci") && all.out.contains("report"), "{}", all.out);

    // Less, and nothing at all.
    let set = ["user", "set", "ann@x.org", "--role", "user", "--no-groups", "--name", "Ann"];
    let set = as_root(&set);
    assert!(set.out.contains("Roles       user\n"), "{}", set.out);
    let reset = as_root(&["user", "password", "ann@x.org"]);
    assert_eq!(reset.out.lines().last().map(str::len), Some(24), "{}", reset.out);
    assert_eq!(as_root(&["user", "deactivate", "ann@x.org"]).code, 0);
    let list = as_root(&["user", "list"]);
    let line = list.out.lines().find(|line| line.contains("ann@x.org")).unwrap_or_default();
    assert!(line.contains("gone"), "{}", list.out);
    let last = as_root(&["user", "deactivate", EMAIL]);
    assert_eq!(last.code, 1);
    assert!(last.err.contains("last-admin"), "{}", last.err);
}
