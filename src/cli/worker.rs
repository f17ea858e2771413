//! `worker`: how the worker is, and starting and stopping it on a running server.

use clap::Subcommand;

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::{Output, Paint};
use crate::api::worker::WorkerAnswer;
use crate::client::Answer;

/// What to do with the worker.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show whether it runs, its load and the jobs by status
    Status,
    /// Let it start runs
    Start,
    /// Let the runs that are going on end and start no new ones
    Stop,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    connection::with_client(global, async |client| {
        let (said, answer) = match command {
            Command::Status => (None, client.worker().await?),
            Command::Start => {
                (Some("✅ Worker started successfully!"), client.start_worker().await?)
            }
            Command::Stop => (
                Some("✅ Worker stopped: runs that are going on end, no new one begins."),
                client.stop_worker().await?,
            ),
        };
        if output.is_json() {
            return Ok(output.value(&answer.raw)?);
        }
        if let Some(said) = said {
            output.painted(Paint::Good, said)?;
            output.line("")?;
        }
        print(&answer, output)
    })
}

fn print(answer: &Answer<WorkerAnswer>, output: &mut Output) -> Result<(), Failure> {
    let WorkerAnswer { worker, jobs, .. } = &answer.body;
    output.line("📊 Worker Stats:")?;
    // Member by member in the order of the API, which a tree of JSON would sort.
    let stats = serde_json::to_string_pretty(worker).unwrap_or_default();
    output.line(stats)?;
    if !jobs.is_empty() {
        let counts: Vec<String> = jobs.iter().map(|(word, n)| format!("{n} {word}")).collect();
        output.line(format!("\nJobs: {}", counts.join(", ")))?;
    }
    if let Some(held) = &worker.held {
        let hint = format!(
            "The store is held since {}: {}. Nothing starts. Let it work with \
             `holdpoint release --reason …`.",
            held.since, held.reason
        );
        output.painted(Paint::Attention, format!("\n{hint}"))?;
    } else if !worker.is_running {
        let hint = "The worker is stopped: jobs are taken in, but none starts. \
                    Start it with `holdpoint worker start`.";
        output.painted(Paint::Attention, format!("\n{hint}"))?;
    }
    Ok(())
}
