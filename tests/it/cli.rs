//! The command line, through the real binary: words, exit codes, and what goes where.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use holdpoint::dsl::{Rules, load_folder};

/// Arguments and help.
mod arguments;
/// `bench`, in miniature.
mod bench;
/// `check`.
mod check;
/// `config show`, and a configuration that is wrong.
mod config;
/// `demo`.
mod demo;
/// `drill`.
mod drill;
/// The tour of the README.
mod readme;
/// Commands that talk to a server, against a script.
mod remote;
/// `serve` and `check-db`.
mod serve;

/// What one run of the binary said.
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// The binary with these arguments, in this folder, in an environment without ours.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.args(arguments).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOLDPOINT") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the binary to its end in an empty folder.
pub fn holdpoint(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    ended(command(folder.path(), arguments).output().unwrap())
}

/// What an ended run said.
pub fn ended(output: Output) -> Run {
    Run {
        code: output.status.code().expect("a signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The shipped workflows.
pub fn workflows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows")
}

/// The names of the shipped workflows, read from their files: a test that goes through all of them
/// misses none that is added.
pub fn shipped() -> Vec<String> {
    let loaded = load_folder(&workflows(), &Rules::default()).unwrap();
    assert!(!loaded.is_empty(), "no workflow is shipped");
    loaded.into_iter().map(|file| file.name.expect("a name in the document")).collect()
}

/// A binary that runs on, with its standard output line by line.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Every line so far.
    pub said: Vec<String>,
}

impl Running {
    /// Starts a command. Its standard error is kept out of the way.
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, said: Vec::new() }
    }

    /// Reads lines until this is one; answers what `found` made of it.
    pub fn until<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("no {what} in\n{:#?}", self.said));
            if let Some(found) = found(&line) {
                return found;
            }
        }
    }

    /// The next line; nothing once it ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        self.said.push(line.clone());
        (read > 0).then_some(line)
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Kills it without a word, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; answers the exit code.
    pub fn code(&mut self) -> i32 {
        while self.line().is_some() {}
        self.child.wait().unwrap().code().expect("a signal ended it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no server behind; one that ended already cannot be killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
