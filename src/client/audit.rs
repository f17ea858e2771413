//! The audit trail of a server, whether it holds, and the evidence of a job.

use serde_json::Value;

use super::error::ClientError;
use super::transport::{Answer, Client};
use crate::api::audit::{AuditList, AuditVerifyAnswer};
use crate::api::oversight::OversightAnswer;

impl Client {
    /// A page of the trail, newest first; `query` as the API names its parameters.
    pub async fn audit(&self, query: &[(&str, String)]) -> Result<Answer<AuditList>, ClientError> {
        self.get("/api/admin/audit", query).await
    }

    /// Lets the server follow its own trail.
    pub async fn verify_audit(&self) -> Result<Answer<AuditVerifyAnswer>, ClientError> {
        self.get("/api/admin/audit/verify", &[]).await
    }

    /// The evidence of a job.
    pub async fn evidence(&self, job: &str) -> Result<Answer<Value>, ClientError> {
        self.get("/api/admin/audit/export", &[("job", job.to_owned())]).await
    }

    /// How people decide, by `workflow`, `agent` or `reviewer`.
    pub async fn oversight(&self, by: &str) -> Result<Answer<OversightAnswer>, ClientError> {
        self.get("/api/admin/oversight", &[("by", by.to_owned())]).await
    }
}
