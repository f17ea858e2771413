//! `jobs`: lists of jobs, and one job with its checkpoints, tasks and log.

use clap::{Args, Subcommand};

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::{Output, Paint, paint_of};
use super::table::{Cell, Table};
use super::times;
use crate::api::job::{Job, JobDetail, JobList};
use crate::api::log::TimelineRow;
use crate::client::jobs::JobFilter;
use crate::model::time::Timestamp;

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List jobs, newest first
    List(List),
    /// Show one job with its checkpoints, tasks and log
    Show {
        /// The job's id
        id: String,
        /// Anybody's job, not only your own (admins and operators)
        #[arg(long)]
        all: bool,
    },
    /// End a job
    Terminate {
        /// The job's id
        id: String,
        /// Why; it is kept in the log
        #[arg(long)]
        reason: String,
    },
}

/// Which jobs.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only jobs in this status, such as IN_PROGRESS
    #[arg(long)]
    status: Option<String>,
    /// Only jobs of this workflow
    #[arg(long = "type", value_name = "WORKFLOW")]
    job_type: Option<String>,
    /// Everybody's jobs, not only your own (admins and operators)
    #[arg(long)]
    all: bool,
    /// Rows on the page, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Rows to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    connection::with_client(global, async |client| match command {
        Command::List(list) => {
            let filter = JobFilter {
                everybody: list.all,
                status: list.status,
                job_type: list.job_type,
                limit: Some(list.limit),
                offset: Some(list.offset),
            };
            let answer = client.jobs(&filter).await?;
            if output.is_json() {
                return Ok(output.value(&answer.raw)?);
            }
            print_list(&answer.body, output)
        }
        Command::Show { id, all } => {
            let answer = client.job(&id, all).await?;
            if output.is_json() {
                return Ok(output.value(&answer.raw)?);
            }
            print_job(&answer.body, output)
        }
        Command::Terminate { id, reason } => {
            let answer = client.terminate(&id, &reason).await?;
            if output.is_json() {
                return Ok(output.value(&answer.raw)?);
            }
            Ok(output.line(format!("job {id} is {}", answer.body.job.summary.status))?)
        }
    })
}

fn print_list(body: &JobList, output: &mut Output) -> Result<(), Failure> {
    let now = output.now();
    let mut table = Table::new(&["ID", "TYPE", "STATUS", "PRIORITY", "CREATED", "WAITING FOR"]);
    for job in &body.jobs {
        let waiting = job.waiting_for.as_ref().map_or("", |waiting| waiting.text.as_str());
        table.row(vec![
            job.id.as_str().into(),
            job.job_type.as_str().into(),
            Cell::painted(&job.status, paint_of(&job.status)),
            job.priority.to_string().into(),
            times::moment(Some(&job.created_at), now).into(),
            Cell::painted(waiting, Paint::Attention),
        ]);
    }
    output.table(&table)?;
    let rows = body.jobs.len() as u64;
    let (offset, total) = (body.pagination.offset, body.pagination.total);
    if total > rows {
        let first = if rows == 0 { offset } else { offset + 1 };
        let text = format!("{first} to {} of {total}; --offset skips", offset + rows);
        output.painted(Paint::Dim, text)?;
    }
    Ok(())
}

fn print_job(body: &JobDetail, output: &mut Output) -> Result<(), Failure> {
    let now = output.now();
    print_head(&body.job, now, output)?;
    if let Some(checkpoints) = body.checkpoints.as_ref().filter(|rows| !rows.is_empty()) {
        output.line("")?;
        output.table(&super::checkpoints::table(checkpoints, now))?;
    }
    if let Some(tasks) = body.timeline.as_ref().filter(|rows| !rows.is_empty()) {
        output.line("")?;
        output.table(&timeline(tasks, now))?;
    }
    let Some(logs) = body.logs.as_ref().filter(|rows| !rows.is_empty()) else { return Ok(()) };
    let mut table = Table::new(&["TIME", "STATUS", "BY", "WHAT HAPPENED"]);
    for row in logs {
        table.row(vec![
            times::moment(Some(&row.timestamp), now).into(),
            Cell::painted(&row.status, paint_of(&row.status)),
            row.by.as_str().into(),
            row.message.as_str().into(),
        ]);
    }
    output.line("")?;
    output.table(&table)?;
    let (shown, total) = (logs.len() as u64, body.logs_total.unwrap_or_default());
    if total > shown {
        output.painted(Paint::Dim, format!("{shown} of {total} rows; the rest by the API"))?;
    }
    Ok(())
}

fn print_head(full: &Job, now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let job = &full.summary;
    output.painted(Paint::Bold, format!("Job {} ({})", job.id, job.job_type))?;
    let status = format!("{}, {}", job.status, job.phase);
    output.fact("Status", paint_of(&job.status), &status)?;
    let mut facts = Vec::new();
    let mut add = |name, text: String| facts.push((name, text));
    if let Some(waiting) = &job.waiting_for {
        let until = waiting.until.as_deref().map(|until| times::moment(Some(until), now));
        let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
        add("Waits for", format!("{}{until}", waiting.text));
    }
    add("Name", job.name.clone());
    add("What", job.description.clone().unwrap_or_default());
    add("Priority", job.priority.to_string());
    add("Owner", job.user_id.clone());
    add("Created", times::moment(Some(&job.created_at), now));
    add("Started", times::moment(job.started_at.as_deref(), now));
    add("Ended", times::moment(job.completed_at.as_deref(), now));
    if let Some(error) = &job.error {
        let title = error.title.clone().unwrap_or_default();
        let detail = error.detail.clone().unwrap_or_default();
        let place = error.instance.as_deref().map(|at| format!(" (at {at})")).unwrap_or_default();
        add("Error", format!("{title}: {detail}{place}"));
    }
    if let Some(result) = &full.result {
        add("Result", result.to_string());
    }
    for (name, text) in facts.into_iter().filter(|(_, text)| !text.is_empty() && text != "-") {
        output.fact(name, Paint::Plain, &text)?;
    }
    Ok(())
}

fn timeline(tasks: &[TimelineRow], now: Timestamp) -> Table {
    let mut table = Table::new(&["RUN", "TASK", "PHASE", "ATTEMPT", "STARTED", "TOOK"]);
    for row in tasks {
        table.row(vec![
            row.run.to_string().into(),
            row.name.as_str().into(),
            row.phase.as_str().into(),
            row.attempt.to_string().into(),
            times::moment(Some(&row.started_at), now).into(),
            times::between(Some(&row.started_at), row.ended_at.as_deref()).into(),
        ]);
    }
    table
}
