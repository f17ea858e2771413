//! A server that is killed at one of its syncs: strace counts the calls of each thread and sends
//! SIGKILL instead of letting one happen. What was written before it is in the file, unsynced.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::process::Server;

/// The name of the thread that writes the store, cut by the kernel.
const WRITER: &str = "store-writer";

fn kill_at(call: &str, n: usize) -> [String; 4] {
    let inject = format!("inject={call}:signal=SIGKILL:when={n}");
    ["-e".to_owned(), format!("trace={call}"), "-e".to_owned(), inject]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Goes before a server: whichever thread reaches its n-th `fdatasync` ends the process. The
/// thread that opens the file makes the first of them.
pub fn killing_at(n: usize) -> Vec<String> {
    let mut before = words(&["strace", "-D", "-f", "-qq", "-o", "/dev/null"]);
    before.extend(kill_at("fdatasync", n));
    before
}

/// The same at the n-th `fsync`: the file and the folders of a first start.
pub fn killing_at_fsync(n: usize) -> Vec<String> {
    let mut before = words(&["strace", "-D", "-f", "-qq", "-o", "/dev/null"]);
    before.extend(kill_at("fsync", n));
    before
}

/// Goes before a server: writes down what reaches the disk or names a file on it, with its path.
pub fn recording(record: &Path) -> Vec<String> {
    let mut before = words(&["strace", "-D", "-f", "-qq", "-y", "-o"]);
    before.push(record.display().to_string());
    before.extend(words(&["-e", "trace=fdatasync,fsync,rename,renameat,renameat2,mkdir,mkdirat"]));
    before
}

/// A tracer; it goes with the server.
pub struct Tracer {
    strace: Child,
}

impl Tracer {
    /// Does the server still run under it?
    pub fn is_there(&mut self) -> bool {
        matches!(self.strace.try_wait(), Ok(None))
    }
}

/// Kills a running server at the n-th sync of its writer from now.
pub async fn kill_writer_at(server: &Server, n: usize) -> Result<Tracer, String> {
    attach(server, kill_at("fdatasync", n)).await
}

/// Lets the n-th sync of its writer from now fail as a broken disk does.
pub async fn fail_writer_at(server: &Server, n: usize) -> Result<Tracer, String> {
    let [trace, calls, inject, _] = kill_at("fdatasync", n);
    attach(server, [trace, calls, inject, format!("inject=fdatasync:error=EIO:when={n}")]).await
}

async fn attach(server: &Server, inject: [String; 4]) -> Result<Tracer, String> {
    let id = server.id().ok_or("the server has ended")?.as_raw_nonzero();
    let thread = thread_of(id.get()).ok_or("the server has no writer")?;
    let mut strace = Command::new("strace")
        .args(["-o", "/dev/null", "-p", &thread])
        .args(inject)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("strace: {error}"))?;
    let mut lines = BufReader::new(strace.stderr.take().unwrap()).lines();
    let line = lines.next_line().await.ok().flatten().unwrap_or_default();
    if !line.contains("attached") {
        return Err(format!("strace cannot trace the server: {line}"));
    }
    Ok(Tracer { strace })
}

fn thread_of(process: i32) -> Option<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    threads.flatten().find_map(|thread| {
        let name = std::fs::read_to_string(thread.path().join("comm")).ok()?;
        (name.trim_end() == WRITER).then(|| thread.file_name().to_string_lossy().into_owned())
    })
}

/// Can it be used here? An error says why not.
pub fn usable() -> Result<(), String> {
    super::skip::need(&["strace"])?;
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    if !matches!(scope.trim(), "" | "0") && !rustix::process::geteuid().is_root() {
        return Err("this kernel lets only root trace a running process".to_owned());
    }
    let probe = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("strace: {error}")),
    }
}

/// What a tracer wrote down, once it has ended: its last line is the end of the process.
pub async fn recorded(record: &Path) -> Vec<String> {
    let mut pauses = super::process::Pauses::within(std::time::Duration::from_secs(10));
    let mut last = None;
    loop {
        let text = std::fs::read_to_string(record).unwrap_or_default();
        // The tracer ends a moment after what it traces; then nothing more comes.
        let is_still = last.as_ref() == Some(&text) && !text.is_empty();
        if is_still || !pauses.pause().await {
            return text.lines().map(str::to_owned).collect();
        }
        last = Some(text);
    }
}
