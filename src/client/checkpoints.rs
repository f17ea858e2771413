//! Checkpoints over the API: the inbox, and decisions that name the digest of what was seen.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::error::ClientError;
use super::jobs::segment;
use super::transport::{Answer, Client};
use super::wait;
use crate::api::checkpoint::{
    Checkpoint, CheckpointDetail, CheckpointList, Decision, DecisionAnswer,
};
use crate::api::checkpoint_people::{
    DecisionBatch, DecisionBatchAnswer, NewComment, NewDelegation, Rearmament,
};
use crate::model::checkpoint::CheckpointStatus;

/// Which checkpoints to list.
#[derive(Clone, Debug, Default)]
pub struct CheckpointFilter {
    /// In this status, or `all`; PENDING when absent.
    pub status: Option<String>,
    /// Of this job.
    pub job: Option<String>,
    /// Only those that the caller may decide.
    pub mine: bool,
    /// Only those that look like this one.
    pub like: Option<String>,
    /// Rows on the page.
    pub limit: Option<u32>,
    /// Rows before it.
    pub offset: Option<u64>,
}

impl Client {
    /// A page of the inbox, oldest first.
    pub async fn checkpoints(
        &self,
        filter: &CheckpointFilter,
    ) -> Result<Answer<CheckpointList>, ClientError> {
        let mut query = Vec::new();
        let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
        add("status", filter.status.clone());
        add("jobId", filter.job.clone());
        add("mine", filter.mine.then(|| "true".to_owned()));
        add("like", filter.like.clone());
        add("limit", filter.limit.map(|limit| limit.to_string()));
        add("offset", filter.offset.map(|offset| offset.to_string()));
        self.get("/api/admin/agent-checkpoints", &query).await
    }

    /// A checkpoint in full, with what is shown.
    pub async fn checkpoint(&self, id: &str) -> Result<Answer<CheckpointDetail>, ClientError> {
        self.get(&path(id, ""), &[]).await
    }

    /// Approves. With a digest only what has that digest.
    pub async fn approve(
        &self,
        id: &str,
        digest: Option<&str>,
        comment: Option<&str>,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        let mut body = Map::new();
        let members = [("digest", digest), ("comment", comment)];
        body.extend(
            members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))),
        );
        self.change(Method::POST, &path(id, ""), Some(&Value::Object(body))).await
    }

    /// Rejects.
    pub async fn reject(
        &self,
        id: &str,
        reason: &str,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        let body = json!({ "reason": reason });
        self.change(Method::DELETE, &path(id, ""), Some(&body)).await
    }

    /// Sends back what has this digest.
    pub async fn send_back(
        &self,
        id: &str,
        digest: &str,
        reason: &str,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        let body = json!({ "decision": "send-back", "digest": digest, "reason": reason });
        self.change(Method::POST, &path(id, "/decision"), Some(&body)).await
    }

    /// Decides by the canonical route.
    pub async fn decide(
        &self,
        id: &str,
        decision: &Decision,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        self.change(Method::POST, &path(id, "/decision"), Some(&json!(decision))).await
    }

    /// Decides at many, with an outcome for each.
    pub async fn decide_batch(
        &self,
        batch: &DecisionBatch,
    ) -> Result<Answer<DecisionBatchAnswer>, ClientError> {
        let path = "/api/admin/agent-checkpoints/batch";
        self.change(Method::POST, path, Some(&json!(batch))).await
    }

    /// Keeps others from deciding, for a while.
    pub async fn claim(&self, id: &str) -> Result<Answer<DecisionAnswer>, ClientError> {
        self.change(Method::POST, &path(id, "/claim"), None).await
    }

    /// Lets others decide again.
    pub async fn release_claim(&self, id: &str) -> Result<Answer<DecisionAnswer>, ClientError> {
        self.change(Method::DELETE, &path(id, "/claim"), None).await
    }

    /// Lets somebody else decide as well.
    pub async fn delegate(
        &self,
        id: &str,
        delegation: &NewDelegation,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        self.change(Method::POST, &path(id, "/delegate"), Some(&json!(delegation))).await
    }

    /// Remarks on a checkpoint.
    pub async fn comment(
        &self,
        id: &str,
        text: &str,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        let body = json!(NewComment { text: text.to_owned() });
        self.change(Method::POST, &path(id, "/comments"), Some(&body)).await
    }

    /// Gives a checkpoint a new deadline.
    pub async fn rearm(
        &self,
        id: &str,
        rearmament: &Rearmament,
    ) -> Result<Answer<DecisionAnswer>, ClientError> {
        self.change(Method::POST, &path(id, "/rearm"), Some(&json!(rearmament))).await
    }

    /// The checkpoint that this job waits at, once it does.
    pub async fn wait_for_checkpoint(
        &self,
        job: &str,
        limit: Duration,
    ) -> Result<Checkpoint, ClientError> {
        let what = format!("job {job} to stop at a checkpoint");
        wait::until(&what, limit, async |last: &mut String| {
            let checkpoints = self.job_checkpoints(job).await?.body.checkpoints;
            *last = format!("{} checkpoints, none of them waits", checkpoints.len());
            Ok(checkpoints.into_iter().find(holds))
        })
        .await
    }
}

/// Does a person still have to decide, and does the job wait for it?
pub fn holds(checkpoint: &Checkpoint) -> bool {
    checkpoint.blocking && checkpoint.status == CheckpointStatus::Pending.as_str()
}

fn path(id: &str, rest: &str) -> String {
    format!("/api/admin/agent-checkpoints/{}{rest}", segment(id))
}
