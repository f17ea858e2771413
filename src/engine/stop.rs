//! The end of an engine: nothing new begins, what is under way may end in time, then the actors
//! stop and the store closes. What did not end in time is due again at the next start.

use std::sync::atomic::Ordering;

use crate::engine::Engine;

impl Engine {
    /// Drains and stops everything, then closes the store.
    pub async fn stop(&self) {
        let shared = &self.shared;
        shared.stopping.store(true, Ordering::Release);
        let limit = shared.parts.options.drain_timeout.as_duration();
        let drained = async {
            loop {
                let changed = shared.calls_changed.notified();
                if shared.calls.load(Ordering::Acquire) == 0 {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(limit, drained).await.is_err() {
            let calls = shared.calls.load(Ordering::Acquire);
            tracing::warn!(
                calls,
                "calls did not end in time; they are made again at the next start"
            );
        }
        self.root.stop_and_wait(None, None).await.ok();
        if let Err(error) = shared.unmade.save(&*shared.parts.store, self.now()).await {
            tracing::warn!(%error, "calls that had not left will count as interrupted");
        }
        // Nobody listens any more: the last head goes to the store, the file and the log.
        if let Err(error) = self.sign_head().await {
            tracing::warn!(%error, "the end of the audit trail is not signed");
        }
        if let Err(error) = shared.parts.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}
