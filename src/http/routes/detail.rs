//! A job with what was asked to be shown beside it, and the steps that every job resource shares.

use crate::api::job::{JobAnswer, JobDetail};
use crate::api::log::{LogList, LogRow, TimelineRow};
use crate::engine::JobView;
use crate::http::authorize::{Action, Caller, Resource};
use crate::http::detached::detached;
use crate::http::guard::permit;
use crate::http::present::job::{Words, held_back, job};
use crate::http::present::log::{Viewer, row, timeline as timeline_row};
use crate::http::present::{checkpoint, pagination};
use crate::http::problem::ApiError;
use crate::http::routes::listing::{PageQuery, list, wrong};
use crate::http::state::HttpState;
use crate::model::command::Command;
use crate::model::id::JobId;

/// Rows of the log beside a job: the rest is at `/logs`.
pub const LOGS_BESIDE_MAX: usize = 1_000;

/// What is shown beside a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// The log.
    pub logs: bool,
    /// The checkpoints.
    pub checkpoints: bool,
    /// The timeline.
    pub timeline: bool,
}

impl Include {
    /// Everything.
    pub const ALL: Include = Include { logs: true, checkpoints: true, timeline: true };

    /// Reads `include=logs,checkpoints,timeline`.
    pub fn read(text: Option<&str>) -> Result<Self, ApiError> {
        let mut include = Include::default();
        for word in list("include", text, |word| Ok::<_, String>(word.to_owned()))? {
            match word.as_str() {
                "logs" => include.logs = true,
                "checkpoints" => include.checkpoints = true,
                "timeline" => include.timeline = true,
                _ => {
                    let message = format!("{word:?} is not one of logs, checkpoints, timeline");
                    return Err(wrong("include", message));
                }
            }
        }
        Ok(include)
    }
}

/// A job of the caller; a job of somebody else does not exist.
pub async fn own_job(state: &HttpState, caller: &Caller, id: JobId) -> Result<JobView, ApiError> {
    // The row first: a job that cannot be loaded must not show that it exists to others.
    let row = state.engine.job_row(id).await?;
    permit(caller, Action::ReadJob, Resource::JobOf(&row.owner))?;
    Ok(state.engine.job(id).await?)
}

/// A job with what is shown beside it.
pub async fn detail(
    state: &HttpState,
    view: JobView,
    words: Words,
    include: Include,
    viewer: Viewer,
) -> Result<JobDetail, ApiError> {
    let id = view.row.id;
    let checkpoints = include.checkpoints.then(|| checkpoint::of_job(&view, state.engine.now()));
    let (mut logs, mut logs_total) = (None, None);
    if include.logs {
        let (rows, total) = logs_after(state, id, 0, LOGS_BESIDE_MAX, viewer).await?;
        (logs, logs_total) = (Some(rows), Some(total));
    }
    let timeline = if include.timeline { Some(timeline(state, id).await?) } else { None };
    let mut job = job(view, words, &state.engine.workflows());
    job.summary = held_back(job.summary, state.engine.hold().as_ref());
    Ok(JobDetail { success: true, job, checkpoints, logs, logs_total, timeline })
}

/// The log of a job after this place, and how many rows there are in all.
pub async fn logs_after(
    state: &HttpState,
    id: JobId,
    after_seq: u64,
    max: usize,
    viewer: Viewer,
) -> Result<(Vec<LogRow>, u64), ApiError> {
    let (rows, total) = state.engine.logs(id, after_seq, max).await?;
    Ok((rows.into_iter().map(|log| row(log, viewer)).collect(), total))
}

/// A page of the log. Its cursor is the place in the journal after which the next page begins.
pub async fn log_page(
    state: &HttpState,
    id: JobId,
    query: PageQuery,
    viewer: Viewer,
) -> Result<LogList, ApiError> {
    let (limit, offset, cursor) = query.read()?;
    let after_seq = match &cursor {
        Some(cursor) => cursor.parse().map_err(|_| wrong("cursor", "is not one of this list"))?,
        None => 0,
    };
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let shown = limit as usize;
    // One row more than is shown says whether there is a next page.
    let wanted = skipped.saturating_add(shown).saturating_add(1);
    let (rows, total) = logs_after(state, id, after_seq, wanted, viewer).await?;
    let mut logs: Vec<LogRow> = rows.into_iter().skip(skipped).collect();
    let has_more = logs.len() > shown;
    logs.truncate(shown);
    let next = logs.last().filter(|_| has_more).map(|row| row.seq.to_string());
    Ok(LogList { success: true, logs, pagination: pagination(limit, offset, total, next) })
}

/// The timeline of a job.
pub async fn timeline(state: &HttpState, id: JobId) -> Result<Vec<TimelineRow>, ApiError> {
    Ok(state.engine.timeline(id).await?.into_iter().map(timeline_row).collect())
}

/// Asks something of a job, to its end whatever becomes of the client.
pub async fn command(
    state: &HttpState,
    caller: &Caller,
    id: JobId,
    command: Command,
    words: Words,
    message: &str,
) -> Result<JobAnswer, ApiError> {
    let engine = state.engine.clone();
    let by = caller.author();
    let done = detached(async move { engine.command(id, command, by).await }).await;
    let view = done.map_err(|error: ApiError| match words {
        Words::Jobs => error,
        Words::AgentJobs => error.in_agent_words(),
    })?;
    Ok(changed(state, view, words, message))
}

/// A job that was just changed, with one sentence for people.
pub fn changed(state: &HttpState, view: JobView, words: Words, message: &str) -> JobAnswer {
    let mut job = job(view, words, &state.engine.workflows());
    job.summary = held_back(job.summary, state.engine.hold().as_ref());
    JobAnswer { success: true, job, message: Some(message.to_owned()) }
}
