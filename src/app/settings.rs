//! From the sections of the configuration to the settings of the parts. Nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use crate::app::AppError;
use crate::calls;
use crate::config::Config;
use crate::config::metrics::WithoutToken;
use crate::config::openai::Money;
use crate::config::store::{Recovery, StoreUrl};
use crate::http::Scrape;
use crate::model::time::Span;
use crate::store::Store;
use crate::store::{Recovery as StoreRecovery, Redb, RedbOptions};
use crate::{engine, http};

/// Opens the store that the configuration names. A full check of a large file takes seconds, on a
/// thread of its own.
pub(super) async fn open_store(config: &Config) -> Result<Arc<dyn Store>, AppError> {
    let StoreUrl::Redb(path) = &config.store.url;
    let options = RedbOptions {
        path: path.clone(),
        cache_bytes: config.store.cache_mib as usize * 1024 * 1024,
        recovery: match config.store.recovery {
            Recovery::Verify => StoreRecovery::Verify,
            Recovery::Fast => StoreRecovery::Fast,
        },
        disk_floor_bytes: u64::from(config.store.disk_floor_mib) * 1024 * 1024,
    };
    match tokio::task::spawn_blocking(move || Redb::open(options)).await {
        Ok(opened) => Ok(Arc::new(opened?)),
        Err(error) => Err(AppError::Engine(error.to_string())),
    }
}

pub(super) fn calls(config: &Config) -> Result<calls::Options, AppError> {
    let egress = &config.egress;
    let mut allow = Vec::with_capacity(egress.allow.len());
    for rule in &egress.allow {
        allow.push(rule.parse().map_err(|bad| AppError::setting("[egress] allow", &bad))?);
    }
    Ok(calls::Options {
        allow,
        chat: chat(config)?,
        connect_timeout_ms: egress.connect_timeout_ms,
        response_timeout_ms: egress.response_timeout_ms,
        total_timeout_ms: egress.total_timeout_ms,
        response_bytes_max: usize::try_from(egress.response_bytes_max).unwrap_or(usize::MAX),
        resolve: egress.resolve.clone(),
        extra_roots: egress.ca_files.clone(),
        artifacts: config.artifacts.dir.clone(),
    })
}

/// The language model, with its key from the file or from the environment.
fn chat(config: &Config) -> Result<Option<calls::ChatOptions>, AppError> {
    let openai = &config.openai;
    if !openai.is_set() {
        return Ok(None);
    }
    let key = match &openai.api_key_file {
        None => std::env::var("HOLDPOINT_OPENAI_API_KEY").unwrap_or_default(),
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            let text = format!("cannot read the key in {}: {error}", file.display());
            AppError::setting("[openai] api_key_file", &text)
        })?,
    };
    let price = |money: Money| calls::Price(Some(money.micros).filter(|micros| *micros > 0));
    Ok(Some(calls::ChatOptions {
        base_url: openai.base_url.clone(),
        api_key: calls::ApiKey::new(&key),
        model: openai.model.clone(),
        timeout: Duration::from_millis(openai.timeout_ms),
        votes: openai.votes,
        input_price: price(openai.input_price),
        output_price: price(openai.output_price),
    }))
}

pub(super) fn engine(config: &Config, public_url: Option<String>) -> engine::Options {
    let (worker, engine) = (&config.worker, &config.engine);
    engine::Options {
        concurrent_jobs_max: worker.max_concurrent_jobs as usize,
        jobs_per_owner_max: worker.max_per_owner as usize,
        public_url,
        autostart: worker.autostart,
        poll_interval: Span::from_millis(worker.poll_interval_ms),
        drain_timeout: Span::from_millis(worker.drain_timeout_ms),
        restarts_max: engine.restarts_max,
        restart_window: Span::from_millis(engine.restart_window_ms),
        restart_backoff: Span::from_millis(engine.restart_backoff_ms),
        live_jobs_max: engine.live_jobs_max as usize,
        queue_max: u64::from(engine.queue_max),
        backups: Some(config.backup.dir.clone()),
    }
}

pub(super) fn http(config: &Config) -> http::Options {
    let http = &config.http;
    http::Options {
        listen: http.listen,
        public_url: http.public_url.clone(),
        behind_proxy: http.behind_proxy,
        body_bytes_max: usize::try_from(http.body_bytes_max).unwrap_or(usize::MAX),
        request_timeout: Duration::from_millis(http.request_timeout_ms),
        header_timeout: Duration::from_millis(http.header_timeout_ms),
        connections_max: http.connections_max as usize,
        connections_per_address_max: http.connections_per_address_max as usize,
        idle_timeout: Duration::from_millis(http.idle_timeout_ms),
        send_timeout: Duration::from_millis(http.send_timeout_ms),
        rates: crate::http::RateOptions {
            reads_per_minute: http.reads_per_minute,
            writes_per_minute: http.writes_per_minute,
            anonymous_per_minute: http.anonymous_per_minute,
            limit_loopback: http.limit_loopback,
        },
        drain_timeout: Duration::from_millis(http.drain_timeout_ms),
        session_lifetime: Duration::from_secs(u64::from(http.session_hours) * 3600),
        session_idle: (http.session_idle_minutes > 0)
            .then(|| Duration::from_secs(u64::from(http.session_idle_minutes) * 60)),
        scrape: match config.metrics.without_token {
            WithoutToken::Nobody => Scrape::Nobody,
            WithoutToken::Loopback => Scrape::Loopback,
            WithoutToken::Anyone => Scrape::Anyone,
        },
    }
}
