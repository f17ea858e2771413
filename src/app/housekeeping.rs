//! What is swept now and then: logins that are over, jobs whose time is over. It holds nothing up
//! and stops nothing when it fails; the next round takes what this one left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::app::retention::{Rules, sweep};
use crate::engine::Engine;
use crate::http::session::DocumentSessions;
use crate::http::tokens;
use crate::http::{HttpState, replies};
use crate::store::Store;

/// How often it is swept. An expired login is refused at once; this only frees its room.
const PERIOD: Duration = Duration::from_secs(3_600);
/// How often the head of the audit trail is signed while it grows: what a thief of the whole
/// machine can change unseen is at most as old.
const SIGN_PERIOD: Duration = Duration::from_secs(60);
/// How often the figures of the agents catch up when nobody asks: their metrics are read like this.
const COUNT_PERIOD: Duration = Duration::from_secs(5);

/// Sweeps until `stop`.
pub(super) fn keep(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let sessions = DocumentSessions::new(engine.clone());
        let mut ticks = tokio::time::interval(PERIOD);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match sessions.remove_expired().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "logins that were over are gone"),
                Err(error) => tracing::debug!(%error, "logins that are over stay for now"),
            }
            match tokens::remove_ended(&engine).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "tokens that ended long ago are gone"),
                Err(error) => tracing::debug!(%error, "tokens that ended stay for now"),
            }
        }
    });
}

/// Forgets answers that are kept no longer, and counts of callers that are gone, until `stop`.
pub(super) fn forget(state: HttpState, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            state.sweep_rates();
            match replies::remove_old(&state.engine).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "kept answers that were old are gone"),
                Err(error) => tracing::debug!(%error, "kept answers that are old stay for now"),
            }
        }
    });
}

/// Forgets links that have long been good for nothing, and secrets of callbacks whose gates are
/// gone, until `stop`.
pub(super) fn tidy_gates(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let links = engine.forget_old_links().await;
            let secrets = engine.forget_lost_webhook_secrets().await;
            match (links, secrets) {
                (Ok(0), Ok(0)) => {}
                (Ok(links), Ok(secrets)) => {
                    tracing::debug!(links, secrets, "what gates left behind is gone");
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::debug!(%error, "what gates left behind stays for now");
                }
            }
        }
    });
}

/// Lets the figures of the agents catch up until `stop`, if there are agents.
pub(super) fn count_agents(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(COUNT_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if engine.agents().is_empty() {
                continue;
            }
            if let Err(error) = engine.all_agent_statistics().await {
                tracing::debug!(%error, "the figures of the agents stay behind");
            }
        }
    });
}

/// Signs how far the audit trail goes, once a minute while it grows, until `stop`. The end is
/// signed when the engine stops.
pub(super) fn sign_heads(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SIGN_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = engine.publish_head().await {
                tracing::warn!(%error, "the head of the audit trail is not signed; it will be");
            }
        }
    });
}

/// Lets the figures of oversight catch up until `stop`.
pub(super) fn count_oversight(engine: Engine, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SIGN_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = engine.count_oversight().await {
                tracing::debug!(%error, "the figures of oversight stay behind");
            }
        }
    });
}

/// Archives and removes jobs whose time is over, until `stop`. A store that is held stays as it is.
pub(super) fn retain(engine: Engine, store: Arc<dyn Store>, rules: Rules, stop: CancellationToken) {
    if rules.kept.is_empty() {
        return;
    }
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if engine.hold().is_some() {
                continue;
            }
            // What is archived is counted before: its journal goes.
            if !engine.agents().is_empty()
                && let Err(error) = engine.all_agent_statistics().await
            {
                tracing::debug!(%error, "the figures of the agents stay behind");
            }
            if let Err(error) = engine.count_oversight().await {
                tracing::debug!(%error, "the figures of oversight stay behind");
            }
            if let Err(error) = sweep(&*store, &rules, engine.now()).await {
                tracing::warn!(%error, "jobs whose time is over stay for now");
            }
        }
    });
}
