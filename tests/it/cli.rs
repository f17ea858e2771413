//! The command line, through the real binary: words, exit codes, and what goes where.

use std::path::Path;
use std::process::{Command, Output};

/// Arguments and help.
mod arguments;
/// `check`.
mod check;
/// `config show`, and a configuration that is wrong.
mod config;
/// Commands that talk to a server.
mod remote;

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
