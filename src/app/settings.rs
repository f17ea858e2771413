//! From the configuration to the options of each part: the one place that knows both. It decides
//! nothing; a value that a part refuses is reported with the section it stands in.

use std::path::PathBuf;
use std::time::Duration;

use crate::app::error::AppError;
use crate::calls::{self, Secrets};
use crate::config::Config;
use crate::config::store::{Recovery, StoreUrl};
use crate::engine;
use crate::http;
use crate::model::time::Span;
use crate::store::redb::{self, RedbOptions};

/// The file of the store, and how it is opened.
pub(super) fn store(config: &Config) -> RedbOptions {
    let StoreUrl::Redb(path) = &config.store.url;
    RedbOptions {
        path: path.clone(),
        cache_bytes: mebibytes(config.store.cache_mib),
        recovery: match config.store.recovery {
            Recovery::Verify => redb::Recovery::Verify,
            Recovery::Fast => redb::Recovery::Fast,
        },
        disk_floor_bytes: u64::from(config.store.disk_floor_mib) << 20,
    }
}

/// The listener.
pub(super) fn http(config: &Config) -> http::Options {
    let http = &config.http;
    http::Options {
        listen: http.listen,
        public_url: http.public_url.clone(),
        behind_proxy: http.behind_proxy,
        body_bytes_max: bytes(http.body_bytes_max),
        request_timeout: Duration::from_millis(http.request_timeout_ms),
        header_timeout: Duration::from_millis(http.header_timeout_ms),
        connections_max: http.connections_max as usize,
        drain_timeout: Duration::from_millis(http.drain_timeout_ms),
        session_lifetime: Duration::from_secs(u64::from(http.session_hours) * 3_600),
    }
}

/// The actors.
pub(super) fn engine(config: &Config) -> engine::Options {
    let (engine, worker) = (&config.engine, &config.worker);
    engine::Options {
        concurrent_jobs_max: worker.max_concurrent_jobs as usize,
        autostart: worker.autostart,
        poll_interval: Span::from_millis(worker.poll_interval_ms),
        drain_timeout: Span::from_millis(worker.drain_timeout_ms),
        restarts_max: engine.restarts_max,
        restart_window: Span::from_millis(engine.restart_window_ms),
        restart_backoff: Span::from_millis(engine.restart_backoff_ms),
        live_jobs_max: engine.live_jobs_max as usize,
        queue_max: engine.queue_max.into(),
    }
}

/// The way out of the process, and the secrets that may leave by it.
pub(super) fn calls(config: &Config) -> Result<(calls::Options, Secrets), AppError> {
    let egress = &config.egress;
    let refused = |error: &dyn ToString| AppError::setting("[egress] allow", error.to_string());
    let allow = egress.allow.iter().map(|rule| rule.parse());
    let allow = allow.collect::<Result<_, _>>().map_err(|error| refused(&error))?;
    let options = calls::Options {
        allow,
        connect_timeout_ms: egress.connect_timeout_ms,
        response_timeout_ms: egress.response_timeout_ms,
        total_timeout_ms: egress.total_timeout_ms,
        response_bytes_max: bytes(egress.response_bytes_max),
        resolve: egress.resolve.clone(),
        extra_roots: egress.ca_files.clone(),
        artifacts: config.artifacts.dir.clone(),
    };
    let secrets = Secrets::load(config.secrets.dir.as_deref())
        .map_err(|error| AppError::setting("[secrets] dir", error))?;
    Ok((options, secrets))
}

/// The folder of workflow documents. A server without it would refuse every job, so it must exist.
pub(super) fn workflows(config: &Config) -> Result<PathBuf, AppError> {
    let dir = config.workflows.dir.clone();
    match std::fs::read_dir(&dir) {
        Ok(_) => Ok(dir),
        Err(error) => Err(AppError::Workflows { dir, reason: error.to_string() }),
    }
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn mebibytes(count: u32) -> usize {
    (count as usize).saturating_mul(1 << 20)
}
