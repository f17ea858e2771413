//! What an operator asks of a server: the worker, the actors, its state, its workflows.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::error::ClientError;
use super::jobs::segment;
use super::transport::{Answer, Client};
use super::wait;
use crate::api::actor::ActorsAnswer;
use crate::api::backup::{BackupAnswer, BackupList, ReleaseAnswer};
use crate::api::doctor::DoctorAnswer;
use crate::api::status::StatusAnswer;
use crate::api::worker::WorkerAnswer;
use crate::api::workflow::{WorkflowAnswer, WorkflowList};

/// The address of backups.
const BACKUP: &str = "/api/admin/backup";
/// Longest time for what copies or reads the whole store: a day.
const LONG: Duration = Duration::from_secs(24 * 3_600);
/// The address of the worker.
const WORKER: &str = "/api/admin/agent-worker";

impl Client {
    /// How the worker is.
    pub async fn worker(&self) -> Result<Answer<WorkerAnswer>, ClientError> {
        self.get(WORKER, &[]).await
    }

    /// Lets the worker start runs.
    pub async fn start_worker(&self) -> Result<Answer<WorkerAnswer>, ClientError> {
        self.change(Method::POST, WORKER, None).await
    }

    /// Stops it: runs that are going on end, no new one begins.
    pub async fn stop_worker(&self) -> Result<Answer<WorkerAnswer>, ClientError> {
        self.change(Method::DELETE, WORKER, None).await
    }

    /// The live actor tree.
    pub async fn actors(&self) -> Result<Answer<ActorsAnswer>, ClientError> {
        self.get("/api/admin/actors", &[]).await
    }

    /// The live actor tree as `text` or `dot`.
    pub async fn actors_as(&self, format: &str) -> Result<String, ClientError> {
        self.get_text("/api/admin/actors", &[("format", format.to_owned())]).await
    }

    /// Version, uptime, store, recovery report.
    pub async fn server_status(&self) -> Result<Answer<StatusAnswer>, ClientError> {
        self.get("/api/admin/status", &[]).await
    }

    /// Takes a backup into the folder of the server. It may take long: the whole store is copied
    /// and verified.
    pub async fn take_backup(&self) -> Result<Answer<BackupAnswer>, ClientError> {
        let request = self.request(Method::POST, BACKUP).timeout(LONG);
        self.json(self.send(request).await?).await
    }

    /// The backups in the folder of the server.
    pub async fn backups(&self) -> Result<Answer<BackupList>, ClientError> {
        self.get(BACKUP, &[]).await
    }

    /// Downloads a backup piece by piece, until `take` wants no more.
    pub async fn download_backup(
        &self,
        name: &str,
        take: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), ClientError> {
        let request = self.request(Method::GET, &format!("{BACKUP}/{}", segment(name)));
        self.pieces(self.send(request.timeout(LONG)).await?, take).await
    }

    /// What can be said of the store while it is in use. It may take long: every job is looked at.
    pub async fn doctor(&self) -> Result<Answer<DoctorAnswer>, ClientError> {
        let request = self.request(Method::GET, "/api/admin/doctor").timeout(LONG);
        self.json(self.send(request).await?).await
    }

    /// Lets a held store work.
    pub async fn release(&self, reason: &str) -> Result<Answer<ReleaseAnswer>, ClientError> {
        let body = json!({ "reason": reason });
        self.change(Method::POST, "/api/admin/release", Some(&body)).await
    }

    /// Registered workflows.
    pub async fn workflows(&self) -> Result<Answer<WorkflowList>, ClientError> {
        self.get("/api/workflows", &[]).await
    }

    /// Registers a workflow document, a text of YAML.
    pub async fn register_workflow(
        &self,
        document: impl Into<String>,
    ) -> Result<Answer<WorkflowAnswer>, ClientError> {
        let request = self.request(Method::POST, "/api/admin/workflows");
        let request = request.header(CONTENT_TYPE, "application/yaml").body(document.into());
        self.json(self.send(request).await?).await
    }

    /// The metrics, as Prometheus text.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.get_text("/api/metrics", &[]).await
    }

    /// Asks whether the server is ready: recovered, and able to write.
    pub async fn is_ready(&self) -> Result<(), ClientError> {
        self.send(self.request(Method::GET, "/readyz")).await.map(drop)
    }

    /// Answers once the server says that it is ready.
    pub async fn wait_until_ready(&self, limit: Duration) -> Result<(), ClientError> {
        wait::until("the server to be ready", limit, async |last: &mut String| {
            let ready = self.is_ready().await;
            Ok(ready.map_err(|error| *last = error.to_string()).ok())
        })
        .await
    }
}
