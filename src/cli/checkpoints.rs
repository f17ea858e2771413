//! `checkpoints`: the inbox, one checkpoint with all that it shows, and decisions. An approval is
//! bound to the digest that the person named or, without one, to what the server shows then.

use clap::{Args, Subcommand};

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::{Output, Paint, paint_of};
use super::table::{Cell, Table};
use super::times;
use crate::api::checkpoint::{Checkpoint, CheckpointDetail, DecisionAnswer};
use crate::client::checkpoints::CheckpointFilter;
use crate::client::{Answer, Client};
use crate::model::time::Timestamp;

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List checkpoints, the oldest first; those that wait unless told otherwise
    List(List),
    /// Show one checkpoint with all that is to be decided
    Show {
        /// The checkpoint's id
        id: String,
    },
    /// Approve
    Approve {
        /// The checkpoint's id
        id: String,
        /// Approve only what has this digest, as `show` printed it
        #[arg(long)]
        digest: Option<String>,
        /// A remark to keep with the decision
        #[arg(long)]
        comment: Option<String>,
    },
    /// Reject
    Reject {
        /// The checkpoint's id
        id: String,
        /// Why; the job's owner reads it
        #[arg(long)]
        reason: String,
    },
}

/// Which checkpoints.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those in this status, such as APPROVED; `all` for every one
    #[arg(long)]
    status: Option<String>,
    /// Only those of this job
    #[arg(long)]
    job: Option<String>,
    /// Rows on the page, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Rows to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

pub(super) fn run(command: Command, global: &Global, output: &mut Output) -> Result<(), Failure> {
    connection::with_client(global, async |client| match command {
        Command::List(list) => print_list(client, list, output).await,
        Command::Show { id } => print_one(&client.checkpoint(&id).await?, output),
        Command::Approve { id, digest, comment } => {
            let digest = digest.as_deref();
            let answer = client.approve(&id, digest, comment.as_deref()).await?;
            print_decided(&answer, output)
        }
        Command::Reject { id, reason } => {
            print_decided(&client.reject(&id, &reason).await?, output)
        }
    })
}

async fn print_list(client: &Client, list: List, output: &mut Output) -> Result<(), Failure> {
    let filter = CheckpointFilter {
        status: list.status,
        job: list.job,
        limit: Some(list.limit),
        offset: Some(list.offset),
    };
    let answer = client.checkpoints(&filter).await?;
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let checkpoints = &answer.body.checkpoints;
    if checkpoints.is_empty() {
        return Ok(output.line("No checkpoint waits for anybody.")?);
    }
    let now = output.now();
    output.table(&table(checkpoints, now))?;
    let (rows, total) = (checkpoints.len() as u64, answer.body.pagination.total);
    if total > rows {
        output.painted(Paint::Dim, format!("{rows} of {total}; --offset skips"))?;
    }
    Ok(())
}

/// Checkpoints as rows.
pub(super) fn table(checkpoints: &[Checkpoint], now: Timestamp) -> Table {
    let mut table = Table::new(&["CHECKPOINT", "STATUS", "HOLDS", "TITLE", "OPENED", "EXPIRES"]);
    for checkpoint in checkpoints {
        let paint = match checkpoint.status.as_str() {
            "PENDING" => Paint::Attention,
            other => paint_of(other),
        };
        table.row(vec![
            checkpoint.id.as_str().into(),
            Cell::painted(&checkpoint.status, paint),
            if checkpoint.blocking { "yes" } else { "no" }.into(),
            checkpoint.title.as_str().into(),
            times::moment(Some(&checkpoint.created_at), now).into(),
            times::moment(checkpoint.expires_at.as_deref(), now).into(),
        ]);
    }
    table
}

fn print_one(answer: &Answer<CheckpointDetail>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let (now, checkpoint) = (output.now(), &answer.body.checkpoint);
    output.painted(Paint::Bold, format!("Checkpoint {}: {}", checkpoint.id, checkpoint.title))?;
    output.fact("Status", paint_of(&checkpoint.status), &checkpoint.status)?;
    let job = format!("{} {}: {}", checkpoint.job_id, checkpoint.job_type, checkpoint.job_name);
    output.fact("Job", Paint::Plain, &job)?;
    output.fact("May decide", Paint::Plain, &checkpoint.assignees.join(", "))?;
    output.fact("Opened", Paint::Plain, &times::moment(Some(&checkpoint.created_at), now))?;
    output.fact("Expires", Paint::Plain, &times::moment(checkpoint.expires_at.as_deref(), now))?;
    output.fact("Digest", Paint::Plain, &checkpoint.digest)?;
    if let Some(summary) = &checkpoint.summary {
        output.line(format!("\n{summary}"))?;
    }
    let diffs = answer.body.diff.as_deref().unwrap_or_default();
    for file in diffs {
        output.painted(Paint::Bold, format!("\n{}", file.path))?;
        output.line(file.diff.as_deref().unwrap_or("too large for a diff; see what is shown"))?;
    }
    if let (Some(shown), true) = (&checkpoint.shown, diffs.is_empty()) {
        output.painted(Paint::Bold, "\nWhat is to be decided:")?;
        output.line(format!("{shown:#}"))?;
    }
    if checkpoint.status == "PENDING" {
        let (id, digest) = (&checkpoint.id, &checkpoint.digest);
        output.line(format!("\nholdpoint checkpoints approve {id} --digest {digest}"))?;
        output.line(format!("holdpoint checkpoints reject {id} --reason '…'"))?;
    }
    Ok(())
}

fn print_decided(answer: &Answer<DecisionAnswer>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(&answer.raw)?);
    }
    let checkpoint = &answer.body.checkpoint;
    let said = &answer.body.message;
    let text = format!("{} {}: {said}", checkpoint.id, checkpoint.status);
    Ok(output.painted(paint_of(&checkpoint.status), text)?)
}
