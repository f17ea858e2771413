//! A whole server in this process: an address, a store and folders of its own, and an admin who is
//! signed in. As many as wanted run side by side; nothing is left behind.

use std::path::Path;
use std::time::Duration;

use holdpoint::app::{App, FirstAdmin};
use holdpoint::config::Config;
use holdpoint::config::store::StoreUrl;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use super::client::Client;

/// Long enough on a loaded machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The admin of a server whose first one is not ours.
const EMAIL: &str = "admin@tests.example";

/// A running server.
pub struct TestServer {
    pub app: App,
    pub url: String,
    /// Signed in as an admin.
    pub client: Client,
    /// Holds the store (`holdpoint.redb`) and the artifacts; it goes with the server.
    _folder: TempDir,
}

/// Starts a server with the shipped workflows and this changed in its configuration.
pub async fn start(overrides: impl FnOnce(&mut Config)) -> TestServer {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::defaults().expect("the defaults are right");
    config.http.listen = "127.0.0.1:0".parse().expect("an address");
    config.store.url = StoreUrl::Redb(folder.path().join("holdpoint.redb"));
    config.artifacts.dir = folder.path().join("artifacts");
    config.backup.dir = folder.path().join("backups");
    config.retention.archive_dir = folder.path().join("archive");
    config.audit.heads_file = Some(folder.path().join("audit-heads.jsonl"));
    config.workflows.dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    overrides(&mut config);
    let app = App::start(config).await.expect("a server");
    let url = app.url();
    let (email, password) = admin(&app).await;
    let client = Client::login(&url, &email, &password).await;
    TestServer { app, url, client, _folder: folder }
}

/// The admin of the first start, whose password costs nothing to learn; one more if the
/// environment chose that password.
async fn admin(app: &App) -> (String, String) {
    match &app.first_admin {
        Some(FirstAdmin { email, password: Some(password) }) => (email.clone(), password.clone()),
        _ => (EMAIL.to_owned(), app.make_admin(EMAIL).await.expect("an admin")),
    }
}

impl TestServer {
    /// Asks again whenever something was committed, until there is an answer. It fails the test
    /// when none comes.
    pub async fn wait_until<T>(&self, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
        // The feed is taken before the first question, so that no commit falls between the two.
        let mut feed = self.app.engine.feed();
        let asking = async {
            loop {
                feed.borrow_and_update();
                if let Some(found) = probe().await {
                    return found;
                }
                feed.changed().await.expect("the engine runs");
            }
        };
        timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what} at {}", self.url))
    }

    /// The job once it has come to an end, as `GET /api/jobs/{id}` shows it.
    pub async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_until(&format!("job {id} to end"), async || {
            let mut body = self.client.get(&format!("/api/jobs/{id}")).await.expect(200);
            let job = body["job"].take();
            (!job["completedAt"].is_null()).then_some(job)
        })
        .await
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.app.stop().await;
    }
}
