//! The secrets that callbacks are signed with: sealed, in a record of their own beside the gate,
//! and gone with it. One opens for its gate and its address only, so nobody signs for another one
//! with it.

use serde::{Deserialize, Serialize};

use crate::calls::{VaultError, WebhookSecret};
use crate::engine::EngineError;
use crate::engine::shared::Shared;
use crate::model::id::JobId;
use crate::store::Document;

/// The kind of the records, by gate.
const KIND: &str = "webhook-secrets";
/// Records looked at together when those of removed gates are removed.
const PAGE: usize = 200;

/// A sealed secret.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    sealed: String,
    /// Was it drawn here? Then who opens the gate again under the same key is shown it again.
    is_drawn: bool,
}

fn record(gate: JobId, url: &str) -> String {
    format!("webhook {gate} {url}")
}

/// Seals the secret of a gate that is about to be opened.
pub(super) async fn keep(
    shared: &Shared,
    gate: JobId,
    url: &str,
    secret: &WebhookSecret,
    is_drawn: bool,
) -> Result<(), EngineError> {
    let sealed = shared.parts.caller.seal(&secret.reveal(), &record(gate, url));
    let sealed = sealed.map_err(|error| EngineError::Unavailable(error.to_string()))?;
    let body = serde_json::to_vec(&Sealed { sealed, is_drawn })
        .map_err(|error| EngineError::Unavailable(error.to_string()))?;
    let updated_at = shared.parts.clock.now();
    let document = Document { id: gate.to_string(), version: 0, updated_at, body };
    shared.parts.store.put_document(KIND, document, None).await?;
    Ok(())
}

/// Forgets the secret of a gate that was not opened, or is gone.
pub(super) async fn forget(shared: &Shared, gate: JobId) -> Result<(), EngineError> {
    shared.parts.store.remove_document(KIND, &gate.to_string()).await?;
    Ok(())
}

/// The secret of a gate, and whether it was drawn here; the reason when it cannot be opened.
pub(super) async fn of(
    shared: &Shared,
    gate: JobId,
    url: &str,
) -> Result<Result<(WebhookSecret, bool), String>, EngineError> {
    let Some(document) = shared.parts.store.document(KIND, &gate.to_string()).await? else {
        return Ok(Err("its secret is not in the store any more".to_owned()));
    };
    let damaged = || "its sealed secret is damaged".to_owned();
    let Ok(kept) = serde_json::from_slice::<Sealed>(&document.body) else {
        return Ok(Err(damaged()));
    };
    let vault = shared.parts.caller.vault().ok_or(VaultError::Missing);
    let opened = vault.and_then(|vault| vault.unseal(&kept.sealed, &record(gate, url)));
    Ok(match opened {
        Ok(text) => {
            WebhookSecret::parse(&text).map(|secret| (secret, kept.is_drawn)).map_err(|_| damaged())
        }
        Err(error) => Err(error.to_string()),
    })
}

impl crate::engine::Engine {
    /// Forgets the secrets of gates that retention removed, or that a crash kept from being opened;
    /// says how many. To be called now and then.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_lost_webhook_secrets(&self) -> Result<u64, EngineError> {
        let (mut after, mut forgotten): (Option<String>, u64) = (None, 0);
        loop {
            let page = self.documents(KIND, after.as_deref(), PAGE).await?;
            for document in &page {
                let Ok(gate) = document.id.parse::<JobId>() else { continue };
                // A gate that is being opened has its secret before it has its job.
                let is_fresh = self.now().since(document.updated_at) < OPENING_TIME;
                if !is_fresh && self.shared.parts.store.job(gate).await?.is_none() {
                    forget(&self.shared, gate).await?;
                    forgotten += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => return Ok(forgotten),
            }
        }
    }
}

/// Longer than a gate takes to be opened, whatever the disk does.
const OPENING_TIME: crate::model::time::Span = crate::model::time::Span::from_secs(3_600);
