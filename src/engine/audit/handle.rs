//! The audit trail through the handle: what is done beside the journals of jobs gets its entry in
//! the transaction that does it. Nothing here writes without saying by whom.

use serde_json::json;

use crate::engine::{AuditPage, AuditQuery, ChangeOutcome, DocumentChange, Engine, EngineError};
use crate::model::audit::{AuditEntry, AuditHead, Fact};
use crate::model::id::ContentHash;

/// Largest detail of a fact, bytes of JSON: an entry is to say what was done, not to hold it. Of a
/// larger one the trail has its size and its SHA-256.
const DETAIL_BYTES_MAX: usize = 16 * 1024;

impl Engine {
    /// Makes all of these changes of documents, and writes the entry of the fact with them, or does
    /// nothing. The engine stamps the time.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn change(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
    ) -> Result<ChangeOutcome, EngineError> {
        let now = self.now();
        let stamped = changes.into_iter().map(|change| match change {
            DocumentChange::Put { kind, mut document, expect_version } => {
                document.updated_at = now;
                DocumentChange::Put { kind, document, expect_version }
            }
            remove @ DocumentChange::Remove { .. } => remove,
        });
        let (stamped, fact) = (stamped.collect(), fact.map(bounded));
        Ok(self.shared.parts.store.change_documents(stamped, fact, now).await?)
    }

    /// Writes the entry of a fact that changes no document.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn record(&self, fact: Fact) -> Result<(), EngineError> {
        self.change(Vec::new(), Some(fact)).await.map(|_| ())
    }

    /// A page of the audit trail, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, EngineError> {
        Ok(self.shared.parts.store.audit(query).await?)
    }

    /// Entries of the audit trail after this place, at most `max`, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit_entries(
        &self,
        after: u64,
        max: usize,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        Ok(self.shared.parts.store.audit_entries(after, max).await?)
    }

    /// How far the audit trail goes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit_head(&self) -> Result<AuditHead, EngineError> {
        Ok(self.shared.parts.store.audit_head().await?)
    }
}

/// The fact with a detail that an entry may hold.
fn bounded(mut fact: Fact) -> Fact {
    let bytes = serde_json::to_vec(&fact.detail).unwrap_or_default();
    if bytes.len() > DETAIL_BYTES_MAX {
        let sha256 = ContentHash::of(&bytes).to_string();
        fact.detail = json!({ "omittedBytes": bytes.len(), "sha256": sha256 });
    }
    fact
}
