//! A mount namespace with a file system of its own, held by one shell. Nobody else sees its mounts,
//! and they go with that shell, however the test ends: its input closes with the test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long one command in the room may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running shell in a namespace of its own.
pub struct Room {
    shell: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Room {
    /// Opens a room; an error says why this machine allows none.
    pub async fn open() -> Result<Self, String> {
        let mut shell = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let input = shell.stdin.take().ok_or("the shell has no input")?;
        let output = BufReader::new(shell.stdout.take().ok_or("the shell has no output")?).lines();
        let mut room = Self { shell, input, output };
        room.run("true").await.map_err(|_| "mount namespaces are not allowed here".to_owned())?;
        Ok(room)
    }

    /// Runs a command in the room; an error carries what it said.
    pub async fn run(&mut self, command: &str) -> Result<(), String> {
        let line = format!("said=$({command} 2>&1); echo \"$? $said\" | tr '\\n' ' '; echo\n");
        let asked = async {
            self.input.write_all(line.as_bytes()).await.ok()?;
            self.output.next_line().await.ok().flatten()
        };
        let said = timeout(PATIENCE, asked).await.ok().flatten();
        match said.as_deref().and_then(|said| said.split_once(' ')) {
            Some(("0", _)) => Ok(()),
            Some((_, said)) => Err(format!("{command}: {}", said.trim())),
            None => Err(format!("{command}: the room is gone")),
        }
    }

    /// Goes before a program that is to run in the room.
    pub fn entrance(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--mount=/proc/{}/ns/mnt", self.id()), "--".to_owned()]
    }

    /// What a path means in the room, seen from outside.
    pub fn view(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn id(&self) -> u32 {
        self.shell.id().expect("the shell of the room runs")
    }
}
