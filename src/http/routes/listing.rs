//! Filters, order and pages of lists, as query parameters.

use std::str::FromStr;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::job::JobList;
use crate::api::problem::FieldError;
use crate::engine::{JobQuery, JobSort, Page};
use crate::http::extract::parameter;
use crate::http::present::job::{Words, held_back, summary};
use crate::http::present::pagination;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::limits::{LABEL_BYTES_MAX, LABELS_MAX, PAGE_DEFAULT, PAGE_MAX};
use crate::model::row::JobRow;
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// Longest free text of a filter, bytes.
const FILTER_BYTES_MAX: usize = 1024;
/// Deepest offset: beyond it the cursor is the way.
const OFFSET_MAX: u64 = 100_000;

/// Which jobs, in which order, and which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct JobsQuery {
    /// Statuses, separated by commas, in the words of either job resource.
    #[param(example = "PENDING,RUNNING")]
    pub status: Option<String>,
    /// A phase in the words of the workflow standard.
    #[param(example = "waiting")]
    pub phase: Option<String>,
    /// The name of a workflow.
    #[param(example = "simple-task")]
    pub job_type: Option<String>,
    /// The agent that the jobs are assigned to.
    pub agent_id: Option<String>,
    /// The owner, by user id. Others than oneself only under `/api/admin`.
    pub user_id: Option<String>,
    /// Labels `key:value`, separated by commas; a job must have them all.
    #[param(example = "team:blue")]
    pub label: Option<String>,
    /// A text in name or description, whatever the case.
    pub q: Option<String>,
    /// Created at or after, RFC 3339.
    pub created_from: Option<String>,
    /// Created before, RFC 3339.
    pub created_to: Option<String>,
    /// `true`: only jobs that wait for a person.
    #[param(value_type = Option<bool>)]
    pub waiting: Option<String>,
    /// `-createdAt` (the default), `createdAt`, `-updatedAt` or `-priority`.
    #[param(example = "-createdAt")]
    pub sort: Option<String>,
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
    /// `nextCursor` of the page before; instead of `offset`.
    pub cursor: Option<String>,
}

impl JobsQuery {
    /// The query for the engine; of this owner, or of the one that is asked for.
    pub fn read(self, owner: Option<&str>) -> Result<JobQuery, ApiError> {
        let asked = text("userId", self.user_id)?;
        if let (Some(owner), Some(asked)) = (owner, &asked)
            && owner != asked
        {
            return Err(wrong("userId", "must be your own id here; see /api/admin/jobs"));
        }
        let page = PageQuery { limit: self.limit, offset: self.offset, cursor: self.cursor };
        let (limit, offset, cursor) = page.read()?;
        Ok(JobQuery {
            statuses: list("status", self.status.as_deref(), Status::parse_either)?,
            phase: parameter("phase", self.phase.as_deref(), FromStr::from_str)?,
            job_type: text("jobType", self.job_type)?,
            owner: owner.map(str::to_owned).or(asked),
            agent: text("agentId", self.agent_id)?,
            labels: labels(self.label.as_deref())?,
            text: text("q", self.q)?,
            created_from: parameter("createdFrom", self.created_from.as_deref(), time)?,
            created_to: parameter("createdTo", self.created_to.as_deref(), time)?,
            waiting_for_person: parameter("waiting", self.waiting.as_deref(), bool::from_str)?
                .unwrap_or_default(),
            sort: parameter("sort", self.sort.as_deref(), sort)?.unwrap_or_default(),
            limit,
            offset,
            cursor,
        })
    }
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct PageQuery {
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
    /// `nextCursor` of the page before; instead of `offset`.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The limit, the offset and the cursor.
    pub fn read(self) -> Result<(u32, u64, Option<String>), ApiError> {
        let limit = parameter("limit", self.limit.as_deref(), u32::from_str)?;
        let limit = limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(wrong("limit", format!("must be from 1 to {PAGE_MAX}")));
        }
        let offset = parameter("offset", self.offset.as_deref(), u64::from_str)?;
        if offset.is_some_and(|offset| offset > OFFSET_MAX) {
            let message = format!("must be at most {OFFSET_MAX}; use `cursor` to go further");
            return Err(wrong("offset", message));
        }
        let cursor = text("cursor", self.cursor)?;
        if cursor.is_some() && offset.is_some() {
            return Err(wrong("offset", "cannot be given beside `cursor`"));
        }
        Ok((limit, offset.unwrap_or_default(), cursor))
    }
}

/// A page of jobs as an answer.
pub async fn list_jobs(
    state: &HttpState,
    query: JobQuery,
    words: Words,
) -> Result<JobList, ApiError> {
    let Page { rows, total, next_cursor } = state.engine.jobs(&query).await?;
    let workflows = state.engine.workflows();
    let hold = state.engine.hold();
    let shown = |row: JobRow| held_back(summary(row, words, &workflows), hold.as_ref());
    let jobs = rows.into_iter().map(shown).collect();
    let pagination = pagination(query.limit, query.offset, total, next_cursor);
    Ok(JobList { success: true, jobs, pagination })
}

/// Invalid input in this parameter.
pub fn wrong(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError::parameter(name, message)])
}

/// A text parameter within its limit; an empty one counts as not given.
pub fn text(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let text = text.filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.len() > FILTER_BYTES_MAX) {
        return Err(wrong(name, format!("is longer than {FILTER_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Words separated by commas.
pub fn list<V, E: std::fmt::Display>(
    name: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<V, E>,
) -> Result<Vec<V>, ApiError> {
    let words = text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| read(word).map_err(|error| wrong(name, error.to_string()))).collect()
}

fn labels(text: Option<&str>) -> Result<Vec<(String, String)>, ApiError> {
    let pair = |word: &str| match word.split_once(':') {
        Some((key, value)) if word.len() <= 2 * LABEL_BYTES_MAX + 1 => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!("{word:?} is no label; write `key:value`")),
    };
    let labels = list("label", text, pair)?;
    if labels.len() > LABELS_MAX {
        return Err(wrong("label", format!("names more than {LABELS_MAX} labels")));
    }
    Ok(labels)
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| format!("{text:?} is no RFC 3339 time"))
}

fn sort(text: &str) -> Result<JobSort, String> {
    match text {
        "-createdAt" => Ok(JobSort::CreatedDescending),
        "createdAt" => Ok(JobSort::CreatedAscending),
        "-updatedAt" => Ok(JobSort::UpdatedDescending),
        "-priority" => Ok(JobSort::PriorityDescending),
        _ => Err(format!("{text:?} is not one of -createdAt, createdAt, -updatedAt, -priority")),
    }
}
