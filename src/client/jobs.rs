//! Jobs over the API: create, list, read, follow, end. The words of `/api/jobs` are used, but for
//! creation, which the agent-job API offers in fewer words.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::ClientError;
use super::shape::{CheckpointsBody, Job, JobBody, JobsBody, LogsBody};
use super::transport::{Answer, Client};
use super::wait;

/// A job to be created, in the words of `/api/agent-jobs`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJob {
    /// The name of the workflow.
    pub job_type: String,
    /// What is to be done.
    pub task_description: String,
    /// The input of the workflow.
    pub input_data: Value,
    /// 0 to 9.
    pub priority: u8,
}

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
        job: &NewJob,
        key: Option<&str>,
    ) -> Result<Answer<JobBody>, ClientError> {
        let body = json!(job);
        self.change_once(Method::POST, "/api/agent-jobs", Some(&body), key).await
    }

    /// A page of jobs, newest first.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Answer<JobsBody>, ClientError> {
        let path = if filter.everybody { "/api/admin/jobs" } else { "/api/jobs" };
        self.get(path, &filter.query()).await
    }

    /// A job in full: with its checkpoints, log and timeline.
    pub async fn job(&self, id: &str) -> Result<Answer<JobBody>, ClientError> {
        self.get(&format!("/api/agent-jobs/{}", segment(id)), &[]).await
    }

    /// The log of a job, beginning at this row.
    pub async fn job_logs(&self, id: &str, offset: u64) -> Result<Answer<LogsBody>, ClientError> {
        let query = [("offset", offset.to_string()), ("limit", "200".to_owned())];
        self.get(&format!("/api/jobs/{}/logs", segment(id)), &query).await
    }

    /// The checkpoints of a job.
    pub async fn job_checkpoints(&self, id: &str) -> Result<Answer<CheckpointsBody>, ClientError> {
        self.get(&format!("/api/agent-jobs/{}/checkpoints", segment(id)), &[]).await
    }

    /// Ends a job.
    pub async fn terminate(&self, id: &str, reason: &str) -> Result<Answer<JobBody>, ClientError> {
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
            let job = self.job(id).await?.body.job;
            *last = format!("{} {}", job.status, job.phase);
            Ok((job.status == status || job.is_ended()).then_some(job))
        })
        .await?;
        if job.status == status {
            return Ok(job);
        }
        let last = match job.error.as_ref().and_then(|error| error.detail.as_deref()) {
            Some(detail) => format!("{}: {detail}", job.status),
            None => job.status,
        };
        Err(ClientError::InVain { what, after: Duration::ZERO, last })
    }
}

/// A text as one segment of a path: nothing in an id may lead to another address.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
