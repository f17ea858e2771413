//! The server under test: this binary as a child process, on a store of its own. None outlives the
//! bench, and no other process is touched.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::process::{self, Usage};
use super::scratch::{Place, io_failure};
use crate::cli::exit::{Code, Failure};
use crate::client::Client;
use crate::clock::Stopwatch;

/// The account that the first start makes.
pub(super) const EMAIL: &str = "bench@localhost";
/// How long a start may take: the whole file is verified, and it may hold a million jobs.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is shown of a log when a start fails.
const LOG_SHOWN: u64 = 2_000;

/// A running server.
pub(super) struct Server {
    child: Child,
    /// Where it answers.
    pub(super) url: String,
    /// From its start until it said that it was ready.
    pub(super) ready_after: Duration,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(place: &Place, port: u16, password: &str) -> Result<Self, Failure> {
        let settings = place.write_settings(port)?;
        let log = place.log();
        let watch = Stopwatch::start();
        let mut child = spawn(&settings, &log, password)?;
        let Some(lines) = child.stdout.take() else {
            return Err(Failure::new(Code::Internal, "the server has no standard output"));
        };
        let (found, url) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads on after the address, so that the server never meets a closed pipe.
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    found.send(url.to_owned()).ok();
                }
            }
        });
        let Ok(url) = tokio::task::block_in_place(|| url.recv_timeout(PATIENCE)) else {
            child.kill().ok();
            child.wait().ok();
            let text = format!("the server did not start; its log ends with\n{}", end_of(&log));
            return Err(Failure::new(Code::Refused, text));
        };
        let mut server = Self { child, url, ready_after: Duration::ZERO };
        Client::new(&server.url)?.is_ready().await?;
        server.ready_after = watch.elapsed();
        Ok(server)
    }

    /// What it takes of the machine.
    pub(super) fn usage(&self) -> Usage {
        process::usage(self.child.id()).unwrap_or_default()
    }

    /// Kills it in whatever it does.
    pub(super) fn kill(mut self) -> Result<(), Failure> {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        ended.map(drop).map_err(|error| lost(&error))
    }

    /// Lets it end in order.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::TERM).map_err(|error| lost(&error.into()))?;
        }
        self.child.wait().map(drop).map_err(|error| lost(&error))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that ended already cannot be killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(settings: &Path, log: &Path, password: &str) -> Result<Child, Failure> {
    let failed = |error| Failure::new(Code::Io, format!("cannot start a server: {error}"));
    let binary = std::env::current_exe().map_err(failed)?;
    let log = OpenOptions::new().create(true).append(true).open(log);
    let mut command = Command::new(binary);
    // Whatever the person who measures has set is for another server.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOLDPOINT") {
            command.env_remove(name);
        }
    }
    command
        .args(["serve", "--config"])
        .arg(settings)
        .env("HOLDPOINT_ADMIN_EMAIL", EMAIL)
        .env("HOLDPOINT_ADMIN_PASSWORD", password)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.map_err(failed)?);
    command.spawn().map_err(failed)
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::new(Code::Io, format!("the server under test cannot be ended: {error}"))
}

fn end_of(log: &PathBuf) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_SHOWN)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    read().unwrap_or_else(|error| io_failure("read", log, &error).message)
}
