//! Floor 6: the composition root. It puts the parts together in order (store, documents, engine,
//! first admin, listener), takes them apart in reverse, and does nothing of their work.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::engine::Engine;

/// Why the parts do not go together.
pub mod error;

pub use error::{AppError, StoreFault};

/// A running Holdpoint.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// The engine, for callers in the same process.
    pub engine: Engine,
    /// The admin that this start made, if there was none.
    pub first_admin: Option<FirstAdmin>,
    /// The folder below which approved files are written.
    pub artifacts: PathBuf,
}

/// The admin that the first start makes.
#[derive(Clone)]
pub struct FirstAdmin {
    /// The e-mail to sign in with.
    pub email: String,
    /// The password, unless the environment chose it. It is shown once and stored nowhere.
    pub password: Option<String>,
}

impl App {
    /// Starts everything. When this returns, the recovery is done and the listener is open.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        let engine = start_engine(&config).await?;
        let artifacts = config.artifacts.dir.clone();
        Ok(Self { address: config.http.listen, engine, first_admin: None, artifacts })
    }

    /// The address of the server as a client writes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes an admin with this e-mail, or gives the one that is there a new password, and answers
    /// the password. It is stored nowhere.
    pub async fn make_admin(&self, email: &str) -> Result<String, AppError> {
        Err(AppError::Admin(format!("{email}: this build has no accounts")))
    }

    /// Runs until `shutdown` ends, then stops.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
        shutdown.await;
        self.stop().await;
        Ok(())
    }

    /// Takes no new requests, lets the open ones and the running calls end, closes the store.
    pub async fn stop(self) {
        self.engine.stop().await;
    }
}

async fn start_engine(_config: &Config) -> Result<Engine, AppError> {
    Err(AppError::Engine("this build has no engine".to_owned()))
}
