//! The start of an engine: the time, the workflows, the actors, then recovery, then the worker.

use std::sync::{Arc, PoisonError};

use ractor::Actor;
use serde_json::json;
use tokio::sync::oneshot;

use crate::engine::root::{Open, Root};
use crate::engine::shared::Shared;
use crate::engine::standing::{Hold, Standing};
use crate::engine::{Engine, EngineError, Parts, recovery, rules};
use crate::machine::Environment;

impl Engine {
    /// Starts an engine on these parts. When it returns, every job is in its place and the worker
    /// runs (unless the options say otherwise).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: Parts) -> Result<Engine, EngineError> {
        let began = parts.clock.now();
        let standing = Standing::of(&*parts.store).await?;
        if let Some(hold) = &standing.hold {
            let Hold { since, reason } = hold;
            tracing::warn!(%since, reason, "the store is held: nothing starts before its release");
        }
        let environment = Environment {
            runtime: Arc::new(json!({
                "name": "holdpoint",
                "version": env!("CARGO_PKG_VERSION"),
                "metadata": {},
            })),
            secrets: parts.caller.masked_secrets(),
            key_mark: standing.key_mark().map(Into::into),
            has_judge: parts.caller.judges(),
        };
        let folder = parts.workflows.clone();
        let shared = Arc::new(Shared::new(parts, Arc::new(environment), standing));
        shared.catalog.open(folder.as_deref(), began).await?;
        shared.registry.open(&shared.parts.caller).await?;
        shared.rules.open(&*shared.parts.store).await?;
        shared.publish(shared.parts.store.last_change().await?);
        let (root, _) = Root::spawn(None, Root, shared.clone())
            .await
            .map_err(|error| EngineError::Unavailable(error.to_string()))?;
        let report = match recovery::recover(&shared, began).await {
            Ok(report) => report,
            Err(error) => {
                root.stop_and_wait(None, None).await.ok();
                return Err(error);
            }
        };
        tracing::info!(?report, "recovered");
        *shared.report.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(report);
        let (open, opened) = oneshot::channel();
        root.cast(Open(open)).map_err(|_| EngineError::Stopping)?;
        opened.await.map_err(|_| EngineError::Stopping)?;
        let engine = Engine { shared, root };
        engine.resume_batches().await?;
        rules::follow(&engine);
        Ok(engine)
    }
}
