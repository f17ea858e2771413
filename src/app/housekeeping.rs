//! What is swept now and then: logins that are over. It holds nothing up and fails quietly; the
//! next round takes what this one left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::http::session::DocumentSessions;

/// How often it is swept. An expired login is refused at once; this only frees its room.
const PERIOD: Duration = Duration::from_secs(3_600);

/// Sweeps until `stop`.
pub(super) fn keep(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let sessions = DocumentSessions::new(engine);
        let mut ticks = tokio::time::interval(PERIOD);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match sessions.remove_expired().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "logins that were over are gone"),
                Err(error) => tracing::debug!(%error, "logins that are over stay for now"),
            }
        }
    });
}
