//! The one way in which accounts, sessions and tokens change: all documents and the fact for the
//! audit trail together, or nothing.

use serde_json::Value;

use crate::engine::{DocumentOutcome, Engine, EngineError};
use crate::model::audit::{Author, Fact};

/// A change of one document.
#[derive(Clone, Debug)]
pub enum DocumentChange {
    /// It is written.
    Put {
        /// Its kind.
        kind: &'static str,
        /// Its id within its kind.
        id: String,
        /// Its content.
        body: Vec<u8>,
        /// The version that it must have; 0 when it must not be there.
        expect_version: Option<u64>,
    },
    /// It is removed.
    Remove {
        /// Its kind.
        kind: &'static str,
        /// Its id within its kind.
        id: String,
    },
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// All of it is on disk.
    Applied,
    /// Nothing is: the document at this place of the list has another version.
    Conflict(usize),
}

/// Writes all of it with the fact, or nothing.
pub async fn change(
    engine: &Engine,
    changes: Vec<DocumentChange>,
    fact: Option<Fact>,
) -> Result<Changed, EngineError> {
    if let Some(fact) = &fact {
        tracing::info!(by = %fact.by, action = fact.action, target = fact.target, "recorded");
    }
    for (index, change) in changes.into_iter().enumerate() {
        match change {
            DocumentChange::Put { kind, id, body, expect_version } => {
                let outcome = engine.put_document(kind, &id, body, expect_version).await?;
                if let DocumentOutcome::Conflict(_) = outcome {
                    return Ok(Changed::Conflict(index));
                }
            }
            DocumentChange::Remove { kind, id } => {
                engine.remove_document(kind, &id).await?;
            }
        }
    }
    Ok(Changed::Applied)
}

/// Writes a fact that comes with no change.
pub async fn record(engine: &Engine, fact: Fact) -> Result<(), EngineError> {
    change(engine, Vec::new(), Some(fact)).await.map(drop)
}

/// A fact of this author.
pub fn fact(author: Author, action: &str, target: &str, detail: Value) -> Fact {
    Fact {
        by: author.by,
        action: action.to_owned(),
        target: target.to_owned(),
        detail,
        origin: author.origin,
    }
}
