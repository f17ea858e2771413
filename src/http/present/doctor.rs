//! What a look at the store found, as the API shows it.

use crate::api::doctor::{Finding, Findings, Forecast};
use crate::engine;

/// Findings.
pub fn findings(found: engine::Findings) -> Findings {
    let shown = |one: engine::Finding| Finding { job_id: one.job.to_string(), reason: one.reason };
    Findings { total: found.total, first: found.first.into_iter().map(shown).collect() }
}

/// How long the disk will last.
pub fn forecast(forecast: engine::Forecast) -> Forecast {
    let engine::Forecast { bytes, free_bytes, bytes_per_day, days_left } = forecast;
    Forecast { bytes, free_bytes, bytes_per_day, days_left }
}
