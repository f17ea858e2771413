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
use crate::api::checkpoint_people::{NewDelegation, People, Rearmament};
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
    /// Send back for rework
    SendBack {
        /// The checkpoint's id
        id: String,
        /// What is to be done
        #[arg(long)]
        reason: String,
        /// Only what has this digest, as `show` printed it; what is shown now when left out
        #[arg(long)]
        digest: Option<String>,
    },
    /// Keep others from deciding for half an hour
    Claim {
        /// The checkpoint's id
        id: String,
    },
    /// Let others decide again; an admin ends anybody's claim
    Release {
        /// The checkpoint's id
        id: String,
    },
    /// Let somebody else decide as well, on your behalf
    Delegate {
        /// The checkpoint's id
        id: String,
        /// The id or the address of the person
        #[arg(long)]
        to: String,
        /// When it ends, such as 2026-01-20T18:00:00Z; with the checkpoint when left out
        #[arg(long)]
        until: Option<String>,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Remark on a checkpoint without deciding
    Comment {
        /// The checkpoint's id
        id: String,
        /// What to say
        text: String,
    },
    /// Give a checkpoint a new deadline, also one that has expired (admins)
    Rearm {
        /// The checkpoint's id
        id: String,
        /// How long from now, such as PT8H
        #[arg(long)]
        expires_after: String,
        /// Why
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
    /// Only those that you may decide now
    #[arg(long)]
    mine: bool,
    /// Only those that ask the same of the same kind of job as this one
    #[arg(long, value_name = "ID")]
    like: Option<String>,
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
        Command::SendBack { id, reason, digest } => {
            let digest = match digest {
                Some(digest) => digest,
                None => client.checkpoint(&id).await?.body.checkpoint.digest,
            };
            print_decided(&client.send_back(&id, &digest, &reason).await?, output)
        }
        Command::Claim { id } => print_decided(&client.claim(&id).await?, output),
        Command::Release { id } => print_decided(&client.release_claim(&id).await?, output),
        Command::Delegate { id, to, until, reason } => {
            let delegation = NewDelegation { to, until, reason };
            print_decided(&client.delegate(&id, &delegation).await?, output)
        }
        Command::Comment { id, text } => print_decided(&client.comment(&id, &text).await?, output),
        Command::Rearm { id, expires_after, reason } => {
            let rearmament = Rearmament { expires_after, reason };
            print_decided(&client.rearm(&id, &rearmament).await?, output)
        }
    })
}

async fn print_list(client: &Client, list: List, output: &mut Output) -> Result<(), Failure> {
    let filter = CheckpointFilter {
        status: list.status,
        job: list.job,
        mine: list.mine,
        like: list.like,
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
    if let Some(claim) = &checkpoint.claim {
        let until = times::moment(Some(&claim.until), now);
        output.fact("Claimed", Paint::Attention, &format!("by {} until {until}", claim.by))?;
    }
    if let Some(people) = &checkpoint.people {
        print_people(people, checkpoint, now, output)?;
    }
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

/// What is known of who did what, as far as there is something.
fn print_people(
    people: &People,
    checkpoint: &Checkpoint,
    now: Timestamp,
    output: &mut Output,
) -> Result<(), Failure> {
    if people.policy.quorum > 1 {
        let voters: Vec<&str> = people.votes.iter().map(|vote| &*vote.by).collect();
        let (given, quorum) = (checkpoint.approvals, people.policy.quorum);
        let text = format!("{given} of {quorum} {}", voters.join(", "));
        output.fact("Approvals", Paint::Plain, text.trim_end())?;
    }
    if people.policy.four_eyes {
        let text = format!("not by {}", people.policy.excluded.join(", "));
        output.fact("Four eyes", Paint::Plain, &text)?;
    }
    if !people.policy.editable.is_empty() {
        output.fact("Editable", Paint::Plain, &people.policy.editable.join(", "))?;
    }
    if people.rounds > 0 {
        let text = format!("{} of {}", people.rounds, people.policy.reworks);
        output.fact("Sent back", Paint::Plain, &text)?;
    }
    for given in &people.delegations {
        output.fact("Delegated", Paint::Plain, &format!("{} to {}", given.from, given.to))?;
    }
    for edit in &people.edits {
        let places: Vec<&str> = edit.changes.iter().map(|place| &*place.pointer).collect();
        let text = format!("{} by {}", places.join(", "), edit.by);
        output.fact("Edited", Paint::Attention, &text)?;
    }
    for comment in &people.comments {
        let at = times::moment(Some(&comment.at), now);
        output.fact(
            "Comment",
            Paint::Plain,
            &format!("{} ({at}): {}", comment.by, comment.text),
        )?;
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
