//! What happens to the jobs, one line for each change: time, job, what happened, and what
//! it waits for. It reads the jobs' logs, so it tells what is on disk and nothing else.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use super::guide::Guide;
use super::{board, examples};
use crate::api::checkpoint::Checkpoint;
use crate::api::job::{Job, JobSummary, WaitingFor};
use crate::api::log::LogRow;
use crate::cli::agent_sim::AgentSim;
use crate::cli::exit::Failure;
use crate::cli::output::{Output, Paint, paint_of, printable};
use crate::cli::times;
use crate::client::checkpoints::holds;
use crate::client::jobs::is_ended;
use crate::client::{Client, ClientError};

/// How often the jobs are looked at: often enough to look live, seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Steps inside a composite task; they would only repeat what the lines around them say.
const SILENT: [&str; 3] = ["scopeEntered", "loopStarted", "taskSkipped"];

/// The jobs and how far they were told.
pub(super) struct Story {
    told: Vec<Told>,
    /// Checkpoints that were decided, or pointed out to the person.
    handled: HashSet<String>,
}

struct Told {
    job: Job,
    rows: u64,
    waiting_for: Option<WaitingFor>,
}

impl Story {
    /// Creates the jobs.
    pub(super) async fn begin(
        client: &Client,
        agent: &AgentSim,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let mut jobs = Vec::new();
        for new in examples::jobs() {
            jobs.push(client.create_job(&new, None).await?.body.job);
        }
        jobs.push(board::create(client, agent).await?);
        let mut told = Vec::new();
        for job in jobs {
            output.line(format!("Created {:<16} {}", job.summary.job_type, job.summary.id))?;
            told.push(Told { job, rows: 0, waiting_for: None });
        }
        output.line("")?;
        Ok(Self { told, handled: HashSet::new() })
    }

    /// The jobs as they were last seen.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.told.iter().map(|told| &told.job)
    }

    /// Tells the story until all jobs ended, and says how to decide where one waits for a person.
    pub(super) async fn follow(
        &mut self,
        client: &Client,
        guide: &Guide,
        output: &mut Output,
    ) -> Result<(), Failure> {
        while !self.look(client, output).await? {
            for checkpoint in self.open_checkpoints(client).await? {
                guide.print(&checkpoint, output)?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Tells the story until all jobs ended, and approves exactly what each checkpoint shows.
    pub(super) async fn approve_all(
        &mut self,
        client: &Client,
        output: &mut Output,
    ) -> Result<(), Failure> {
        while !self.look(client, output).await? {
            for checkpoint in self.open_checkpoints(client).await? {
                let (id, digest) = (&checkpoint.id, checkpoint.digest.as_str());
                let text = format!("POST /api/admin/agent-checkpoints/{id} (the scripted admin)");
                let now = output.now().to_rfc3339();
                print_line(&now, &checkpoint.job_type, "", &text, Paint::Attention, output)?;
                client.approve(id, Some(digest), Some("Approved by the demo")).await?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Tells what is new. Answers whether all jobs ended.
    async fn look(&mut self, client: &Client, output: &mut Output) -> Result<bool, Failure> {
        let mut all_ended = true;
        for told in &mut self.told {
            // The log is read after the job, so that it is never behind it.
            let job = client.job_alone(&told.job.summary.id).await?;
            let rows = client.job_logs(&job.summary.id, told.rows).await?.body.logs;
            for row in &rows {
                print_row(&job.summary, row, output)?;
            }
            told.rows += rows.len() as u64;
            if job.summary.waiting_for != told.waiting_for {
                print_wait(&job.summary, output)?;
                told.waiting_for.clone_from(&job.summary.waiting_for);
            }
            all_ended &= is_ended(&job);
            told.job = job;
        }
        Ok(all_ended)
    }

    /// Checkpoints that hold a job and were not handled before.
    async fn open_checkpoints(&mut self, client: &Client) -> Result<Vec<Checkpoint>, ClientError> {
        let mut open = Vec::new();
        for told in self.told.iter().filter(|told| !is_ended(&told.job)) {
            let checkpoints = client.job_checkpoints(&told.job.summary.id).await?.body.checkpoints;
            for checkpoint in checkpoints.into_iter().filter(holds) {
                if self.handled.insert(checkpoint.id.clone()) {
                    open.push(checkpoint);
                }
            }
        }
        Ok(open)
    }
}

fn print_row(job: &JobSummary, row: &LogRow, output: &mut Output) -> io::Result<()> {
    if SILENT.contains(&row.event.as_str()) {
        return Ok(());
    }
    let paint = paint_of(&row.status);
    print_line(&row.timestamp, &job.job_type, &row.status, &row.message, paint, output)
}

fn print_wait(job: &JobSummary, output: &mut Output) -> io::Result<()> {
    let Some(waiting) = &job.waiting_for else { return Ok(()) };
    let text = &waiting.text;
    print_line(&waiting.since, &job.job_type, &job.status, text, Paint::Attention, output)
}

fn print_line(
    at: &str,
    job_type: &str,
    status: &str,
    text: &str,
    paint: Paint,
    output: &mut Output,
) -> io::Result<()> {
    let (at, text) = (times::of_day(at), printable(text));
    output.painted(paint, format!("{at}  {job_type:<16} {status:<12} {text}"))
}
