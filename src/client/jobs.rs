//! Jobs over the API: create, list, read, follow, end. The words of `/api/jobs` are used, but for
//! creation, which the agent-job API offers in fewer words.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::error::ClientError;
use super::transport::{Answer, Client};
use super::wait;
use crate::api::checkpoint::CheckpointList;
use crate::api::job::{Job, JobAnswer, JobDetail, JobList, NewAgentJob};
use crate::api::log::LogList;
use crate::model::status::Status;

/// Which jobs to list. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Everybody's jobs, not the caller's own (needs the role admin or operator).
    pub everybody: bool,
    /// In this status.
    pub status: Option<String>,
    /// Of this workflow.
    pub job_type: Option<String>,
    /// Rows on the page.
    pub limit: Option<u32>,
    /// Rows before it.
    pub offset: Option<u64>,
}

impl JobFilter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
        add("status", self.status.clone());
        add("jobType", self.job_type.clone());
        add("limit", self.limit.map(|limit| limit.to_string()));
        add("offset", self.offset.map(|offset| offset.to_string()));
        query
    }
}

impl Client {
    /// Creates a job. With a key, repeating the request creates no second one.
    pub async fn create_job(
        &self,
        job: &NewAgentJob,
        key: Option<&str>,
    ) -> Result<Answer<JobAnswer>, ClientError> {
        let body = json!(job);
        self.change_once(Method::POST, "/api/agent-jobs", Some(&body), key).await
    }

    /// A page of jobs, newest first.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Answer<JobList>, ClientError> {
        let path = if filter.everybody { "/api/admin/jobs" } else { "/api/jobs" };
        self.get(path, &filter.query()).await
    }

    /// A job in full: with its checkpoints, log and timeline. `anybodys` reads a job of whomever,
    /// with payloads (needs the role admin or operator).
    pub async fn job(&self, id: &str, anybodys: bool) -> Result<Answer<JobDetail>, ClientError> {
        let path = if anybodys { "/api/admin/jobs" } else { "/api/jobs" };
        let include = [("include", "logs,checkpoints,timeline".to_owned())];
        self.get(&format!("{path}/{}", segment(id)), &include).await
    }

    /// A job without what belongs to it.
    pub async fn job_alone(&self, id: &str) -> Result<Job, ClientError> {
        let answer = self.get::<JobDetail>(&format!("/api/jobs/{}", segment(id)), &[]).await?;
        Ok(answer.body.job)
    }

    /// A job of whomever without what belongs to it (needs the role admin or operator).
    pub async fn job_of_anybody(&self, id: &str) -> Result<Job, ClientError> {
        let path = format!("/api/admin/jobs/{}", segment(id));
        Ok(self.get::<JobDetail>(&path, &[]).await?.body.job)
    }

    /// The log of a job, beginning at this row.
    pub async fn job_logs(&self, id: &str, offset: u64) -> Result<Answer<LogList>, ClientError> {
        let query = [("offset", offset.to_string()), ("limit", "200".to_owned())];
        self.get(&format!("/api/jobs/{}/logs", segment(id)), &query).await
    }

    /// The checkpoints of a job.
    pub async fn job_checkpoints(&self, id: &str) -> Result<Answer<CheckpointList>, ClientError> {
        self.get(&format!("/api/agent-jobs/{}/checkpoints", segment(id)), &[]).await
    }

    /// Ends a job.
    pub async fn terminate(
        &self,
        id: &str,
        reason: &str,
    ) -> Result<Answer<JobAnswer>, ClientError> {
        let path = format!("/api/jobs/{}/terminate", segment(id));
        self.change(Method::POST, &path, Some(&json!({ "reason": reason }))).await
    }

    /// The job once it has this status. An end in another status is reported at once.
    pub async fn wait_for_status(
        &self,
        id: &str,
        status: &str,
        limit: Duration,
    ) -> Result<Job, ClientError> {
        let what = format!("job {id} to be {status}");
        let job = wait::until(&what, limit, async |last: &mut String| {
            let job = self.job_alone(id).await?;
            *last = format!("{} {}", job.summary.status, job.summary.phase);
            Ok((job.summary.status == status || is_ended(&job)).then_some(job))
        })
        .await?;
        if job.summary.status == status {
            return Ok(job);
        }
        let summary = job.summary;
        let last = match summary.error.and_then(|error| error.detail) {
            Some(detail) => format!("{}: {detail}", summary.status),
            None => summary.status,
        };
        Err(ClientError::InVain { what, after: Duration::ZERO, last })
    }
}

/// Has the job ended, unless somebody overrides that?
pub fn is_ended(job: &Job) -> bool {
    Status::parse_either(&job.summary.status).is_ok_and(Status::is_ended)
}

/// A text as one segment of a path: nothing in an id may lead to another address.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
