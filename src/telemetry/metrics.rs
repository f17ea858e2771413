//! The Prometheus recorder: fixed buckets, a help text for every metric, and the text that the
//! scrape answers. It samples nothing: who knows a value sets it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Recorder, SharedString};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::model::metric_names::{self, ALL, Kind};

/// Jobs take seconds to days; 1, 5 and 10 are the bounds that existing dashboards read.
const JOB_BUCKETS: &[f64] =
    &[1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0];
/// Commits and requests take from a fifth of a millisecond (a quiet disk) to seconds (a sick one).
const FINE_BUCKETS: &[f64] =
    &[0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];
/// A commit takes at most 256 commands.
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// Without it the samples of histograms pile up in memory between two scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// Why metrics could not be set up.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The buckets were refused by the exporter.
    #[error("the metrics recorder cannot be built: {0}")]
    Build(#[from] BuildError),
    /// Something else in this process has taken the metrics already.
    #[error("the metrics of this process go elsewhere already")]
    Taken,
}

/// A handle to the recorded values; clones share them.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Makes the recorder of this process at the first call; later calls answer the same handle.
    pub fn install() -> Result<Self, MetricsError> {
        // A poisoned lock holds an Option all the same.
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = installed.as_ref() {
            return Ok(metrics.clone());
        }
        let (recorder, metrics) = Self::build()?;
        metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Taken)?;
        *installed = Some(metrics.clone());
        Ok(metrics)
    }

    /// A recorder of its own, for `metrics::with_local_recorder` in tests.
    pub fn build() -> Result<(PrometheusRecorder, Self), MetricsError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(full(metric_names::AGENT_JOBS_DURATION_SECONDS), JOB_BUCKETS)?
            .set_buckets_for_metric(full(metric_names::AGENT_CALL_SECONDS), JOB_BUCKETS)?
            .set_buckets_for_metric(full(metric_names::STORE_BATCH_SIZE), BATCH_BUCKETS)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), FINE_BUCKETS)?
            .build_recorder();
        describe(&recorder);
        let handle = recorder.handle();
        Ok((recorder, Self { handle }))
    }

    /// Everything recorded, in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Keeps the memory of histograms bounded until `stop`.
    pub fn keep_up(&self, stop: CancellationToken) -> JoinHandle<()> {
        let handle = self.handle.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP_EVERY);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                handle.run_upkeep();
            }
        })
    }
}

fn full(name: &str) -> Matcher {
    Matcher::Full(name.to_owned())
}

fn describe(recorder: &PrometheusRecorder) {
    for metric in ALL {
        let (name, help) = (metric.name.into(), SharedString::const_str(metric.help));
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram => recorder.describe_histogram(name, None, help),
        }
    }
}
