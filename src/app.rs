//! Floor 7: the composition root. It puts the parts together in order (address, store, engine,
//! first admin, listener), takes them apart in reverse, and does nothing of their work.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::retention::Rules;
use crate::calls::{Caller, Secrets};
use crate::clock::System;
use crate::config::Config;
use crate::engine::{Engine, Parts};
use crate::http::accounts::{self, FirstStart};
use crate::http::{HttpState, Server, router};
use crate::store::Store;
use crate::telemetry::metrics::Metrics;

/// The audit trail: who signs it, and checks without a server.
pub mod audit;
/// The whole state of a stopped store.
pub mod doctor;
/// Recovery, rehearsed on jobs that have ended.
pub mod drill;
/// Why the parts do not go together.
pub mod error;
/// What is swept now and then.
mod housekeeping;
/// The key that seals secrets.
mod key;
/// An engine without a listener or an outside.
pub mod rehearsal;
/// How long jobs stay after their end.
pub mod retention;
/// From the sections of the configuration to the settings of the parts.
mod settings;
/// What is done with the store of a stopped server.
pub mod stopped;

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
    listening: JoinHandle<()>,
    shutdown: CancellationToken,
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
    ///
    /// # Errors
    /// Names the part that does not start, and what to do.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        let metrics = Metrics::install().map_err(|error| AppError::setting("metrics", &error))?;
        let http = settings::http(&config);
        // The address comes first: a start that fails on it must not have made an account whose
        // password nobody was shown.
        let server = Server::bind(http.clone()).await?;
        let address = server.local_addr();
        let store = settings::open_store(&config).await?;
        let notary = audit::notary(&config)?;
        let engine = start_engine(&config, store.clone(), address).await?;
        if let Err(error) = audit::begin(&engine, notary, &config).await {
            engine.stop().await;
            return Err(error);
        }
        let (ready, is_ready) = watch::channel(true);
        let shutdown = CancellationToken::new();
        metrics.keep_up(shutdown.clone());
        housekeeping::keep(engine.clone(), shutdown.clone());
        housekeeping::tidy_gates(engine.clone(), shutdown.clone());
        housekeeping::count_agents(engine.clone(), shutdown.clone());
        housekeeping::sign_heads(engine.clone(), shutdown.clone());
        housekeeping::count_oversight(engine.clone(), shutdown.clone());
        housekeeping::retain(engine.clone(), store, Rules::of(&config), shutdown.clone());
        let render = Arc::new(move || metrics.render());
        let made = async {
            let state = HttpState::new(engine.clone(), http, render, is_ready)
                .map_err(|bad| AppError::setting("[http]", &bad))?
                .closing_with(&shutdown);
            housekeeping::forget(state.clone(), shutdown.clone());
            Ok((first_admin(&engine).await?, state))
        };
        let (first_admin, state) = match made.await {
            Ok(made) => made,
            Err(error) => {
                engine.stop().await;
                return Err(error);
            }
        };
        let listening = tokio::spawn(server.serve(router(state), shutdown.clone()));
        let artifacts = config.artifacts.dir.clone();
        Ok(Self { address, engine, first_admin, artifacts, ready, listening, shutdown })
    }

    /// The address of the server as a client writes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes an admin with this e-mail, or gives the one that is there a new password, and answers
    /// the password. It is stored nowhere.
    ///
    /// # Errors
    /// When the account cannot be written.
    pub async fn make_admin(&self, email: &str) -> Result<String, AppError> {
        let made = accounts::reset_admin(&self.engine, email).await;
        made.map_err(|error| AppError::Admin(error.to_string()))
    }

    /// Runs until `shutdown` ends, then stops.
    ///
    /// # Errors
    /// When the engine gave itself up: its supervisor is to restart the process.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
        let mut failed = self.engine.failed();
        let gave_up = tokio::select! {
            () = shutdown => false,
            _ = failed.wait_for(|failed| *failed) => true,
        };
        self.stop().await;
        if gave_up {
            let reason = "it cannot keep its actors alive; the log says why".to_owned();
            return Err(AppError::Engine(reason));
        }
        Ok(())
    }

    /// Takes no new requests, lets the open ones and the running calls end, closes the store.
    pub async fn stop(self) {
        self.ready.send_replace(false);
        self.shutdown.cancel();
        if let Err(error) = self.listening.await {
            tracing::error!(%error, "the listener did not end cleanly");
        }
        self.engine.stop().await;
    }
}

async fn start_engine(
    config: &Config,
    store: Arc<dyn Store>,
    address: SocketAddr,
) -> Result<Engine, AppError> {
    let secrets = Secrets::load(config.secrets.dir.as_deref())
        .map_err(|error| AppError::setting("[secrets]", &error))?;
    let vault = key::vault(config).map_err(|error| AppError::setting("[secrets]", &error))?;
    let caller = Caller::new(settings::calls(config)?, secrets)
        .map_err(|error| AppError::setting("[egress]", &error))?
        .with_vault(vault);
    let clock = System::new();
    // No fact may be dated before one that is in the store, whatever the clock of the machine says.
    let last = store.last_time().await.map_err(|error| AppError::Engine(error.to_string()))?;
    clock.raise(last);
    let parts = Parts {
        store,
        clock: Arc::new(clock),
        caller,
        workflows: Some(config.workflows.dir.clone()),
        options: settings::engine(config, Some(public_url(config, address))),
    };
    Engine::start(parts).await.map_err(|error| AppError::Engine(error.to_string()))
}

/// Where agents reach this server.
fn public_url(config: &Config, address: SocketAddr) -> String {
    match &config.http.public_url {
        None => format!("http://{address}"),
        Some(url) => url.trim_end_matches('/').to_owned(),
    }
}

async fn first_admin(engine: &Engine) -> Result<Option<FirstAdmin>, AppError> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (email, password) = (given("HOLDPOINT_ADMIN_EMAIL"), given("HOLDPOINT_ADMIN_PASSWORD"));
    let made = accounts::ensure_admin(engine, email, password).await;
    Ok(match made.map_err(|error| AppError::Admin(error.to_string()))? {
        FirstStart::Existed => None,
        FirstStart::Made { email } => Some(FirstAdmin { email, password: None }),
        FirstStart::Drawn { email, password } => {
            Some(FirstAdmin { email, password: Some(password) })
        }
    })
}
