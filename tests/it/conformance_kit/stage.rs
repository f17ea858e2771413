//! The server that scenarios run on, with the services that they call. It is the same for all until
//! one brings a workflow that another had: then a new one takes its place, so that every document
//! is sent exactly as it is written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::services::{NAMES, Services};
use crate::support::server::{self, TestServer};

pub struct Stage {
    pub services: Services,
    server: Option<TestServer>,
    /// The workflows that were brought to this server.
    brought: BTreeSet<String>,
    /// No workflow is shipped in it; it holds the certificate of the services.
    folder: TempDir,
}

impl Stage {
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self {
            services: Services::start().await,
            server: None,
            brought: BTreeSet::new(),
            folder,
        };
        std::fs::write(stage.certificate(), &stage.services.https.authority).unwrap();
        stage
    }

    /// A server that knows no workflow of this document's namespace, name and version.
    pub async fn server_for(&mut self, definition: &str) -> Result<&TestServer, String> {
        let told = serde_saphyr::from_str::<Value>(definition).map_err(|e| e.to_string())?;
        let document = &told["document"];
        let key = [&document["namespace"], &document["name"], &document["version"]];
        let key = key.map(Value::to_string).join(" ");
        if !self.brought.insert(key.clone()) {
            self.clear().await;
            self.brought = BTreeSet::from([key]);
        }
        if self.server.is_none() {
            self.server = Some(self.start().await);
        }
        self.server.as_ref().ok_or_else(|| "no server".to_owned())
    }

    /// Stops the server in order.
    pub async fn clear(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    async fn start(&self) -> TestServer {
        let address = self.services.https.address;
        server::start(|config| {
            config.workflows.dir = self.folder.path().to_owned();
            config.egress.allow = vec![address.ip().to_string()];
            config.egress.ca_files = vec![self.certificate()];
            config.egress.resolve =
                NAMES.iter().map(|name| ((*name).to_owned(), address)).collect();
        })
        .await
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}
