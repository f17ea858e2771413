//! A server under test with an agent and a signed-in client: what W1, W2, W3 and W4 run on. It asks
//! the server how far it is, and counts what a part of a run cost it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::agent::Agent;
use super::load::{self, Plan, Request};
use super::process::Usage;
use super::scratch::Place;
use super::server::{EMAIL, Server};
use crate::api::job::NewAgentJob;
use crate::api::status::ServerStatus;
use crate::cli::exit::{Code, Failure};
use crate::client::Client;
use crate::clock::Stopwatch;

/// The pause between two questions for the last jobs of a run.
const PAUSE: Duration = Duration::from_millis(2);
/// Questions without any progress after which jobs count as lost.
const QUESTIONS_MAX: u32 = 15_000;

/// A server with all that it needs.
pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) agent: Agent,
    pub(super) server: Server,
    pub(super) client: Client,
}

/// What a part of a run took of the server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) jobs: u64,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    pub(super) commits: u64,
    pub(super) groups: u64,
    /// Time in transactions, their syncs included.
    pub(super) writing: Duration,
}

/// The memory of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// All of it, bytes.
    pub(super) resident_bytes: u64,
    /// Of it the cache of the file, whose size is a setting.
    pub(super) cache_bytes: u64,
}

impl Memory {
    /// What jobs and requests have to answer for.
    pub(super) fn beside_cache(self) -> f64 {
        self.resident_bytes.saturating_sub(self.cache_bytes) as f64
    }
}

impl Cost {
    pub(super) fn add(&mut self, other: Cost) {
        self.jobs += other.jobs;
        self.took += other.took;
        self.cpu += other.cpu;
        self.commits += other.commits;
        self.groups += other.groups;
        self.writing += other.writing;
    }

    pub(super) fn per_second(&self) -> f64 {
        self.jobs as f64 / self.took.as_secs_f64()
    }

    /// So much of something for each job.
    pub(super) fn per_job(&self, total: f64) -> f64 {
        total / self.jobs.max(1) as f64
    }

    /// Syncs: a transaction of two phases has two.
    pub(super) fn syncs_per_job(&self) -> f64 {
        self.per_job(2.0 * self.groups as f64)
    }

    pub(super) fn group_mean(&self) -> f64 {
        self.commits as f64 / self.groups.max(1) as f64
    }

    pub(super) fn cpu_ms_per_job(&self) -> f64 {
        self.per_job(self.cpu.as_secs_f64() * 1e3)
    }
}

/// The server's counts at one moment.
pub(super) struct Moment {
    watch: Stopwatch,
    usage: Usage,
    status: ServerStatus,
}

struct Submit {
    client: Client,
    job_type: &'static str,
}

#[async_trait]
impl Request for Submit {
    async fn send(&self, number: u64) -> Result<(), Failure> {
        let job = new_job(self.job_type, number);
        self.client.post_unread("/api/agent-jobs", job.to_string().into_bytes()).await?;
        Ok(())
    }
}

fn new_job(job_type: &str, number: u64) -> Value {
    json!({
        "jobType": job_type,
        "taskDescription": load::DESCRIPTION,
        "inputData": load::input(number),
    })
}

impl Stage {
    /// Starts an agent and a server on this place, and signs in. The password is that of the
    /// store's admin; a new store gets an admin with it.
    pub(super) async fn open(place: Place, password: &str) -> Result<Self, Failure> {
        let agent = Agent::start().await?;
        let server = Server::start(&place, agent.address.port(), password).await?;
        let client = Client::new(&server.url)?.login(EMAIL, password).await?;
        Ok(Self { place, agent, server, client })
    }

    pub(super) async fn status(&self) -> Result<ServerStatus, Failure> {
        Ok(self.client.server_status().await?.body.status)
    }

    /// Submits jobs until their last calls are answered; answers how many.
    pub(super) async fn submit(
        &self,
        job_type: &'static str,
        clients: u32,
        total: u64,
        limit: Option<Duration>,
    ) -> Result<u64, Failure> {
        let gate = Some(self.agent.gate.clone());
        let plan = Plan { clients, total, limit, gate };
        let submit = Submit { client: self.client.clone(), job_type };
        load::send(&plan, Arc::new(submit)).await
    }

    /// Creates one job; answers its id.
    pub(super) async fn create(
        &self,
        job_type: &'static str,
        number: u64,
    ) -> Result<String, Failure> {
        // What calls of earlier jobs left.
        self.agent.gate.forget_permits(Semaphore::MAX_PERMITS);
        let job: NewAgentJob = serde_json::from_value(new_job(job_type, number))
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok(self.client.create_job(&job, None).await?.body.job.summary.id)
    }

    /// Waits until the agent got the last call of the one job that runs.
    pub(super) async fn wait_for_last_call(&self) -> Result<(), Failure> {
        let permit = timeout(load::PATIENCE, self.agent.gate.acquire()).await;
        match permit {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            _ => Err(Failure::new(Code::Refused, "the job did not come to its last call")),
        }
    }

    /// Asks for a job without a pause until it has completed.
    pub(super) async fn wait_for_end(&self, id: &str) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        while watch.elapsed() < load::PATIENCE {
            // Whose job it is depends on who filled the store.
            let job = self.client.job_of_anybody(id).await?.summary;
            match job.status.as_str() {
                "COMPLETED" => return Ok(()),
                "FAILED" => break,
                _ => {}
            }
        }
        Err(Failure::new(Code::Refused, format!("the job {id} did not complete")))
    }

    /// Looks at the server before a part of a run.
    pub(super) async fn moment(&self) -> Result<Moment, Failure> {
        let status = self.status().await?;
        Ok(Moment { watch: Stopwatch::start(), usage: self.server.usage(), status })
    }

    /// What the server did since then, for so many jobs.
    pub(super) async fn since(&self, before: &Moment, jobs: u64) -> Result<Cost, Failure> {
        let took = before.watch.elapsed();
        let (usage, status) = (self.server.usage(), self.status().await?);
        Ok(Cost {
            jobs,
            took,
            cpu: usage.cpu.saturating_sub(before.usage.cpu),
            commits: status.store.commits - before.status.store.commits,
            groups: status.store.groups - before.status.store.groups,
            writing: writing(&status).saturating_sub(writing(&before.status)),
        })
    }

    /// What the server holds in memory.
    pub(super) async fn memory(&self) -> Result<Memory, Failure> {
        let cache_bytes = self.status().await?.store.cache_bytes.unwrap_or_default();
        Ok(Memory { resident_bytes: self.server.usage().resident_bytes, cache_bytes })
    }

    /// Waits until so many jobs more than at that moment have this status.
    pub(super) async fn wait_for(
        &self,
        before: &Moment,
        count: impl Fn(&ServerStatus) -> u64,
        more: u64,
    ) -> Result<(), Failure> {
        let wanted = count(&before.status) + more;
        let (mut last, mut in_vain) = (0, 0);
        loop {
            let status = self.status().await?;
            let found = count(&status);
            if found >= wanted {
                return Ok(());
            }
            in_vain = if found == last { in_vain + 1 } else { 0 };
            last = found;
            if in_vain >= QUESTIONS_MAX || failed(&status) > failed(&before.status) {
                let (log, failed) = (self.place.log(), failed(&status));
                let text = format!(
                    "{found} of {wanted} jobs came through and {failed} failed; see {}",
                    log.display()
                );
                return Err(Failure::new(Code::Refused, text));
            }
            sleep(PAUSE).await;
        }
    }

    /// Ends the server in order; answers the place with its store closed.
    pub(super) fn close(self) -> Result<Place, Failure> {
        self.server.stop()?;
        Ok(self.place)
    }
}

/// The time in transactions so far, short by less than a microsecond for each.
fn writing(status: &ServerStatus) -> Duration {
    Duration::from_micros(status.store.groups * status.store.group_micros_mean)
}

fn failed(status: &ServerStatus) -> u64 {
    status.jobs.get("FAILED").copied().unwrap_or_default()
}

/// Jobs that completed.
pub(super) fn completed(status: &ServerStatus) -> u64 {
    status.jobs.get("COMPLETED").copied().unwrap_or_default()
}

/// Jobs that wait for a person.
pub(super) fn waiting(status: &ServerStatus) -> u64 {
    status.checkpoints.get("PENDING").copied().unwrap_or_default()
}

/// A password that nobody knows.
pub(super) fn draw_password() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(Code::Io, format!("the system gives no random bytes: {error}"))
    })?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
