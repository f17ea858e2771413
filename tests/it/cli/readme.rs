//! The tour of the README: its blocks run as they stand there, in one shell, on a free port and
//! with the binary of this build.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::workflows;

/// The `sh` blocks of a Markdown text, in order.
fn blocks(text: &str) -> Vec<&str> {
    let rest = text.split("```sh\n").skip(1);
    rest.map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn the_tour_runs_as_it_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = blocks(&readme);
    assert!(blocks.len() >= 7, "the tour has lost its blocks");
    // The ports are free when they are asked for; nothing else here takes ports by number.
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (first, second) = (free(), free());
    let [port, agents] = [&first, &second].map(|it| it.local_addr().unwrap().port());
    drop((first, second));
    let script = blocks
        .join("\n")
        .replace("cargo build --release\n", "")
        .replace(
            "target/release/holdpoint serve",
            &format!("holdpoint serve --listen 127.0.0.1:{port}"),
        )
        .replace(
            "target/release/holdpoint agent-sim",
            &format!("holdpoint agent-sim --listen 127.0.0.1:{agents}"),
        )
        .replace("127.0.0.1:9900", &format!("127.0.0.1:{agents}"))
        .replace("target/release/holdpoint", "holdpoint")
        .replace("http://127.0.0.1:3000", &format!("http://127.0.0.1:{port}"));
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(workflows(), folder.path().join("workflows")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_holdpoint"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let ended = Command::new("bash")
        .args([
            "-euo",
            "pipefail",
            "-c",
            &format!("trap 'kill -9 $SERVER ${{AGENTS:-}} 2>/dev/null || true' EXIT\n{script}"),
        ])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOLDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}\n{err}");
    for expected in [
        "Write 2 generated file(s)?",
        "+export function authenticate()",
        "\"status\":\"APPROVED\"",
        "\"status\":\"REJECTED\"",
        "agent_jobs_total{status=\"COMPLETED\"} 2",
        "auth.test.ts",
        "Store is ready for the worker!",
        "3 jobs × ",
        "0 lost, 0 doubled",
        "the currency is missing",
    ] {
        assert!(out.contains(expected), "{expected} is not in\n{out}\n{err}");
    }
}
