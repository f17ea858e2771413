//! Agents and the job board over the API: what the command line needs of them.

use reqwest::Method;
use serde_json::{Value, json};

use super::error::ClientError;
use super::jobs::segment;
use super::transport::{Answer, Client};
use crate::api::agent::{AdminAgentAnswer, AdminAgentList};
use crate::api::job::JobAnswer;

/// Where agents are registered.
const AGENTS: &str = "/api/admin/agents";

impl Client {
    /// Every agent, as an admin sees it.
    pub async fn agents(&self) -> Result<Answer<AdminAgentList>, ClientError> {
        self.get(AGENTS, &[]).await
    }

    /// Registers an agent.
    pub async fn register_agent(
        &self,
        agent: &Value,
    ) -> Result<Answer<AdminAgentAnswer>, ClientError> {
        self.change(Method::POST, AGENTS, Some(agent)).await
    }

    /// Changes an agent; what is absent stays.
    pub async fn edit_agent(
        &self,
        id: &str,
        change: &Value,
    ) -> Result<Answer<AdminAgentAnswer>, ClientError> {
        let path = format!("{AGENTS}/{}", segment(id));
        self.change(Method::PATCH, &path, Some(change)).await
    }

    /// Creates a job of the board, in the words of POST `/api/jobs`.
    pub async fn create_board_job(&self, job: &Value) -> Result<Answer<JobAnswer>, ClientError> {
        self.change(Method::POST, "/api/jobs", Some(job)).await
    }

    /// Assigns a job to an agent, by its id or name.
    pub async fn assign_job(
        &self,
        id: &str,
        agent: &str,
        inputs: &Value,
    ) -> Result<Answer<JobAnswer>, ClientError> {
        let path = format!("/api/jobs/{}/assign", segment(id));
        let body = json!({ "agentId": agent, "inputs": inputs });
        self.change(Method::POST, &path, Some(&body)).await
    }
}
