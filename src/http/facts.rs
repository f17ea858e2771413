//! The one way in which accounts, sessions and tokens change: all documents and the fact for the
//! audit trail together, or nothing.

use serde_json::Value;

use crate::engine::{ChangeOutcome, Document, DocumentChange, Engine, EngineError};
use crate::model::audit::{Author, Fact};
use crate::model::time::Timestamp;

/// Writes all of it with the fact, or nothing.
pub async fn change(
    engine: &Engine,
    changes: Vec<DocumentChange>,
    fact: Option<Fact>,
) -> Result<ChangeOutcome, EngineError> {
    if let Some(fact) = &fact {
        tracing::info!(by = %fact.by, action = fact.action, target = fact.target, "recorded");
    }
    engine.change(changes, fact).await
}

/// A document is written; the version that it must have, 0 when it must not be there.
pub fn put(kind: &str, id: &str, body: Vec<u8>, expect_version: Option<u64>) -> DocumentChange {
    // The engine stamps the time.
    let document = Document { id: id.to_owned(), version: 0, updated_at: Timestamp(0), body };
    DocumentChange::Put { kind: kind.to_owned(), document, expect_version }
}

/// A document is removed, whatever its version.
pub fn remove(kind: &str, id: &str) -> DocumentChange {
    DocumentChange::Remove { kind: kind.to_owned(), id: id.to_owned(), expect_version: None }
}

/// A fact of this author.
pub fn fact(author: Author, action: &str, target: &str, detail: Value) -> Fact {
    Fact::new(author, action, target).with(detail)
}
