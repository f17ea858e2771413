//! The metrics recorder of the process. A process has one, however many apps it starts (tests start many).

use std::sync::{Mutex, PoisonError};

use crate::app::AppError;
use crate::telemetry::metrics::Metrics;

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// The recorder, installed by the first call.
pub(super) fn install() -> Result<Metrics, AppError> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let metrics = Metrics::install().map_err(|error| AppError::setting("metrics", error))?;
    *installed = Some(metrics.clone());
    Ok(metrics)
}
