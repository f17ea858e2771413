//! What every handler may use. Cheap to clone, because every layer of every request does so; it
//! owns no state of jobs.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::http::body_room::BodyRooms;
use crate::http::options::{BadOptions, Options};
use crate::http::password::Passwords;
use crate::http::rate::Rates;
use crate::http::replies::Replies;
use crate::http::throttle::Throttle;
use crate::model::time::Timestamp;

/// Requests that may wait for decisions at once: each holds a connection, of which others need the
/// most.
pub const WAITERS_MAX: usize = 256;

/// Writes the metrics of the process in the Prometheus text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers share.
#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

/// What an [`HttpState`] holds. Every field is shared by handle: a copy of it is the same state.
#[derive(Clone)]
pub struct Shared {
    /// The engine.
    pub engine: Engine,
    /// The settings.
    pub options: Arc<Options>,
    /// The metrics of the process.
    pub render_metrics: RenderMetrics,
    /// Is the process recovered and not stopping?
    pub ready: watch::Receiver<bool>,
    /// Hashes passwords, a few at a time.
    pub(crate) passwords: Arc<Passwords>,
    /// Slows down who guesses passwords.
    pub(crate) throttle: Arc<Throttle>,
    /// Slows down who guesses tokens. Apart, so that they crowd out nobody who signs in.
    pub(crate) wrong_tokens: Arc<Throttle>,
    /// Counts requests.
    pub(crate) rates: Arc<Rates>,
    /// Answers kept for repeated requests.
    pub(crate) replies: Replies,
    /// Is cancelled when the server begins to stop.
    pub(crate) closing: CancellationToken,
    /// Whoever changes accounts waits for their turn here.
    pub(crate) accounts_turn: Arc<tokio::sync::Mutex<()>>,
    /// Room for the bodies of requests.
    pub(crate) bodies: Arc<BodyRooms>,
    /// Requests that may wait for decisions at once.
    pub(crate) waiters: Arc<tokio::sync::Semaphore>,
    /// The OpenAPI document; the router writes it once.
    pub(crate) openapi: String,
    /// When this part started.
    pub(crate) started_at: Timestamp,
}

impl Deref for HttpState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl HttpState {
    /// The state for these settings. Settings that cannot stand are refused here.
    pub fn new(
        engine: Engine,
        options: Options,
        render_metrics: RenderMetrics,
        ready: watch::Receiver<bool>,
    ) -> Result<Self, BadOptions> {
        options.check()?;
        let started_at = engine.now();
        Ok(Self(Arc::new(Shared {
            rates: Arc::new(Rates::new(options.rates)),
            replies: Replies::new(engine.clone()),
            closing: CancellationToken::new(),
            engine,
            bodies: Arc::new(BodyRooms::new(options.body_bytes_max)),
            options: Arc::new(options),
            render_metrics,
            ready,
            passwords: Arc::new(Passwords::new()),
            throttle: Arc::new(Throttle::default()),
            wrong_tokens: Arc::new(Throttle::default()),
            accounts_turn: Arc::default(),
            waiters: Arc::new(tokio::sync::Semaphore::new(WAITERS_MAX)),
            openapi: String::new(),
            started_at,
        })))
    }

    /// The same state for a server that stops with this token.
    pub fn closing_with(self, stop: &CancellationToken) -> Self {
        self.with(|shared| shared.closing = stop.child_token())
    }

    /// The same state with this OpenAPI document.
    pub(crate) fn documented_by(self, openapi: String) -> Self {
        self.with(|shared| shared.openapi = openapi)
    }

    fn with(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Is cancelled when the server begins to stop. Whatever holds an answer open (a long poll, a
    /// stream of events) ends with it: open answers would hold the end up as long as they may.
    pub fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Forgets counts that make no difference any more. To be called now and then.
    pub fn sweep_rates(&self) {
        self.rates.sweep();
    }
}
