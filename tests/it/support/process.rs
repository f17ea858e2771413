//! The real binary as a child process: started, awaited, killed, stopped. It touches no process
//! that it did not start, and none outlives the test.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The account that the first start makes.
pub const EMAIL: &str = "admin@example.com";
/// Its password.
pub const PASSWORD: &str = "crash-test-password";

/// A running server.
pub struct Server {
    child: Child,
    said: watch::Receiver<Vec<String>>,
    /// Where it answers.
    pub url: String,
}

/// What became of a start.
pub enum Start {
    Listening(Box<Server>),
    Ended(ExitStatus),
}

impl Start {
    pub fn listening(self) -> Result<Server, String> {
        match self {
            Self::Listening(server) => Ok(*server),
            Self::Ended(status) => Err(format!("the server did not start: {status}")),
        }
    }
}

impl Server {
    /// Starts `holdpoint serve` on `folder/data` and waits until it listens or ends. What it logs
    /// is appended to `folder/log`.
    pub async fn start(folder: &Path, workflows: &Path, settings: &[(&str, &str)]) -> Start {
        Self::start_through(&[], folder, workflows, settings).await
    }

    /// The same through a program that becomes the server: a tracer, or one that enters a room.
    pub async fn start_through(
        before: &[String],
        folder: &Path,
        workflows: &Path,
        settings: &[(&str, &str)],
    ) -> Start {
        let open = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
        let binary = env!("CARGO_BIN_EXE_holdpoint").to_owned();
        let mut words = before.iter().chain([&binary]);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .arg("--workflows")
            .arg(workflows)
            .current_dir(folder)
            .env("HOLDPOINT_ADMIN_EMAIL", EMAIL)
            .env("HOLDPOINT_ADMIN_PASSWORD", PASSWORD)
            .env("HOLDPOINT__LOG__FILTER", "info,holdpoint=debug")
            .env("HOLDPOINT__EGRESS__ALLOW", r#"["127.0.0.0/8"]"#)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(open.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = timeout(PATIENCE, async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(url) = line.strip_prefix("listening on ") {
                    return Some(url.to_owned());
                }
            }
            None
        });
        match listening.await.expect("the server neither listened nor ended") {
            Some(url) => {
                let (saying, said) = watch::channel(Vec::new());
                // Reads on, so that the server never meets a closed pipe.
                tokio::spawn(async move {
                    while let Ok(Some(line)) = lines.next_line().await {
                        saying.send_modify(|said| said.push(line));
                    }
                });
                Start::Listening(Box::new(Self { child, said, url }))
            }
            None => Start::Ended(ended(&mut child).await),
        }
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        ended(&mut self.child).await
    }

    /// Asks it to end and waits for that.
    pub async fn stop(self) -> ExitStatus {
        self.ask_to_end();
        self.ended().await
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        if let Some(id) = self.id() {
            rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        }
    }

    /// Its process, until its end was seen.
    pub fn id(&self) -> Option<rustix::process::Pid> {
        self.child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32))
    }

    /// Waits until it has printed a line that begins like this, after its address.
    pub async fn says(&self, beginning: &str) {
        let mut said = self.said.clone();
        let is_said = |lines: &Vec<String>| lines.iter().any(|line| line.starts_with(beginning));
        let waited = timeout(PATIENCE, said.wait_for(is_said)).await;
        waited.unwrap_or_else(|_| panic!("it never said {beginning:?}")).unwrap();
    }

    /// Kills it in whatever it does, and waits until it is gone.
    pub async fn kill(mut self) -> ExitStatus {
        self.child.start_kill().unwrap();
        ended(&mut self.child).await
    }
}

async fn ended(child: &mut Child) -> ExitStatus {
    timeout(PATIENCE, child.wait()).await.expect("the process does not end").unwrap()
}

/// Was it killed by SIGKILL?
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// Pauses for polls: short at first, then longer, until the time is over.
pub struct Pauses {
    next: Duration,
    until: tokio::time::Instant,
}

impl Pauses {
    /// The longest pause.
    const MAX: Duration = Duration::from_millis(50);

    pub fn within(limit: Duration) -> Self {
        Self { next: Duration::from_millis(2), until: tokio::time::Instant::now() + limit }
    }

    /// Waits; false when the time is over.
    pub async fn pause(&mut self) -> bool {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 3 / 2).min(Self::MAX);
        tokio::time::Instant::now() < self.until
    }

    /// Something happened: the next pause is short again.
    pub fn quicken(&mut self) {
        self.next = Duration::from_millis(2);
    }
}
