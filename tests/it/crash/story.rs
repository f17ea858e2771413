//! One life story of a server: it dies where it is told to, is started again, and carries every job
//! to its end.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use serde_json::json;

use super::client::{Client, Order, Stop};
use super::disk::Disk;
use super::service::Service;
use super::verdict::{Death, Expected, Findings};
use crate::support::process::{Server, Start, was_killed};
use crate::support::strace;

/// What the reviewer approves, and finds on disk.
pub const APPROVED_FILES: &[(&str, &str)] =
    &[("src/lib.rs", "pub fn answer() -> u8 { 42 }\n"), ("README.md", "# Approved\n")];

/// Every shipped workflow, with either verdict where that matters, and one of everything that
/// waits.
pub const ORDERS: &[Order] = &[
    Order {
        name: "a simple task",
        job_type: "simple-task",
        verdict: "approve",
        input: |_| json!({"userId": "user-1", "action": "update-profile"}),
    },
    Order {
        name: "files to approve",
        job_type: "code-generation",
        verdict: "approve",
        input: |_| {
            let file = |(path, content): &(&str, &str)| json!({"path": path, "content": content});
            json!({"files": APPROVED_FILES.iter().map(file).collect::<Vec<_>>()})
        },
    },
    Order {
        name: "files to reject",
        job_type: "code-generation",
        verdict: "reject",
        input: |_| json!({"files": [{"path": "evil.sh", "content": "rm -rf /"}]}),
    },
    Order {
        name: "rows",
        job_type: "data-processing",
        verdict: "approve",
        input: |_| {
            let rows = [json!({"id": 1, "email": " A@EXAMPLE.COM "}), json!({"id": 2})];
            json!({"operation": "tidy up", "data": rows})
        },
    },
    // Its first result is refused and sent back, its second one is taken.
    Order {
        name: "invoices for an agent",
        job_type: "agent-task",
        verdict: "approve",
        input: |_| json!({"invoices": [12, 30]}),
    },
    Order {
        name: "a journey",
        job_type: "crash-journey",
        verdict: "approve",
        input: |service| json!({"service": service.url()}),
    },
];

/// How a life is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Killed at a point, when it is reached for the n-th time.
    Point(&'static str, usize),
    /// Killed while a call to this path is under way.
    Call(&'static str),
    /// Killed at the n-th sync of the thread that opens the file (or of a later one).
    Opening(usize),
    /// Killed at the n-th sync of the writer after the start.
    Sync(usize),
}

/// The lives of a server before the one in which everything ends well.
#[derive(Clone, Debug)]
pub struct Case(pub Vec<End>);

/// What all stories begin with.
pub struct Beginning {
    /// A folder with a store in which the account, the login and the workflows are.
    pub folder: tempfile::TempDir,
    pub workflows: PathBuf,
    pub client: Client,
}

/// What became of a case.
pub struct Outcome {
    pub case: Case,
    /// Lives that ended as they were told to.
    pub kills: usize,
    pub findings: Findings,
    /// The folder with the store and the log, kept when something was found.
    pub kept: Option<String>,
}

impl Beginning {
    /// A folder of its own for one story.
    pub fn folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let store = "data/holdpoint.redb";
        std::fs::copy(self.folder.path().join(store), folder.path().join(store)).unwrap();
        folder
    }

    /// A client of its own for one story, signed in.
    pub async fn client(&self) -> Client {
        Client::new(Service::start().await, self.client.orders).signed_in_as(&self.client)
    }

    /// The story without a crash: what it came to, and every point that it reached, in order.
    pub async fn undisturbed(&self) -> (Expected, Vec<String>) {
        let (folder, mut client) = (self.folder(), self.client().await);
        let points = folder.path().join("points");
        let settings = [("HOLDPOINT_CRASH_LOG", points.to_str().unwrap())];
        let server = Server::start(folder.path(), &self.workflows, &settings).await;
        let server = server.listening().unwrap();
        client.drive(&server.url).await.unwrap();
        let reached = std::fs::read_to_string(&points).unwrap();
        let reached = reached.lines().map(str::to_owned).collect();
        assert!(server.stop().await.success());
        let disk = Disk::read(folder.path()).await;
        let expected = Expected::of(&disk, &client);
        let mut findings = Findings::default();
        findings.look_at_end(folder.path(), &client, &[], &expected).await;
        let Findings { lost, doubled, wrong } = findings;
        assert_eq!((lost, doubled, wrong), (vec![], vec![], vec![]), "without any crash");
        (expected, reached)
    }

    /// Lives through a case and judges what is left.
    pub async fn live_through(&self, case: Case, expected: &Expected) -> Outcome {
        let (folder, client) = (self.folder(), self.client().await);
        let mut story = Story {
            folder: folder.path(),
            workflows: &self.workflows,
            client,
            findings: Findings::default(),
            deaths: Vec::new(),
        };
        for end in &case.0 {
            match story.life(end).await {
                Ok(true) => {}
                // It came to its end before the point: nothing is left to crash.
                Ok(false) => break,
                Err(reason) => story.findings.wrong.push(format!("before the crash: {reason}")),
            }
        }
        let kills = story.deaths.len();
        let is_recovery = kills == case.0.len();
        if kills > 0
            && let Err(stop) = story.last_life(is_recovery, expected).await
        {
            story.findings.lost.push(format!("after the crash: {stop:?}"));
        }
        let findings = story.findings;
        let kept = (!findings.is_empty()).then(|| folder.keep().display().to_string());
        Outcome { case, kills, findings, kept }
    }
}

struct Story<'a> {
    folder: &'a Path,
    workflows: &'a Path,
    client: Client,
    findings: Findings,
    deaths: Vec<Death>,
}

impl Story<'_> {
    /// One life; says whether it ended as it was told to.
    async fn life(&mut self, end: &End) -> Result<bool, String> {
        let status = match end {
            End::Point(point, n) => {
                let at = format!("{point}:{n}");
                let settings = [("HOLDPOINT_CRASH_AT", at.as_str())];
                self.work(Server::start(self.folder, self.workflows, &settings).await).await?
            }
            End::Opening(n) => {
                let before = strace::killing_at(*n);
                let (folder, workflows) = (self.folder, self.workflows);
                self.work(Server::start_through(&before, folder, workflows, &[]).await).await?
            }
            End::Sync(n) => {
                let server = Server::start(self.folder, self.workflows, &[]).await.listening()?;
                let _tracer = strace::kill_writer_at(&server, *n).await?;
                self.work(Start::Listening(Box::new(server))).await?
            }
            End::Call(path) => {
                self.client.service.hold(Some(path));
                let server = Server::start(self.folder, self.workflows, &[]).await.listening()?;
                let service = self.client.service.clone();
                tokio::select! {
                    () = service.holds() => {}
                    stop = self.client.drive(&server.url) => {
                        return Err(format!("nobody called {path}: {stop:?}"));
                    }
                }
                service.hold(None);
                server.kill().await
            }
        };
        if status.success() {
            return Ok(false);
        }
        if !was_killed(status) {
            return Err(format!("it was to be killed, but ended with {status}"));
        }
        let death = self.findings.look_at_death(self.folder, &self.client).await;
        self.deaths.push(death);
        Ok(true)
    }

    /// Works until it dies, or until everything has come to its end; answers how it ended.
    async fn work(&mut self, start: Start) -> Result<ExitStatus, String> {
        match start {
            Start::Ended(status) => Ok(status),
            Start::Listening(server) => match self.client.drive(&server.url).await {
                Err(Stop::Died) => Ok(server.ended().await),
                Err(Stop::Wrong(reason)) => Err(reason),
                Ok(()) => Ok(server.stop().await),
            },
        }
    }

    /// The life in which everything comes to its end.
    async fn last_life(&mut self, is_recovery: bool, expected: &Expected) -> Result<(), Stop> {
        let server = Server::start(self.folder, self.workflows, &[]).await;
        let server = server.listening().map_err(Stop::Wrong)?;
        self.client.sign_in(&server.url).await?;
        let status = self.client.get(&format!("{}/api/admin/status", server.url)).await?;
        // A life that came to its end by itself left nothing to recover.
        if let Some(death) = self.deaths.last().filter(|_| is_recovery) {
            self.findings.look_at_recovery(&status, death, self.deaths.len());
        }
        self.client.drive(&server.url).await?;
        self.findings.look_at_answers(&server.url, &self.client).await?;
        let stopped = server.stop().await;
        if !stopped.success() {
            self.findings.wrong.push(format!("the stop ended with {stopped}"));
        }
        let (folder, deaths) = (self.folder, std::mem::take(&mut self.deaths));
        self.findings.look_at_end(folder, &self.client, &deaths, expected).await;
        Ok(())
    }
}
