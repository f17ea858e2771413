//! Floor 7: the composition root. It puts the parts together in order (address, store, engine, first
//! admin, listener), takes them apart in reverse, and does nothing of their work.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::calls::Caller;
use crate::clock::System;
use crate::config::Config;
use crate::engine::{Engine, Parts};
use crate::http::{HttpState, Server, router};
use crate::store::Store;
use crate::store::redb::Redb;

/// The admin accounts that a start makes.
pub mod admin;
/// Why the parts do not go together.
pub mod error;
/// The metrics of the process: one recorder for however many apps.
mod recorder;
/// From the configuration to the options of each part.
mod settings;

pub use admin::{FirstAdmin, NewAdmin};
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
    ready: watch::Sender<bool>,
    shutdown: CancellationToken,
    listener: JoinHandle<()>,
}

impl App {
    /// Starts everything. When this returns, the recovery is done and `/readyz` answers 200.
    ///
    /// # Errors
    /// The first part that cannot start. What was started before it is stopped again.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        Self::start_with(config, NewAdmin::default()).await
    }

    /// The same; when nobody has an account, the first admin is this one.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(config: Config, admin: NewAdmin) -> Result<Self, AppError> {
        let metrics = recorder::install()?;
        let render = metrics.clone();
        // The address comes first: a start that fails on it has made no account whose password
        // nobody was shown.
        let options = settings::http(&config);
        let server = Server::bind(options.clone()).await?;
        let address = server.local_addr();
        let store = open_store(&config).await?;
        let engine = start_engine(&config, store).await?;
        let first_admin = match admin::ensure(&engine, admin).await {
            Ok(first_admin) => first_admin,
            Err(error) => {
                engine.stop().await;
                return Err(error);
            }
        };
        let (ready, is_ready) = watch::channel(false);
        let render = Arc::new(move || render.render());
        let state = HttpState::new(engine.clone(), options, render, is_ready)
            .map_err(|error| AppError::setting("[http]", error))?;
        let shutdown = CancellationToken::new();
        metrics.keep_up(shutdown.clone());
        let listener = tokio::spawn(server.serve(router(state), shutdown.clone()));
        ready.send_replace(true);
        let artifacts = config.artifacts.dir;
        Ok(Self { address, engine, first_admin, artifacts, ready, shutdown, listener })
    }

    /// The address of the server as a client writes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs until `shutdown` ends, then stops.
    ///
    /// # Errors
    /// When the engine gave itself up: whoever supervises the process is to start it again.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
        let mut failed = self.engine.failed();
        let gave_up = tokio::select! {
            () = shutdown => false,
            _ = failed.wait_for(|failed| *failed) => true,
        };
        self.stop().await;
        if gave_up {
            let reason = "it cannot keep its actors alive; the log says why";
            return Err(AppError::Engine(reason.to_owned()));
        }
        Ok(())
    }

    /// Takes no new requests, lets the open ones and the running calls end, closes the store.
    pub async fn stop(self) {
        self.ready.send_replace(false);
        self.shutdown.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!(%error, "the listener died");
        }
        self.engine.stop().await;
    }
}

async fn open_store(config: &Config) -> Result<Arc<dyn Store>, AppError> {
    let options = settings::store(config);
    // A store that was not closed is verified, which reads the whole file.
    let opened = tokio::task::spawn_blocking(move || Redb::open(options)).await;
    let opened = opened.map_err(|error| AppError::Engine(format!("opening the store: {error}")))?;
    Ok(Arc::new(opened?))
}

async fn start_engine(config: &Config, store: Arc<dyn Store>) -> Result<Engine, AppError> {
    let clock = System::new();
    let failed = |error: &dyn ToString| AppError::Engine(error.to_string());
    clock.raise(store.last_time().await.map_err(|error| failed(&error))?);
    let (egress, secrets) = settings::calls(config)?;
    let caller =
        Caller::new(egress, secrets).map_err(|error| AppError::setting("[egress]", error))?;
    let parts = Parts {
        store,
        clock: Arc::new(clock),
        caller,
        workflows: Some(settings::workflows(config)?),
        options: settings::engine(config),
    };
    Engine::start(parts).await.map_err(|error| failed(&error))
}
